"""The words of `swarmd join`."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from swarmkit import Denied, Invalid, NotFound
from swarmkit.commands.join import advertised, checked_name, join
from swarmkit.commands.joining import Member
from swarmkit.pipeline import Pipeline


class Asked(Exception):
    """The words were right: this is what would be joined."""


@pytest.fixture(autouse=True)
def _no_joining(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command stop where it would begin."""

    async def _join(member: Member, source: Pipeline, host: Pipeline) -> int:
        raise Asked(member, str(source), str(host))

    def run(work: object) -> int:
        coroutine = work()  # type: ignore[operator]
        coroutine.send(None)
        raise AssertionError("it went on")

    monkeypatch.setattr("swarmkit.commands.join._join", _join)
    monkeypatch.setattr("swarmkit.commands.join.run_until_signal", run)


def asked(words: Sequence[str]) -> tuple[Member, str, str]:
    """Return the member, the source and the host that the words mean."""
    with pytest.raises(Asked) as raised:
        join.main(list(words), standalone_mode=False)
    member, source, host = raised.value.args
    return member, source, host


DOCS = Path(__file__).parents[2] / "docs"
ETCD = "http://127.0.0.1:2379/prod"
TLS = ("--tlsverify", "--cacert", "ca.pem", "--cert", "c.pem", "--key", "k.pem")


def test_words_mean_a_member_a_source_and_a_host() -> None:
    """The options of TLS are for looking at the host, and no part of what is registered."""
    words = [ETCD, "--name", "web", "--advertise", "docker tcp://192.0.2.7", "--ttl", "2m", "--label", "zone=a=b", *TLS]
    member, source, host = asked(words)
    assert member == Member("web", "docker tcp://192.0.2.7:2376", 120, {"zone": "a=b"})
    assert source == f"etcd {ETCD}"
    assert host == "docker tcp://192.0.2.7:2376 --tlsverify --cacert ca.pem --cert c.pem --key k.pem"


def test_what_is_unknown_is_etcds() -> None:
    """Its options may stand anywhere; `--insecure` is for both."""
    words = ["--user", "me", "--password-file", "/p", ETCD, "--insecure", "--advertise", "docker tcp://192.0.2.7:1"]
    _, source, host = asked([*words, "--name", "web"])
    assert source == f"etcd {ETCD} --user me --password-file /p --insecure"
    assert host == "docker tcp://192.0.2.7:1 --insecure"


def test_etcd_may_be_in_the_clear_where_the_host_is_not() -> None:
    """Then `--insecure` is for etcd alone."""
    words = ["http://192.0.2.1/p", "--insecure", *TLS, "--advertise", "docker tcp://192.0.2.7:1", "--name", "web"]
    _, source, host = asked(words)
    assert source.endswith("/p --insecure")
    assert "--insecure" not in host


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("systemd/swarmd-join.service", r"^ExecStart=/opt/swarmd/bin/swarmd join (.+)$"),
        ("swarmd.md", r"^    swarmd join (http.+)$"),
    ],
)
def test_the_documents_have_words_that_are_right(file: str, line: str) -> None:
    """Of the unit, and of the page."""
    (words,) = re.findall(line, (DOCS / file).read_text(), re.MULTILINE)
    member, source, _ = asked([*shlex.split(words), "--name", "web"])
    assert (member.address, source) == ("docker tcp://192.0.2.7:2376", f"etcd {ETCD}")


def test_a_member_is_called_as_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless its name is given; one that no host can have is refused, and it is said whose it is."""
    monkeypatch.setattr(socket, "gethostname", lambda: "web-1.example.org")
    assert checked_name(None) == "web-1.example.org"
    assert checked_name("web") == "web"
    with pytest.raises(Invalid, match="'events' cannot be the name of a host"):
        checked_name("events")
    monkeypatch.setattr(socket, "gethostname", lambda: "-")
    with pytest.raises(Invalid, match="'-' \\(this machine's; give another with --name\\) cannot be"):
        checked_name(None)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("docker", Invalid, "what is advertised is 'docker tcp://HOST:PORT'"),
        ("docker tcp://192.0.2.7:1 --insecure", Invalid, "what is advertised is 'docker tcp://HOST:PORT'"),
        ("debug | docker tcp://192.0.2.7:1", Invalid, "what is advertised is 'docker tcp://HOST:PORT'"),
        ("docker 'tcp", Invalid, "No closing quotation"),
        ("dokcer tcp://192.0.2.7:1", NotFound, "did you mean 'docker'"),
        ("docker unix:///run/docker.sock", Invalid, "unix:///run/docker.sock is a socket of this machine"),
        ("ssh ops@192.0.2.7", Invalid, "what is advertised is 'docker tcp://HOST:PORT'"),
        ("docker ssh://192.0.2.7/run/docker.sock", Invalid, "what is advertised is 'docker tcp://HOST:PORT'"),
        ("docker tcp://127.0.0.1:2375", Denied, "leads to whichever machine reads it"),
        ("docker tcp://[::1]:2375", Denied, "leads to whichever machine reads it"),
        ("docker ssh://ops@localhost", Denied, "leads to whichever machine reads it"),
        ("docker tcp://192.0.2.7:2375", Denied, "plain TCP to another machine is refused"),
    ],
)
def test_what_others_could_not_use_is_refused(text: str, error: type[Exception], says: str) -> None:
    """What is more than an address, what leads to this machine alone, and what is not safe."""
    with pytest.raises(error, match=says):
        advertised(text)


def test_an_address_of_this_machine_may_be_meant() -> None:
    """Where all who read it are here; a Unix socket cannot be told at all."""
    assert advertised("docker tcp://localhost:2375", insecure=True)[1] == "docker tcp://localhost:2375"
    with pytest.raises(Invalid, match="is a socket of this machine"):
        advertised("docker unix:///run/docker.sock", insecure=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing argument"),
        ([ETCD], "Missing option '--advertise'"),
        (["nowhere", "--advertise", "docker ssh://h"], "not an address of etcd"),
        ([ETCD, "--advertise", "docker ssh://h", "--loud"], "No such option '--loud'"),
        ([ETCD, "--advertise", "docker ssh://h", "--ttl", "soon"], "'soon' is no time"),
        ([ETCD, "--advertise", "docker ssh://h", "--ttl", "4"], "'4' is no time from 5s to 24h"),
        ([ETCD, "--advertise", "docker ssh://h", "--ttl", "25h"], "'25h' is no time"),
        ([ETCD, "--advertise", "docker ssh://h", "--label", "=x"], "'=x' is no label"),
        ([ETCD, "--advertise", "docker ssh://h", "--name", "a b"], "'a b' cannot be the name of a host"),
    ],
)
def test_wrong_words_are_wrong_usage(words: list[str], says: str) -> None:
    """The program ends with 2, and says which word is wrong."""
    with pytest.raises(click.UsageError) as raised:
        join.main(words, standalone_mode=False)
    assert says in raised.value.format_message()
