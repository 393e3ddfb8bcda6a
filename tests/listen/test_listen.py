"""The front on real sockets: who is let in, who is turned away and how it is told, and that the others go on."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import evolve

from backends.listen import ListenStage, listen, serving
from backends.listen.strangers import WHAT_THIS_IS
from backends.remote import RemoteStage, remote
from swarmkit.errors import Denied, Invalid, Unavailable
from swarmkit.message import Message, Verb, ack
from swarmkit.part import Stage
from swarmkit.service import Service
from swarmkit.transport import UnixDialer
from swarmkit.transport.credentials import Allowed, Credentials
from swarmkit.wire.hello import PREFACE

from ..transport.certificates import Authority

HTTP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(message: Message, /) -> Message:
    """Answer with the path."""
    return ack(path=message.path)


@asynccontextmanager
async def served(stage: Stage) -> AsyncIterator[str]:
    """Serve, and give the address."""
    async with stage.open(answer) as front:
        yield front.addresses[0]  # type: ignore[attr-defined]  # it is a front


async def ask(stage: Stage) -> Message:
    """Ask the far end once."""
    async with stage.open(None) as service:
        return await service(Message(Verb.LS, ("asked",)))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Give what the front has logged."""
    caplog.set_level(logging.INFO, "backends.listen")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give the CA that both sides believe."""
    return Authority(tmp_path_factory.mktemp("tls"))


def tls_words(authority: Authority, stem: str) -> list[str]:
    """Return the words for the files of one side."""
    files = authority.issue(stem)
    return ["--tlsverify", "--cacert", str(files.ca), "--cert", str(files.cert), "--key", str(files.key)]


# -- who is let in -----------------------------------------------------------------------------------------------------


async def test_a_unix_socket_is_served_and_removed(tmp_path: Path, lines: Callable[[], str]) -> None:
    """To the own user, with whom it is logged."""
    path = tmp_path / "x.sock"
    async with served(listen.parse([f"unix://{path}"])) as address:
        assert address == f"unix://{path}"
        assert (await ask(remote.parse([address]))).path == ("asked",)
    assert not path.exists()
    assert f"of uid {os.getuid()}, gid {os.getgid()} is connected, with swarmd/" in lines()


async def test_somebody_else_is_turned_away_and_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], str]
) -> None:
    """The kernel says who it is; the log does, too."""
    stranger = Credentials(pid=1, uid=12345, gid=54321)
    monkeypatch.setattr(serving, "credentials_of", lambda _: stranger)
    async with served(listen.parse([f"unix://{tmp_path}/x"])) as address:
        with pytest.raises(Unavailable, match="uid 12345, gid 54321 is neither root, nor"):
            await ask(remote.parse([address]))
    assert "process 1 of uid 12345, gid 54321 was turned away" in lines()


@pytest.mark.parametrize(
    ("words", "who", "expected"),
    [
        ([], Credentials(1, 0, 0), True),
        ([], Credentials(1, os.geteuid(), 7), True),
        ([], Credentials(1, 12345, 54321), False),
        (["--allow-uid", "12345"], Credentials(1, 12345, 54321), True),
        (["--allow-uid", "12346"], Credentials(1, 12345, 54321), False),
        (["--allow-gid", "54321"], Credentials(1, 12345, 54321), True),
    ],
)
def test_root_the_own_user_and_those_named_are_let_in(words: list[str], who: Credentials, expected: bool) -> None:
    """And nobody else."""
    stage = listen.parse(["unix:///run/x", *words])
    assert isinstance(stage, ListenStage)
    assert stage.allowed.lets_in(who) is expected


async def test_tcp_with_tls_on_both_sides(authority: Authority) -> None:
    """With a certificate of the CA on either side."""
    async with served(listen.parse(["tcp://127.0.0.1:0", *tls_words(authority, "server")])) as address:
        assert (await ask(remote.parse([address, *tls_words(authority, "client")]))).path == ("asked",)


async def test_tls_without_a_certificate_is_turned_away(authority: Authority, tmp_path: Path) -> None:
    """The reason is the far end's own."""
    stranger = Authority(tmp_path, "other").issue("stranger", ca=authority.ca)
    async with served(listen.parse(["tcp://127.0.0.1:0", *tls_words(authority, "server")])) as address:
        words = ["--tlsverify", "--cacert", authority.ca, "--cert", str(stranger.cert), "--key", str(stranger.key)]
        with pytest.raises(Unavailable, match="it does not trust our certificate"):
            await ask(remote.parse([address, *words]))


async def test_tls_and_none_do_not_meet(authority: Authority) -> None:
    """Whoever connects the wrong way is refused, and told what is the matter."""
    async with served(listen.parse(["tcp://127.0.0.1:0", *tls_words(authority, "server")])) as address:
        with pytest.raises(Unavailable, match=r"it said 'HTTP/1\.1 400 TLS is required'"):
            await ask(remote.parse([address]))
    async with served(listen.parse(["tcp://127.0.0.1:0"])) as address:
        with pytest.raises(Unavailable, match="it does not speak TLS"):
            await ask(remote.parse([address, *tls_words(authority, "client")]))


# -- strangers ---------------------------------------------------------------------------------------------------------


