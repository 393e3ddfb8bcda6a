"""How connections over TCP begin: who is served, who is turned away in which words, and that nobody is held up."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from backends.dockerserver.greeting import SPEAK_PLAINLY, SPEAK_TLS, serve_plain, serve_tls
from swarmkit.http import Connection, Headers, Request, RequestHead, Response, serve_connection
from swarmkit.streams import read_whole
from swarmkit.transport import FreshContext, NotTls, TlsFailure, TlsFiles, TlsStream, greeting, tls_reason

from ..transport.certificates import FUTURE, PAST, Authority

PING = RequestHead("GET", "/_ping", Headers((("Host", "docker"),)))
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

HELLO = b"\x16\x03\x01\x02\x00" + bytes(512)
"""A record that looks like the beginning of a handshake until all of it is there."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give the CA that both sides believe."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> TlsFiles:
    """Give the server's files."""
    return authority.issue("server")


@pytest.fixture(scope="module")
def good(authority: Authority) -> TlsFiles:
    """Give the files of a client that is let in."""
    return authority.issue("client", "somebody")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give the lines that greeting has logged at info."""
    caplog.set_level(logging.INFO, greeting.__name__)
    return lambda: [record.getMessage() for record in caplog.records if record.name == greeting.__name__]


async def answer(request: Request) -> Response:
    """Answer whatever is asked."""
    return Response(200, body=b"OK")


@asynccontextmanager
async def serving(greet: Callable[..., Awaitable[None]]) -> AsyncIterator[int]:
    """Serve on a port of loopback."""
    serve = partial(greet, serve=partial(serve_connection, handler=answer))
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def over_tls(files: TlsFiles) -> Callable[..., Awaitable[None]]:
    """Return what greets over TLS."""
    return partial(serve_tls, context=FreshContext(files, files.server_context))


async def dial(port: int, client: TlsFiles, version: ssl.TLSVersion | None = None) -> TlsStream:
    """Connect over TLS and make the handshake."""
    context = client.client_context()
    if version is not None:
        context.maximum_version = version
    explain = partial(tls_reason, ca=client.ca, cert=client.cert)
    transport = await trio.open_tcp_stream("127.0.0.1", port)
    stream = TlsStream(transport, context, server_hostname="localhost", explain=explain)
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def ask(port: int, client: TlsFiles, version: ssl.TLSVersion | None = None) -> bytes:
    """Send one request over TLS; return how the answer begins."""
    async with await dial(port, client, version) as stream:
        await stream.send_all(PING.to_bytes())
        return await stream.receive_some()


async def test_client_with_a_certificate_is_served(files: TlsFiles, good: TlsFiles) -> None:
    """One request after another, and the end is said."""
    async with serving(over_tls(files)) as port, await dial(port, good) as stream:
        connection = Connection(stream)
        for _ in range(2):
            await connection.send(PING)
            reply = await connection.receive("GET")
            assert reply is not None
            assert (reply.head.status, await read_whole(reply.body)) == (200, b"OK")
        await stream.send_eof()
        assert await stream.receive_some() == b""


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize(
    ("kind", "client_reads", "log_says"),
    [
        ("none", "requires? a client certificate", "it presented no certificate, and one is required"),
        ("stranger", "it does not trust our certificate", "its certificate is not signed by the CA in {ca}"),
        ("expired", "it has expired, or is not valid yet", "its certificate has expired"),
        (
            "early",
            "it refuses our certificate",
            "its certificate is not valid yet: is the clock right, here and there?",
        ),
    ],
)
async def test_client_without_a_good_certificate_is_turned_away(
    version: ssl.TLSVersion,
    kind: str,
    client_reads: str,
    log_says: str,
    tmp_path: Path,
    authority: Authority,
    files: TlsFiles,
    lines: Callable[[], list[str]],
) -> None:
    """It reads why, and the log has one line with its address and the reason."""
    clients = {
        "none": lambda: TlsFiles(ca=authority.ca),
        "stranger": lambda: Authority(tmp_path, "other").issue("stranger", ca=authority.ca),
        "expired": lambda: authority.issue("expired", not_before=PAST, not_after=PAST.replace(year=2002)),
        "early": lambda: authority.issue("early", not_before=FUTURE.replace(year=2198), not_after=FUTURE),
    }
    async with serving(over_tls(files)) as port:
        with pytest.raises(TlsFailure, match=client_reads):
            await ask(port, clients[kind](), version)
    (line,) = lines()
    reason = log_says.format(ca=files.ca)
    assert line.startswith("a client at 127.0.0.1:")
    assert line.endswith(f" was turned away: {reason}")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_client_that_distrusts_us_is_logged(
    version: ssl.TLSVersion, tmp_path: Path, files: TlsFiles, good: TlsFiles, lines: Callable[[], list[str]]
) -> None:
    """The line names our certificate."""
    other = Authority(tmp_path, "other")
    async with serving(over_tls(files)) as port:
        with pytest.raises(TlsFailure, match=f"its certificate is not signed by the CA in {other.ca}"):
            await ask(port, TlsFiles(other.ca, good.cert, good.key), version)
        await trio.testing.wait_all_tasks_blocked()
    (line,) = lines()
    assert f"it does not trust our certificate ({files.cert}): it is not signed by a CA known there" in line


async def test_plain_http_on_the_port_of_tls_is_answered(files: TlsFiles, lines: Callable[[], list[str]]) -> None:
    """In the clear, as an engine does, with what to do; the log has one line."""
    async with serving(over_tls(files)) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        connection = Connection(stream)
        await connection.send(PING)
        reply = await connection.receive("GET")
        assert reply is not None
        assert (reply.head.status, json.loads(await read_whole(reply.body))) == (400, {"message": SPEAK_TLS})
    (line,) = lines()
    assert line.endswith("was turned away: it does not speak TLS")


async def test_tls_on_a_plain_port_is_answered(good: TlsFiles, lines: Callable[[], list[str]]) -> None:
    """In plain HTTP, by which a client knows what happened; the log has one line."""
    async with serving(serve_plain) as port:
        with pytest.raises(NotTls) as caught:
            await dial(port, good)
    assert caught.value.received.startswith(b"HTTP/1.1 400 ")
    assert SPEAK_PLAINLY.encode() in caught.value.received
    (line,) = lines()
    assert line.endswith("was turned away: it speaks TLS to a port that is served in the clear")


async def test_plain_http_is_served_on_a_plain_port(lines: Callable[[], list[str]]) -> None:
    """Nothing of the request is lost by looking at how it begins."""
    async with serving(serve_plain) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        connection = Connection(stream)
        await connection.send(PING)
        reply = await connection.receive("GET")
        assert reply is not None
        assert (reply.head.status, await read_whole(reply.body)) == (200, b"OK")
    assert lines() == []


@pytest.mark.parametrize("greet", ["plain", "tls"])
async def test_client_that_only_looks_is_not_logged(
    greet: str, files: TlsFiles, lines: Callable[[], list[str]]
) -> None:
    """A probe of the port connects and ends, many times a minute."""
    async with (
        serving(serve_plain if greet == "plain" else over_tls(files)) as port,
        await trio.open_tcp_stream("127.0.0.1", port) as stream,
    ):
        await stream.send_eof()
        while await stream.receive_some():
            pass
    assert lines() == []


async def test_silent_and_slow_clients_hold_nobody_up(files: TlsFiles, good: TlsFiles) -> None:
    """Fifty that say nothing, and one that sends a byte at a time, are there while another is served."""
    async with serving(over_tls(files)) as port, trio.open_nursery() as nursery:

        async def keep_silent() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", port):
                await trio.sleep_forever()

        async def drip() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                for byte in HELLO:
                    await stream.send_all(bytes([byte]))
                    await trio.sleep(0.01)

        for _ in range(50):
            nursery.start_soon(keep_silent)
        nursery.start_soon(drip)
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(5):
            assert (await ask(port, good)).startswith(b"HTTP/1.1 200 ")
        nursery.cancel_scope.cancel()


async def test_handshake_has_a_deadline(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    """Whoever does not make it in time is cut off, whether it is silent or slow, and logged."""
    monkeypatch.setattr(greeting, "HANDSHAKE_DEADLINE", 0.2)

    async def drip(stream: trio.SocketStream) -> None:
        for byte in HELLO:
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.02)

    async def be_slow(stream: trio.SocketStream) -> None:
        with pytest.raises(trio.BrokenResourceError):
            await drip(stream)

    async with serving(over_tls(files)) as port, trio.open_nursery() as nursery:
        silent, slow = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(2)]
        nursery.start_soon(be_slow, slow)
        async with silent:
            assert await silent.receive_some() == b""
    await slow.aclose()
    assert [line.partition(": ")[2] for line in lines()] == ["no handshake of TLS in 0.2 s"] * 2
