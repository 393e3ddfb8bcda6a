"""Dialling over TLS, with real handshakes: what is refused, on which side, and in which words."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from swarmkit import Invalid
from swarmkit.transport import Dialer, TlsDialer, TlsFailure, TlsFiles, TlsStream, TlsTransport, open_dialer

from .certificates import FUTURE, PAST, Authority

Serve = Callable[[trio.SocketStream], Awaitable[None]]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give the CA that both sides believe."""
    return Authority(tmp_path)


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """Serve on a port of loopback."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def echo(files: TlsFiles, version: ssl.TLSVersion | None = None, *, asks: bool = True) -> Serve:
    """Return what serves over TLS, and gives back what it gets; whom it turns away gets time to read why.

    `asks` for a certificate of the client.
    """
    context = files.server_context()
    if version is not None:
        context.maximum_version = version
    if not asks:
        context.verify_mode = ssl.CERT_NONE

    async def serve(transport: trio.SocketStream) -> None:
        async with TlsStream(transport, context, server_side=True) as stream:
            try:
                while data := await stream.receive_some():
                    await stream.send_all(data)
            except trio.BrokenResourceError:
                await transport.send_eof()
                with trio.move_on_after(1):
                    await transport.receive_some()

    return serve


async def use(dialer: Dialer) -> bytes:
    """Dial, send a little, and return what comes back."""
    async with await dialer() as stream:
        await stream.send_all(b"hello")
        return bytes(await stream.receive_some())


async def test_a_good_server_is_reached(authority: Authority) -> None:
    """By name and by number; the address comes back, and loopback is this machine."""
    async with serving(echo(authority.issue("server"))) as port:
        for host in ("localhost", "127.0.0.1"):
            dialer = TlsDialer(host, port, authority.issue("client", "somebody"))
            assert await use(dialer) == b"hello"
            assert (dialer.address, dialer.ip) == (f"tcp://{host}:{port}", None)


async def test_a_certificate_of_ours_is_shown_only_if_there_is_one(authority: Authority) -> None:
    """A server that does not ask for one wants none."""
    async with serving(echo(authority.issue("server"), asks=False)) as port:
        assert await use(TlsDialer("localhost", port, TlsFiles(authority.ca))) == b"hello"


async def test_a_server_that_is_not_checked_is_reached(authority: Authority) -> None:
    """Whatever its certificate is; ours is shown all the same."""
    ours = authority.issue("client", "somebody")
    server = authority.issue("old", "elsewhere", not_before=PAST, not_after=PAST.replace(year=2002))
    async with serving(echo(server)) as port:
        dialer = TlsDialer("localhost", port, TlsFiles(None, ours.cert, ours.key, verify=False))
        assert await use(dialer) == b"hello"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("stranger", "its certificate is not signed by the CA in {ca}"),
        ("expired", "its certificate has expired"),
        ("early", "its certificate is not valid yet: is the clock right, here and there?"),
        ("elsewhere", "its certificate is not for localhost, but for web-1.example.org, 192.0.2.7"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_a_server_with_a_bad_certificate_is_not_reached(
    kind: str, says: str, version: ssl.TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    """The reason says what is wrong with it, and what it is for."""
    servers = {
        "stranger": lambda: Authority(tmp_path, "other").issue("stranger", ca=authority.ca),
        "expired": lambda: authority.issue("expired", not_before=PAST, not_after=PAST.replace(year=2002)),
        "early": lambda: authority.issue("early", not_before=FUTURE.replace(year=2198), not_after=FUTURE),
        "elsewhere": lambda: authority.issue("elsewhere", "web-1.example.org", "192.0.2.7"),
    }
    async with serving(echo(servers[kind](), version)) as port:
        with pytest.raises(OSError) as caught:  # noqa: PT011 (the whole text is compared)
            await TlsDialer("localhost", port, authority.issue("client", "somebody"))()
    assert str(caught.value) == says.format(ca=authority.ca)


async def test_a_server_for_another_number_is_not_reached(authority: Authority) -> None:
    """A number is as good a name."""
    async with serving(echo(authority.issue("server", "localhost"))) as port:
        with pytest.raises(OSError, match=r"^its certificate is not for 127\.0\.0\.1, but for localhost$"):
            await TlsDialer("127.0.0.1", port, authority.issue("client", "somebody"))()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("none", "requires? a client certificate"),
        ("stranger", r"it does not trust our certificate \({cert}\): it is not signed by a CA known there"),
        ("expired", r"it refuses our certificate \({cert}\): it has expired, or is not valid yet"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_a_server_that_refuses_us_says_why(
    kind: str, says: str, version: ssl.TLSVersion, authority: Authority, tmp_path: Path
) -> None:
    """When dialling, or in TLS 1.3 with the first read."""
    clients = {
        "none": lambda: TlsFiles(authority.ca),
        "stranger": lambda: Authority(tmp_path, "other").issue("stranger", ca=authority.ca),
        "expired": lambda: authority.issue("expired", not_before=PAST, not_after=PAST.replace(year=2002)),
    }
    files = clients[kind]()
    raised: type[Exception] = OSError if version is ssl.TLSVersion.TLSv1_2 else TlsFailure
    async with serving(echo(authority.issue("server"), version)) as port:
        with pytest.raises(raised, match=says.format(cert=files.cert)):
            await use(TlsDialer("localhost", port, files))


async def test_a_server_of_plain_http_is_told(authority: Authority) -> None:
    """It answers what it takes for a request."""

    async def serve(transport: trio.SocketStream) -> None:
        async with transport:
            await transport.receive_some()
            await transport.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(serve) as port:
        with pytest.raises(OSError, match=r"^it does not speak TLS: is the port right\?$"):
            await TlsDialer("localhost", port, TlsFiles(authority.ca))()


async def test_a_server_that_hangs_up_is_told(authority: Authority) -> None:
    """Something listens, and wants nothing of us."""

    async def serve(transport: trio.SocketStream) -> None:
        await transport.receive_some()
        await transport.aclose()

    async with serving(serve) as port:
        with pytest.raises(OSError, match="it ended the connection during the handshake of TLS"):
            await TlsDialer("localhost", port, TlsFiles(authority.ca))()


async def test_a_server_that_is_not_there_is_told_as_over_plain_tcp(authority: Authority) -> None:
    """By the system."""
    async with serving(echo(authority.issue("server"))) as port:
        pass
    with pytest.raises(OSError, match="all attempts to connect to localhost"):
        await TlsDialer("localhost", port, TlsFiles(authority.ca))()


async def test_a_silent_server_is_given_up_with_nothing_left(authority: Authority) -> None:
    """The handshake is a part of dialling: who dials sets the deadline."""
    ended = trio.Event()

    async def serve(transport: trio.SocketStream) -> None:
        async with transport:
            while await transport.receive_some():
                pass
        ended.set()

    async with serving(serve) as port:
        with trio.move_on_after(0.2) as scope:
            await TlsDialer("localhost", port, TlsFiles(authority.ca))()
        assert scope.cancelled_caught
        with trio.fail_after(5):
            await ended.wait()


# -- files ---------------------------------------------------------------------------------------------------------


async def test_files_are_read_when_the_transport_is_opened(tmp_path: Path) -> None:
    """One that is not there is an error then, and not when it is only written down."""
    transport = TlsTransport("localhost", 1, TlsFiles(f"{tmp_path}/no.pem"))
    assert transport.address == "tcp://localhost:1"
    with pytest.raises(Invalid, match="cannot be read"):
        async with open_dialer(transport, "web", lambda: None):
            pass


def spoil(files: TlsFiles) -> None:
    """Leave a certificate half written."""
    assert files.cert is not None
    Path(files.cert).write_text("-----BEGIN CERT")


async def test_renewed_files_are_used_for_the_next_connection(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a restart; files that are no good are told once, and the old ones stay in use."""
    caplog.set_level(logging.INFO, "swarmkit.transport")
    ours = authority.issue("client", "somebody", not_before=PAST, not_after=PAST.replace(year=2002))
    async with serving(echo(authority.issue("server"))) as port:
        dialer = TlsDialer("localhost", port, ours)
        with pytest.raises(TlsFailure, match="expired"):
            await use(dialer)
        authority.issue("client", "somebody")
        assert await use(dialer) == b"hello"
        spoil(ours)
        for _ in range(2):
            assert await use(dialer) == b"hello"
    renewed, spoilt = [record.getMessage() for record in caplog.records]
    assert renewed == f"read again: {ours.ca}, {ours.cert}"
    assert spoilt.startswith(f"the certificate {ours.cert} (--cert) is not one in PEM")
    assert spoilt.endswith("what was read from these files before is used on")
