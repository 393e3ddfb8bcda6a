"""The probe: its program in real shells, its answers, and its questions."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import trio

from backends.ssh.command import in_shell
from backends.ssh.probe import MAX_LINE, MAX_NOISE, Answer, Probe, parse_answer, probe_script
from swarmkit.streams import open_pipe

SHELLS = ["dash", "bash", "bash --posix", "busybox ash", "zsh", "ksh", "mksh"]
HERE = [shell for shell in SHELLS if shutil.which(shell.split()[0])]

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
"""Root may do everything: as root, the probe is asked as another user."""


def asked(script: str, shell: str = "sh", **environment: str) -> Answer:
    """Run the probe here, ask it twice, and return the second answer."""
    words = [*NOBODY, *shell.split(), "-c", script]
    variables = {"PATH": os.environ["PATH"], "SSH_CONNECTION": "10.0.0.9 50000 10.0.0.1 22", **environment}
    done = subprocess.run(words, input=b"0\n1\n", stdout=subprocess.PIPE, env=variables, check=True)
    answers = [parse_answer(line) for line in done.stdout.splitlines()]
    assert [found and found[0] for found in answers] == [0, 1]
    assert answers[1] is not None
    return answers[1][1]


@pytest.fixture
def listening(path: Path) -> Path:
    """Make a socket that everybody may use."""
    path.parent.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    path.chmod(0o777)
    return path


@pytest.mark.parametrize("shell", HERE)
def test_probe_runs_in_every_shell(listening: Path, shell: str) -> None:
    """What `sh` is differs from host to host."""
    answer = asked(probe_script("/nowhere", ("$NONE", "/nowhere", str(listening))), shell)
    assert (answer.state, answer.socket, answer.ip) == ("ok", str(listening), "10.0.0.1")


def test_probe_keeps_what_it_has_found(listening: Path) -> None:
    """The first candidate that can be used is taken; without candidates there is nothing to be found."""
    other = f"{listening}2"
    assert asked(probe_script("/nowhere", (other, "${HOST_OF#unix://}")), HOST_OF=f"unix://{listening}").state == "ok"
    assert asked(probe_script("/nowhere", (other,))).socket == "/nowhere"
    assert asked(probe_script(str(listening))).problem("web") is None


def test_probe_tells_who_may(listening: Path) -> None:
    """A socket that may not be used is told with the group that may."""
    listening.chmod(0o660)
    if NOBODY:
        os.chown(listening, 0, 0)
    else:
        listening.chmod(0o020)
    answer = asked(probe_script(str(listening)))
    assert answer.state == "denied"
    assert answer.group == listening.group()
    problem = f"{answer.user} may not use {listening} on web; members of the group {answer.group!r} may"
    assert answer.problem("web") == problem


def test_probe_tells_no_group_that_may_not(listening: Path) -> None:
    """A socket for its owner alone has no group that would help."""
    listening.chmod(0o600 if NOBODY else 0o000)
    answer = asked(probe_script(str(listening)))
    assert answer.problem("web") == f"{answer.user} may not use {listening} on web"


def test_probe_tells_a_closed_directory(listening: Path) -> None:
    """What is in a directory that may not be looked into is not missing."""
    listening.parent.chmod(0o700 if NOBODY else 0o600)
    try:
        answer = asked(probe_script(f"{listening.parent}/sub/dir/x.sock"))
    finally:
        listening.parent.chmod(0o755)
    assert answer.state == "hidden"
    assert "its directory is not open to that user" in str(answer.problem("web"))


def test_probe_tells_missing_from_other(listening: Path) -> None:
    """A path that leads nowhere, and one that leads to something else."""
    assert asked(probe_script("/nowhere/at/all")).state == "missing"
    assert asked(probe_script("/etc/passwd")).state == "other"


def test_probe_needs_no_address(listening: Path) -> None:
    """Where the host does not say by which address it was reached, there is none."""
    assert asked(probe_script(str(listening)), SSH_CONNECTION="").ip is None
    assert asked(probe_script(str(listening)), SSH_CONNECTION="::1 1 ::1 22").ip is None


@pytest.mark.parametrize("word", ["a'b", 'a"b', "a`id`", "a;b", "a\nb", "a\\b", "a!b", "a&b", "a|b", "a>b"])
def test_words_that_would_end_the_program_are_refused(word: str) -> None:
    """The program goes through two shells, in single quotes and then in double ones."""
    with pytest.raises(ValueError, match="not words for the probe"):
        probe_script(word)


def test_program_goes_through_every_login_shell() -> None:
    """Within single quotes, no shell reads anything in it: no quote, no backslash, no `!`, one line."""
    script = probe_script("/run/a.sock", ("${DOCKER_HOST#unix://}", "/run/user/$(id -u)/docker.sock"))
    assert in_shell(script) == f"sh -c '{script}'"
    with pytest.raises(ValueError, match="not for every login shell"):
        in_shell("echo 'x'")


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"swarmd 7 ok /s 10.0.0.1 ops ", (7, Answer("ok", "/s", "10.0.0.1", "ops"))),
        (b"swarmd 7 ok /s 127.0.0.1 ops", (7, Answer("ok", "/s", None, "ops"))),
        (b"swarmd 7 ok /s - -", (7, Answer("ok", "/s", None, "-"))),
        (b"swarmd 7 ok /s fe80::1%eth0 ops", (7, Answer("ok", "/s", "fe80::1%eth0", "ops"))),
        (
            b"swarmd 0 denied /s 10.0.0.1 ops srw-rw---- 1 root docker 0 Jan 1 10:00 /s",
            (0, Answer("denied", "/s", "10.0.0.1", "ops", "docker")),
        ),
        (
            b"swarmd 0 denied /s 10.0.0.1 ops srw-r----- 1 root docker 0 Jan 1 10:00 /s",
            (0, Answer("denied", "/s", "10.0.0.1", "ops")),
        ),
        (b"swarmd 0 perhaps /s 10.0.0.1 ops", None),
        (b"swarmd x ok /s 10.0.0.1 ops", None),
        (b"swarmd 0 ok /s 10.0.0.1", None),
        (b"Welcome to web-1", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_answer_is_read(line: bytes, expected: tuple[int, Answer] | None) -> None:
    """A line that is no answer is noise, whatever it is."""
    assert parse_answer(line) == expected


# -- questions ---------------------------------------------------------------------------------------------------------


async def test_answers_are_those_of_the_questions() -> None:
    """Each question gets the answer of its number, noise and other numbers left out, byte by byte."""
    to, asked_lines = open_pipe()
    answering, answers = open_pipe()
    probe = Probe(to, answers)
    found: list[Answer | None] = []

    async def ask() -> None:
        found.append(await probe.ask())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(probe.run)
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert await asked_lines.receive_some() == b"0\n1\n"
        for byte in b"motd\nswarmd 9 ok /9 - ops\nswarmd 0 ok /0 - ops\nswarmd 1 missing /1 - ops\n":
            await answering.send_all(bytes([byte]))
        await trio.testing.wait_all_tasks_blocked()
        assert found == [Answer("ok", "/0", None, "ops"), Answer("missing", "/1", None, "ops")]
        nursery.cancel_scope.cancel()


async def test_end_of_the_session_answers_all_questions() -> None:
    """Who waits for an answer that will not come is told, and so is whoever asks later."""
    to, _ = open_pipe()
    answering, answers = open_pipe()
    probe = Probe(to, answers)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(probe.run)
        answering.send_eof()
        assert await probe.ask() is None
        assert await probe.ask() is None


async def test_talk_without_end_is_no_probe() -> None:
    """An account whose session says more than a start-up file would is not listened to."""
    to, _ = open_pipe()
    answering, answers = open_pipe(MAX_NOISE * 2)
    probe = Probe(to, answers)
    await answering.send_all(b"x" * (MAX_NOISE + MAX_LINE + 1))
    with trio.fail_after(5):
        await probe.run()
    assert probe.ended.is_set()
