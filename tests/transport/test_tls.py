"""TLS streams: they are streams as trio's are, with half-close, and a cut is told from an end."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing

from swarmkit.transport import NotTls, TlsFailure, TlsFiles, TlsStream
from swarmkit.transport.tls import FAREWELL_SECONDS

from .certificates import Authority

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
Pair = tuple[TlsStream, TlsStream]
Transports = Callable[[], Awaitable[tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """Give the certificate that both sides show."""
    return Authority(tmp_path_factory.mktemp("tls")).issue("both")


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def contexts(files: TlsFiles, request: pytest.FixtureRequest) -> Contexts:
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


def unshaken(contexts: Contexts, ends: tuple[trio.abc.HalfCloseableStream, ...]) -> Pair:
    """Put TLS over both ends of a pair, without a handshake."""
    client, server = ends
    return (
        TlsStream(client, contexts[0], server_hostname="localhost"),
        TlsStream(server, contexts[1], server_side=True),
    )


def one_sided(contexts: Contexts, *, server_side: bool) -> tuple[TlsStream, trio.abc.HalfCloseableStream]:
    """Put TLS over one end of a pair; return it and the other end."""
    ours, theirs = trio.testing.memory_stream_pair()
    host = None if server_side else "localhost"
    return TlsStream(ours, contexts[server_side], server_side=server_side, server_hostname=host), theirs


async def shake(*streams: TlsStream) -> None:
    """Make the handshake on several streams at once."""
    async with trio.open_nursery() as nursery:
        for stream in streams:
            nursery.start_soon(stream.do_handshake)


async def pair(contexts: Contexts, transports: Transports = in_memory) -> Pair:
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


@pytest.mark.parametrize("transports", [in_memory, over_sockets])
async def test_they_are_streams_with_half_close(contexts: Contexts, transports: Transports) -> None:
    """The checks of trio for such streams pass, whatever is beneath."""
    await trio.testing.check_half_closeable_stream(partial(pair, contexts, transports), None)


async def test_they_are_streams_where_sending_waits(contexts: Contexts, autojump_clock: trio.testing.MockClock) -> None:
    """The checks pass over streams without buffers, too."""
    await trio.testing.check_half_closeable_stream(partial(pair, contexts, in_lockstep), None)


@pytest.mark.parametrize("size", [1, 16384, 16385, 65536, 65537, 5_000_000])
async def test_every_byte_arrives(contexts: Contexts, size: int) -> None:
    """Whatever the size of the write, of its records, and of the reads."""
    data = bytes(range(256)) * (size // 256 + 1)
    ours, theirs = await pair(contexts)
    await ours.send_all(memoryview(data)[:size])
    await ours.send_eof()
    received = bytearray(await theirs.receive_some(1))
    while some := await theirs.receive_some(10_000):
        assert len(some) <= 10_000
        received += some
    assert received == data[:size]
    await ours.aclose()
    await theirs.aclose()


async def test_both_sides_may_send_at_once(contexts: Contexts) -> None:
    """More than the buffers between them hold: whoever sends waits for nobody but the other's reader."""
    both = await pair(contexts, over_sockets)
    data = bytes(10_000_000)
    received = []

    async def send(stream: TlsStream) -> None:
        await stream.send_all(data)
        await stream.send_eof()

    async def receive(stream: TlsStream) -> None:
        received.append(await receive_all(stream))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for stream in both:
                nursery.start_soon(send, stream)
                nursery.start_soon(receive, stream)
    assert received == [data, data]
    for stream in both:
        await stream.aclose()


# -- ends and cuts -------------------------------------------------------------------------------------------------


async def test_half_close_leaves_the_other_direction_open(contexts: Contexts) -> None:
    """As a docker run with piped input needs it, from either side."""
    for client_first in (True, False):
        both = await pair(contexts)
        first, second = both if client_first else both[::-1]
        await first.send_all(b"all of the input")
        await first.send_eof()
        assert await receive_all(second) == b"all of the input"
        for word in (b"out", b"put"):
            await second.send_all(word)
            assert await first.receive_some() == word
        await second.send_eof()
        assert await first.receive_some() == b""
        await first.aclose()
        await second.aclose()


