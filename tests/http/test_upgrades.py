"""Raw conversations, which must behave alike over memory, Unix sockets and TCP."""

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from swarmkit.errors import Unavailable
from swarmkit.http import Connection, Handler, Headers, Request, Response, serve_connection
from swarmkit.streams import PipeSender, open_pipe, read_whole

from .servers import UPGRADE, read_all, read_until, request, socket_pair

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
ASK = b"POST /attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

Stream = trio.abc.HalfCloseableStream
Serve = Callable[..., Awaitable[Stream]]


@asynccontextmanager
async def server(kind: str, directory: Path) -> AsyncIterator[Serve]:
    """Yield a function that connects to a handler served in a task of its own, and gives the client's stream."""
    async with AsyncExitStack() as clients, trio.open_nursery() as nursery:

        async def connect(handler: Handler, finished: trio.Event | None = None) -> Stream:
            ours: Stream
            theirs: Stream
            if kind == "memory":
                ours, theirs = memory_stream_pair()
            else:
                ours, theirs = await socket_pair(kind, directory)

            async def serve() -> None:
                await serve_connection(theirs, handler)
                if finished is not None:
                    finished.set()

            nursery.start_soon(serve)
            return await clients.enter_async_context(ours)

        with trio.fail_after(20):
            yield connect
        nursery.cancel_scope.cancel()


every_stream = pytest.mark.parametrize("kind", ["memory", "unix", "tcp"])


def upgraded(body: bytes | trio.abc.ReceiveStream) -> Response:
    return Response(101, Headers(UPGRADE), body, raw=True)


async def to_the_end(request: Request) -> Response:
    """Read all of the input, then answer with it: the client's half-close must come first and not end the output."""
    sender, receiver = open_pipe(1_000_000)
    await sender.send_all(await read_whole(request.raw))
    sender.send_eof()
    return upgraded(receiver)


@every_stream
async def test_output_follows_the_clients_half_close(kind: str, tmp_path: Path) -> None:
    """A client that half-closes at once still gets everything."""
    async with server(kind, tmp_path) as connect:
        stream = await connect(to_the_end)
        await stream.send_all(ASK + b"early")
        await stream.send_all(b" and late")
        await stream.send_eof()
        assert await read_all(stream) == UPGRADED + b"early and late"