async def talk(path: str, data: bytes) -> bytes:
    """Send something to a socket; return all that it answers until it ends the connection."""
    stream = await trio.open_unix_socket(path.removeprefix("unix://"))
    async with stream:
        await stream.send_all(data)
        answer = b""
        while more := await stream.receive_some():
            answer += more
    return answer


async def test_a_browser_is_told_what_this_is(tmp_path: Path, lines: Callable[[], str]) -> None:
    """In its own words, before anything else."""
    async with served(listen.parse([f"unix://{tmp_path}/x"])) as address:
        answer = await talk(address, HTTP)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(WHAT_THIS_IS.encode())
        assert (await ask(remote.parse([address]))).path == ("asked",)
    assert "it speaks something else: b'GET / HT'" in lines()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x01\x02", "it speaks something else"),
        (PREFACE + b"\xff" * 64, "was turned away"),
        (PREFACE + b"\x00\x00\x00\x01\x01\x00\x00\x00\x00\xf6", "was turned away"),
    ],
)
async def test_rubbish_is_cut_off_with_a_reason(
    data: bytes, says: str, tmp_path: Path, lines: Callable[[], str]
) -> None:
    """While others are served."""
    async with served(listen.parse([f"unix://{tmp_path}/x"])) as address, remote.parse([address]).open(None) as other:
        await other(Message(Verb.LS))
        await talk(address, data)
        assert (await other(Message(Verb.LS, ("still",)))).path == ("still",)
    assert says in lines()


async def test_silence_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], str]) -> None:
    """After ten seconds, here less."""
    monkeypatch.setattr(serving, "HELLO_SECONDS", 0.1)
    async with served(listen.parse([f"unix://{tmp_path}/x"])) as address:
        assert await talk(address, PREFACE[:3]) == b""
    assert "was turned away: it did not say hello in 0.1 s" in lines()


async def test_connections_are_limited(tmp_path: Path, lines: Callable[[], str]) -> None:
    """One more than the limit is closed; when one has left, another is let in."""
    async with served(listen.parse([f"unix://{tmp_path}/x", "--connections", "2"])) as address:
        stage = remote.parse([address])
        async with stage.open(None) as one, stage.open(None) as two:
            await one(Message(Verb.LS))
            await two(Message(Verb.LS))
            with pytest.raises(Unavailable):
                await ask(stage)
        assert "there are 2 connections, which is the limit" in lines()
        await trio.testing.wait_all_tasks_blocked(0.1)
        await ask(stage)


async def test_closing_the_front_tells_those_connected(tmp_path: Path) -> None:
    """They know at once, and why."""
    path = tmp_path / "x"
    async with RemoteStage(UnixDialer(str(path)), "far").open(None) as service:
        async with served(listen.parse([f"unix://{path}"])):
            await connected(service)
        with pytest.raises(Unavailable, match="host far is down: the other side has closed the connection"):
            await service(Message(Verb.LS))


async def connected(service: Service) -> None:
    """Wait until the far end answers."""
    while True:
        try:
            await service(Message(Verb.LS))
        except Unavailable:
            await trio.sleep(0.05)
        else:
            return


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (["tcp://0.0.0.0:7000"], Denied, "--tlsverify"),
        (["tcp://127.0.0.1"], Invalid, "tcp://HOST:PORT"),
        (["-", "unix:///x"], Invalid, "served alone"),
        (["unix:///x", "--tlsverify"], Invalid, "there is none"),
        (["tcp://0.0.0.0:1", "--insecure", "--tlsverify"], Invalid, "leave out one of them"),
        (["unix:///x", "--mode", "9"], Invalid, "octal"),
        ([], Invalid, "ADDR"),
    ],
)
def test_words_that_will_not_do(words: list[str], error: type[Exception], says: str) -> None:
    """The refusal says what would do."""
    with pytest.raises(error, match=says):
        listen.parse(words)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["unix:///run/x", "--allow-uid", "5", "--allow-gid", "6"], "listen unix:///run/x --allow-uid 5 --allow-gid 6"),
        (["-"], "listen stdio:"),
        (["unix:///x", "--connections", "2", "--mode", "0666"], "listen unix:///x --mode 666 --connections 2"),
        (["tcp://0.0.0.0:7000", "--insecure"], "listen tcp://0.0.0.0:7000 --insecure"),
    ],
)
def test_it_prints_as_it_is_written(words: list[str], text: str) -> None:
    """And is then the same again."""
    assert str(listen.parse(words)) == text
    assert str(listen.parse(text.split()[1:])) == text


def test_it_serves_its_addresses() -> None:
    """So that nothing behind it connects to them."""
    stage = listen.parse(["unix:///run/x"])
    assert stage.serves == {"unix:///run/x"}
    assert listen.parse(["-"]).serves == frozenset()
    with pytest.raises(Invalid, match="its own host"):
        remote.parse(["unix:///run/x"]).avoiding(stage.serves)


def test_nobody_is_allowed_by_default() -> None:
    """Besides root and the own user."""
    stage = listen.parse(["unix:///run/x"])
    assert isinstance(stage, ListenStage)
    assert evolve(stage).allowed == Allowed()