async def test_half_close_loses_nothing_that_has_come_already(contexts: Contexts) -> None:
    """OpenSSL would take what is there, and not yet decrypted, for a fault."""
    ours, theirs = await pair(contexts)
    await theirs.send_all(b"x" * 100_000)
    assert await ours.receive_some(1) == b"x"
    await theirs.send_all(b"y")
    await ours.send_eof()
    await theirs.send_all(b"z")
    await theirs.aclose()
    assert await receive_all(ours) == b"x" * 99_999 + b"yz"
    await ours.aclose()


async def test_an_end_without_close_notify_is_a_cut(contexts: Contexts) -> None:
    """What came before it is read; then it is told, again and again."""
    ours, theirs = await pair(contexts)
    await theirs.send_all(b"half of")
    await trio.aclose_forcefully(theirs)
    assert await ours.receive_some() == b"half of"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="cut off") as caught:
            await ours.receive_some()
        assert caught.value.__cause__ is None
    await ours.aclose()


async def test_a_broken_connection_is_told_as_the_system_does(contexts: Contexts) -> None:
    """The cause of the error is the system's."""
    ours, theirs = await pair(contexts, over_sockets)
    assert isinstance(theirs.transport, trio.SocketStream)
    theirs.transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(theirs)
    with pytest.raises(trio.BrokenResourceError) as caught:
        await ours.receive_some()
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    await ours.aclose()


async def test_closing_says_the_end(contexts: Contexts) -> None:
    """The peer reads an end of file, and may then close, too."""
    ours, theirs = await pair(contexts)
    await ours.send_all(b"all")
    await ours.aclose()
    assert await receive_all(theirs) == b"all"
    await theirs.aclose()


async def test_closing_waits_for_no_reader(contexts: Contexts, autojump_clock: trio.testing.MockClock) -> None:
    """A peer that reads nothing holds it up for a second at most."""
    ours, theirs = await pair(contexts, in_lockstep)
    began = trio.current_time()
    await ours.aclose()
    assert trio.current_time() - began == FAREWELL_SECONDS
    await trio.aclose_forcefully(theirs)


async def test_a_write_broken_off_spoils_what_would_follow(
    contexts: Contexts, autojump_clock: trio.testing.MockClock
) -> None:
    """Half a record may have gone out: no more is sent, and closing is no end but a cut for the peer."""
    ours, theirs = await pair(contexts, in_lockstep)
    with trio.move_on_after(1):
        await ours.send_all(b"never read")
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="an earlier write was broken off"):
            await ours.send_all(b"x")
    await ours.aclose()
    with pytest.raises(trio.BrokenResourceError, match="cut off"):
        await receive_all(theirs)
    await theirs.aclose()


async def test_a_read_broken_off_has_taken_nothing(contexts: Contexts, autojump_clock: trio.testing.MockClock) -> None:
    """The next one gets what comes."""
    ours, theirs = await pair(contexts)
    with trio.move_on_after(1):
        await ours.receive_some()
    await theirs.send_all(b"later")
    assert await ours.receive_some() == b"later"
    await ours.aclose()
    await theirs.aclose()


# -- the handshake -------------------------------------------------------------------------------------------------


async def test_whoever_comes_first_makes_the_handshake(contexts: Contexts) -> None:
    """Sending and receiving at once make one."""
    ours, theirs = unshaken(contexts, await in_memory())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, b"ping")
        nursery.start_soon(theirs.send_all, b"pong")
        assert await theirs.receive_some() == b"ping"
        assert await ours.receive_some() == b"pong"
    assert ours.version() == theirs.version() == contexts[0].maximum_version.name.replace("_", ".")
    await ours.aclose()
    await theirs.aclose()


@pytest.mark.parametrize("server_side", [False, True])
async def test_a_peer_that_does_not_speak_tls_is_told_at_once(contexts: Contexts, server_side: bool) -> None:
    """What it began with is kept, for whoever can answer it."""
    ours, theirs = trio.testing.memory_stream_pair()
    stream = TlsStream(
        ours, contexts[server_side], server_side=server_side, server_hostname=None if server_side else "x"
    )
    await theirs.send_all(b"HTTP/1.1 400 Bad Request")
    for _ in range(2):
        with pytest.raises(NotTls, match="it does not speak TLS: is the port right") as caught:
            await stream.do_handshake()
        assert caught.value.received == b"HTTP/1.1 400 Bad Request"
    await stream.aclose()
    await theirs.aclose()


