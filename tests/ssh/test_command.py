"""The command lines of ssh."""

from __future__ import annotations

import subprocess

import pytest

from backends.ssh import SshAddress, SshOptions
from backends.ssh.command import DEFAULTS, MUSTS, SshCommand

COMMAND = SshCommand(
    SshAddress("web-1", "ops", 2222),
    SshOptions(("/k",), "/dev/null", None, ("ConnectTimeout=3", "Compression=yes")),
    "/d",
)


def settled(words: list[str]) -> dict[str, str]:
    """Return what ssh itself makes of a command line, without connecting."""
    start = next(place for place, word in enumerate(words) if word.endswith("/ssh"))
    shown = subprocess.run([words[start], "-G", *words[start + 1 :]], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in shown.stdout.splitlines() if " " in line)


def test_what_must_hold_holds() -> None:
    """ssh reads the words as they are meant: host, user, port, the user's option before a default of ours."""
    found = settled(COMMAND.connect("true"))
    expected = {
        "host": "web-1",
        "user": "ops",
        "port": "2222",
        "connecttimeout": "3",
        "compression": "yes",
        "serveraliveinterval": "5",
        "serveralivecountmax": "2",
        "batchmode": "yes",
        "controlmaster": "true",
        "controlpath": "/d/c",
        "clearallforwardings": "yes",
        "forwardagent": "no",
        "loglevel": "INFO",
        "requesttty": "false",
    }
    assert {name: found[name] for name in expected} == expected


def test_user_options_come_between_musts_and_defaults() -> None:
    """ssh takes the first value that it meets."""
    words = COMMAND.connect(None)
    places = [
        words.index(word) for word in (MUSTS[-1], f"ControlPath={COMMAND.control}", "Compression=yes", DEFAULTS[0])
    ]
    assert places == sorted(places)
    assert words[-2:] == ["--", "web-1"]
    assert words.index("-N") < words.index(MUSTS[0])


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (COMMAND.connect("true"), ["--", "web-1", "sh -c 'true'"]),
        (COMMAND.forward("/r"), ["-L", "/d/s:/r", "--", "web-1"]),
        (COMMAND.session("true"), ["--", "web-1", "sh -c 'true'"]),
    ],
)
def test_host_is_never_an_option(words: list[str], end: list[str]) -> None:
    """The host's name stands after `--`."""
    assert words[-len(end) :] == end
