"""TLS streams: they are streams as trio's are, with half-close, and a cut is told from an end."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from swarmkit.transport import TlsFiles, TlsStream

from .certificates import Authority

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

Pair = tuple[TlsStream, TlsStream]
Transports = Callable[[], Awaitable[tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """Give the certificate that both sides show."""
    return Authority(tmp_path_factory.mktemp("tls")).issue("both")


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def contexts(files: TlsFiles, request: pytest.FixtureRequest) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give a client's and a server's context for one version of TLS."""
    client, server = files.client_context(), files.server_context()
    client.maximum_version = client.minimum_version = request.param
    return client, server


async def in_memory() -> tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]:
    """Make a pair of streams with unlimited buffers."""
    return trio.testing.memory_stream_pair()


async def in_lockstep() -> tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]:
    """Make a pair of streams with no buffers: sending waits for receiving."""
    return trio.testing.lockstep_stream_pair()


async def over_sockets() -> tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]:
    """Make a pair of sockets of TCP."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        client = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        return client, await listener.accept()


def unshaken(contexts: tuple[ssl.SSLContext, ssl.SSLContext], ends: tuple[trio.abc.HalfCloseableStream, ...]) -> Pair:
    """Put TLS over both ends of a pair, without a handshake."""
    client, server = ends
    return (
        TlsStream(client, contexts[0], server_hostname="localhost"),
        TlsStream(server, contexts[1], server_side=True),
    )


async def shake(*streams: TlsStream) -> None:
    """Make the handshake on several streams at once."""
    async with trio.open_nursery() as nursery:
        for stream in streams:
            nursery.start_soon(stream.do_handshake)


async def pair(contexts: tuple[ssl.SSLContext, ssl.SSLContext], transports: Transports = in_memory) -> Pair:
    """Make a pair of TLS streams."""
    both = unshaken(contexts, await transports())
    await shake(*both)
    return both


async def receive_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Read to the end of file."""
    received = b""
    while data := await stream.receive_some():
        received += data
    return received


# -- as trio's streams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transports", [in_memory, in_lockstep, over_sockets])
async def test_they_are_streams_with_half_close(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], transports: Transports
) -> None:
    """The checks of trio for such streams pass, whatever is beneath."""

    async def make() -> Pair:
        return await pair(contexts, transports)

    await trio.testing.check_half_closeable_stream(make, None)