@pytest.mark.parametrize("server_side", [False, True])
async def test_a_peer_that_ends_within_the_handshake_is_told(contexts: Contexts, server_side: bool) -> None:
    """Whichever side it is."""
    ours, theirs = trio.testing.memory_stream_pair()
    stream = TlsStream(
        ours, contexts[server_side], server_side=server_side, server_hostname=None if server_side else "x"
    )
    await theirs.send_eof()
    with pytest.raises(TlsFailure, match="it ended the connection during the handshake of TLS"):
        await stream.do_handshake()
    await stream.aclose()
    await theirs.aclose()


async def test_a_sender_is_told_why_the_peer_has_hung_up(files: TlsFiles) -> None:
    """In TLS 1.3 a refusal comes after the handshake; where the connection breaks first, it is looked for."""
    client, server = await over_sockets()
    stream = TlsStream(client, TlsFiles(files.ca).client_context(), server_hostname="localhost")
    peer = TlsStream(server, files.server_context(), server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.do_handshake)
        with pytest.raises(TlsFailure, match="it presented no certificate"):
            await peer.do_handshake()
    await trio.aclose_forcefully(server)
    with pytest.raises(TlsFailure, match="it requires a client certificate"):  # noqa: PT012 (the first may yet go out)
        for _ in range(100):
            await stream.send_all(b"x")
            await trio.sleep(0.01)
    await stream.aclose()


class BrokenSender(trio.abc.HalfCloseableStream):
    """A stream that has broken for sending, and receives as before."""

    def __init__(self, inner: trio.abc.HalfCloseableStream) -> None:
        self._inner = inner

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        raise trio.BrokenResourceError("broken for sending")

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await self.send_all(b"")

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_sender_that_looks_for_a_reason_is_in_no_readers_way(
    contexts: Contexts, autojump_clock: trio.testing.MockClock
) -> None:
    """What it receives meanwhile is the reader's, who waits for it to have looked."""
    ours, theirs = await pair(contexts)
    ours.transport = BrokenSender(ours.transport)

    async def send() -> None:
        with pytest.raises(trio.BrokenResourceError, match="broken for sending"):
            await ours.send_all(b"x")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        await theirs.send_all(b"some")
        await trio.testing.wait_all_tasks_blocked()
        assert await ours.receive_some() == b"some"
        await theirs.send_all(b"more")
        assert await ours.receive_some() == b"more"
    with pytest.raises(trio.BrokenResourceError, match="an earlier write was broken off"):
        await ours.send_all(b"x")
    await ours.aclose()
    await theirs.aclose()


async def test_a_handshake_broken_off_is_not_taken_up_again(
    contexts: Contexts, autojump_clock: trio.testing.MockClock
) -> None:
    """Half of its first record may have gone out."""
    ours, theirs = unshaken(contexts, await in_lockstep())
    with trio.move_on_after(1):
        await ours.do_handshake()
    with pytest.raises(trio.BrokenResourceError, match="an earlier write was broken off"):
        await ours.do_handshake()
    await ours.aclose()
    await theirs.aclose()


async def test_a_failed_handshake_goes_on_failing_for_the_same_reason(contexts: Contexts, files: TlsFiles) -> None:
    """Whoever comes later is told the same."""
    client, server = await in_memory()
    ours = TlsStream(client, files.client_context(), server_hostname="elsewhere")
    theirs = TlsStream(server, contexts[1], server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(swallow, theirs)
        for act in (ours.do_handshake, ours.receive_some, partial(ours.send_all, b"x")):
            with pytest.raises(TlsFailure, match="its certificate is not for its host"):
                await act()
    await ours.aclose()
    await theirs.aclose()


async def swallow(stream: TlsStream) -> None:
    """Make a handshake that fails."""
    with pytest.raises(trio.BrokenResourceError):
        await stream.do_handshake()
