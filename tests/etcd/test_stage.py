"""The words of the part `etcd`: where it is, who we are, and how members are spoken to."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from backends.etcd import EtcdStage
from backends.etcd.address import EtcdAddress, parse_address
from swarmkit import Invalid, Registry
from swarmkit.errors import Denied
from swarmkit.pipeline import parse_stage

TLS = "--etcd-cacert /ca.pem --etcd-cert /cert.pem --etcd-key /key.pem"


def stage(words: str) -> EtcdStage:
    """Parse a stage."""
    found = parse_stage(f"etcd {words}", Registry())
    assert isinstance(found, EtcdStage)
    return found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:2379/p", EtcdAddress((("127.0.0.1", 2379),), False, "p")),
        ("http://a,http://b:1/p/q/", EtcdAddress((("a", 2379), ("b", 1)), False, "p/q")),
        ("https://[2001:db8::7]//p", EtcdAddress((("2001:db8::7", 2379),), True, "/p")),
    ],
)
def test_addresses(text: str, address: EtcdAddress) -> None:
    """The prefix is behind the first slash of the last URL; a port is etcd's by default."""
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it reads URL[,URL...]/PREFIX"),
        ("127.0.0.1:2379/p", "it reads URL[,URL...]/PREFIX"),
        ("etcd://a/p", "it reads URL[,URL...]/PREFIX"),
        ("http://a,https://b/p", "it reads URL[,URL...]/PREFIX"),
        ("http://a/p,http://b/p", "it reads URL[,URL...]/PREFIX"),
        ("http://a?x=1/p", "it reads URL[,URL...]/PREFIX"),
        ("http:///p", "it reads URL[,URL...]/PREFIX"),
        ("http://a:x/p", "Port could not be cast to integer value as 'x'"),
        ("http://a", "it needs a prefix"),
        ("http://a//", "it needs a prefix"),
        ("http://a/p q", "it needs a prefix"),
        ("http://a/pré", "it needs a prefix"),
        ("http://bob:secret@a/p", "it has a user in it: use --user, and --password-file for the password"),
    ],
)
def test_what_is_no_address(text: str, why: str) -> None:
    """What is wrong is said, and a password in it is not."""
    with pytest.raises(Invalid) as refused:
        parse_address(text)
    assert why in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "words",
    [
        "http://127.0.0.1:2379/p",
        "http://192.0.2.9:2379,http://192.0.2.10:2379/p --insecure",
        f"https://192.0.2.9:2379/p {TLS}",
        "https://192.0.2.9:2379/p --etcd-cacert /ca.pem --tlsverify --cacert /m.pem --cert /mc.pem --key /mk.pem",
        "http://127.0.0.1:2379/p --user bob --password-file '/my password'",
    ],
)
def test_it_prints_as_it_is_written(words: str) -> None:
    """Its text makes it again."""
    assert shlex.split(str(stage(words))) == ["etcd", *shlex.split(words)]
    assert stage(words) == stage(str(stage(words)).removeprefix("etcd "))


@pytest.mark.parametrize(
    ("words", "kind", "why"),
    [
        ("http://192.0.2.9/p", Denied, "plain HTTP to another machine is refused"),
        ("https://192.0.2.9/p", Invalid, "https needs the certificate of etcd's CA: --etcd-cacert FILE"),
        (f"http://localhost/p {TLS}", Invalid, "--etcd-cacert, --etcd-cert and --etcd-key are for https://"),
        ("http://localhost/p --user bob:x", Invalid, "--user takes a name alone"),
        ("http://localhost/p --password x", Invalid, "No such option"),
    ],
)
def test_what_is_refused(words: str, kind: type[Exception], why: str) -> None:
    """It is said what is wrong and what can be done."""
    with pytest.raises(kind, match=why):
        stage(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("https://localhost/p --etcd-cacert none.pem", r"the CA certificate none.pem \(--etcd-cacert\) cannot be read"),
        ("http://localhost/p --user bob --password-file none", r"password's file none \(--password-file\) cannot be"),
    ],
)
async def test_files_that_are_not_there(words: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening says so, by the name of the option that the file has here."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match=why):
        async with stage(words).open(None):
            pass  # pragma: no cover


async def test_what_fails_while_it_is_open_is_not_its_own() -> None:
    """It is passed on as it is: no file that it names is one of etcd's."""
    reason = "the CA certificate ca.pem (--cacert) cannot be read"
    with pytest.raises(Invalid) as raised:
        async with stage("http://localhost/p").open(None):
            raise Invalid(reason)
    assert raised.value.message == reason


def test_what_it_connects_to() -> None:
    """A front that serves at one of its endpoints is told so."""
    assert stage("http://localhost:1,http://localhost:2/p").reaches == {"tcp://localhost:1", "tcp://localhost:2"}