@every_stream
async def test_half_close_before_the_answer(kind: str, tmp_path: Path) -> None:
    """A half-close while the handler still works, with nobody reading the input yet, does not cancel it."""
    started, go = trio.Event(), trio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        await go.wait()
        return upgraded(b"output")

    async with server(kind, tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(ASK)
        await stream.send_eof()
        await started.wait()
        await trio.sleep(0.05)
        go.set()
        assert await read_all(stream) == UPGRADED + b"output"


@every_stream
async def test_half_close_of_a_conversation_without_an_upgrade(kind: str, tmp_path: Path) -> None:
    """Once the answer is raw, an end of file is a half-close, asked for in the old way without an upgrade, too."""
    sender, receiver = open_pipe()

    async def handler(request: Request) -> Response:
        return Response(200, body=receiver, raw=True)

    async with server(kind, tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(b"POST /attach HTTP/1.1\r\n\r\n")
        await read_until(stream, b"\r\n\r\n")
        await stream.send_eof()
        await trio.sleep(0.05)
        await sender.send_all(b"output")
        sender.send_eof()
        assert await read_all(stream) == b"output"


@every_stream
async def test_request_body_comes_before_the_raw_bytes(kind: str, tmp_path: Path) -> None:
    """Of bytes read together with the head those of the body are the body's, those behind it raw."""

    async def handler(request: Request) -> Response:
        body = await read_whole(request.body)
        return upgraded(body + b"|" + await read_whole(request.raw))

    async with server(kind, tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n{}raw"))
        await stream.send_eof()
        assert await read_all(stream) == UPGRADED + b"{}|raw"


@every_stream
async def test_both_directions_flow_at_once(kind: str, tmp_path: Path) -> None:
    """A conversation goes to and fro, byte for byte, until the client ends its side."""
    async with trio.open_nursery() as nursery, server(kind, tmp_path) as connect:

        async def handler(request: Request) -> Response:
            sender, receiver = open_pipe()
            nursery.start_soon(shout, request.raw, sender)
            return upgraded(receiver)

        connection = Connection(await connect(handler))
        await connection.send(request("POST", "/attach", *UPGRADE))
        reply = await connection.receive("POST", raw=True)
        assert reply is not None
        for word in (b"one", b"two"):
            await connection.stream.send_all(word)
            assert await reply.body.receive_some() == word.upper()
        await connection.stream.send_eof()
        assert await reply.body.receive_some() == b""
        await connection.aclose()


async def shout(source: trio.abc.ReceiveStream, sender: PipeSender) -> None:
    while data := await source.receive_some():
        await sender.send_all(data.upper())
    sender.send_eof()


@every_stream
async def test_input_outlives_the_output(kind: str, tmp_path: Path) -> None:
    """When the output has ended, the input goes on, losing no byte, until the client ends it."""
    got: list[bytes] = []
    async with trio.open_nursery() as nursery, server(kind, tmp_path) as connect:

        async def collect(source: trio.abc.ReceiveStream) -> None:
            got.append(await read_whole(source))

        async def handler(request: Request) -> Response:
            nursery.start_soon(collect, request.raw)
            return upgraded(b"over")

        stream = await connect(handler)
        await stream.send_all(ASK)
        assert await read_all(stream) == UPGRADED + b"over"
        for _ in range(20):
            await stream.send_all(b"x" * 1000)
            await trio.sleep(0.001)
        await stream.send_eof()
    assert got == [b"x" * 20_000]


@every_stream
async def test_end_of_output_is_no_reset(kind: str, tmp_path: Path) -> None:
    """The client reads all of the output and then its end, although input of its own was never read."""

    async def handler(request: Request) -> Response:
        return upgraded(b"o" * 50_000)

    async with server(kind, tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(ASK + b"i" * 150_000)
        await trio.sleep(0.05)
        assert await read_all(stream) == UPGRADED + b"o" * 50_000
        await stream.aclose()


@every_stream
async def test_last_response_is_no_reset(kind: str, tmp_path: Path) -> None:
    """A refusal reaches a client whose upload nobody reads."""

    async def handler(request: Request) -> Response:
        return Response(413, body=b"too large")

    async with server(kind, tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 50_000)
        await trio.sleep(0.05)
        assert (await read_all(stream)).endswith(b"too large")
        await stream.aclose()


@every_stream
async def test_output_that_is_cut_ends_the_connection(kind: str, tmp_path: Path) -> None:
    """A conversation that breaks off is closed both ways at once."""
    sender, receiver = open_pipe()
    await sender.send_all(b"half")
    sender.cut(Unavailable("the host has gone"))

    async def handler(request: Request) -> Response:
        return upgraded(receiver)

    async with server(kind, tmp_path) as connect:
        finished = trio.Event()
        stream = await connect(handler, finished)
        await stream.send_all(ASK)
        assert await read_all(stream) == UPGRADED + b"half"
        await finished.wait()


async def quiet(request: Request) -> Response:
    """Answer with an output that never says anything, and listen to the input."""
    _, receiver = open_pipe()
    return upgraded(receiver)


@pytest.mark.parametrize("half_closed", [True, False], ids=["half-closed before", "at once"])
async def test_vanished_client_of_a_quiet_conversation(
    half_closed: bool, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Over a Unix socket a client that has gone for good is noticed, and told from one that has only half-closed."""
    async with server("unix", tmp_path) as connect:
        finished = trio.Event()
        stream = await connect(quiet, finished)
        await stream.send_all(ASK)
        await read_until(stream, b"\r\n\r\n")
        if half_closed:
            await stream.send_eof()
            with trio.move_on_after(10):
                await finished.wait()
            assert not finished.is_set()
        await stream.aclose()
        await finished.wait()


async def test_half_closed_client_of_a_plain_request_gets_its_answer(tmp_path: Path) -> None:
    """Over a Unix socket `printf … | socat` is answered, however long the answer takes."""

    async def handler(request: Request) -> Response:
        await trio.sleep(0.1)
        return Response(200, body=b"hello")

    async with server("unix", tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        await stream.send_eof()
        assert (await read_all(stream)).endswith(b"hello")


@every_stream
async def test_vanished_client_of_a_plain_request(kind: str, tmp_path: Path) -> None:
    """A handler whose client has closed its connection is cancelled, over any stream."""

    async def handler(request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    async with server(kind, tmp_path) as connect:
        finished = trio.Event()
        stream = await connect(handler, finished)
        await stream.send_all(b"POST /wait HTTP/1.1\r\n\r\n")
        await trio.sleep(0.05)
        await stream.aclose()
        await finished.wait()


async def test_raw_input_taken_for_a_plain_response(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A handler that reads beyond its request and then answers plainly has taken what might be the next request."""

    async def handler(request: Request) -> Response:
        await request.raw.receive_some()
        return Response(200, body=b"hello")

    async with server("memory", tmp_path) as connect:
        stream = await connect(handler)
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert (await read_all(stream)).count(b"hello") == 1


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_no_descriptor_is_left_over(kind: str, tmp_path: Path) -> None:
    """Connections of every fate, and none of them leaves an open file."""

    async def handler(request: Request) -> Response:
        if request.target == "/attach":
            return await to_the_end(request)
        if request.target == "/fail":
            return upgraded(receiver_of_a_cut())
        return Response(200, body=await read_whole(request.body))

    async def one(connect: Serve, sent: bytes, *, read: bool) -> None:
        finished = trio.Event()
        stream = await connect(handler, finished)
        await stream.send_all(sent)
        if read:
            await stream.send_eof()
            await read_all(stream)
        await stream.aclose()
        await finished.wait()

    (tmp_path / "warm").mkdir()
    async with server(kind, tmp_path / "warm") as connect:
        await one(connect, ASK, read=True)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(10):
        directory = tmp_path / str(number)
        directory.mkdir()
        for place, (sent, read) in enumerate(
            [
                (ASK + b"input", True),
                (ASK, False),
                (ASK.replace(b"/attach", b"/fail"), True),
                (b"GET / HTTP/1.1\r\n\r\n", True),
                (b"GET / HT", False),
                (b"nonsense\r\n\r\n", True),
                (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", False),
                (b"", False),
            ]
        ):
            (directory / str(place)).mkdir()
            async with server(kind, directory / str(place)) as connect:
                await one(connect, sent, read=read)
                assert len(os.listdir("/proc/self/fd")) <= before + 1


def receiver_of_a_cut() -> trio.abc.ReceiveStream:
    sender, receiver = open_pipe()
    sender.cut(Unavailable("cut"))
    return receiver
