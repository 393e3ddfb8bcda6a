"""What HTTP costs here: small requests, a large stream, and a log relayed line by line. Run by hand.

    python benchmarks/http_relay.py       # h11 is measured where it is installed

Server, client and relay share one process and one thread, over Unix sockets, so that the figures are the cost of all
the ends together; a bare copy with trio beside them is the floor. The figures in `MEASURED` were taken on a shared
machine with two cores (CPython 3.11): trust the ratios.
"""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from swarmkit.http import Connection, Handler, Headers, Request, RequestHead, Response, serve_connection
from swarmkit.streams import CHUNK, copy_stream

MEASURED = """
        small requests       2365 requests/s      400 us of CPU for each
      h11, heads alone       6657 requests/s      150 us of CPU for each
          large stream        578 MB/s           1730 us of CPU for each
             bare copy        665 MB/s           1000 us of CPU for each
   log through a relay      10359 lines/s         94 us of CPU for each
            bare relay      12782 lines/s         78 us of CPU for each
"""

REQUESTS = 3000
STREAM_BYTES = 256 * 1024 * 1024
LOG_LINES = 20_000
LINE = b"x" * 99 + b"\n"


class Zeros(trio.abc.ReceiveStream):
    """A stream of so many pieces of one kind, each given by a read of its own."""

    def __init__(self, piece: bytes, count: int) -> None:
        self._piece = piece
        self._left = count

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._left:
            return b""
        self._left -= 1
        return self._piece

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Make both ends of a connected Unix socket."""
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair())
    return ours, theirs


@asynccontextmanager
async def connected(handler: Handler) -> AsyncIterator[Connection]:
    """Serve a handler on one end of a connection; yield the other."""
    ours, theirs = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        yield Connection(ours)
        await ours.aclose()


async def drain(source: trio.abc.ReceiveStream) -> int:
    size = 0
    while data := await source.receive_some(CHUNK):
        size += len(data)
    return size


async def small_requests() -> int:
    async def handler(request: Request) -> Response:
        return Response(200, Headers((("Content-Type", "application/json"),)), b"{}")

    head = RequestHead("GET", "/containers/json", Headers((("Host", "docker"), ("User-Agent", "benchmark"))))
    async with connected(handler) as connection:
        for _ in range(REQUESTS):
            await connection.send(head)
            reply = await connection.receive("GET")
            assert reply is not None
            await drain(reply.body)
    return REQUESTS


async def fetch(handler: Handler) -> int:
    async with connected(handler) as connection:
        await connection.send(RequestHead("GET", "/"))
        reply = await connection.receive("GET")
        assert reply is not None
        return await drain(reply.body)


async def large_stream() -> int:
    async def handler(request: Request) -> Response:
        return Response(200, body=Zeros(bytes(CHUNK), STREAM_BYTES // CHUNK))

    return await fetch(handler)


async def large_stream_bare() -> int:
    async def write(sink: trio.SocketStream) -> None:
        async with sink:
            await copy_stream(Zeros(bytes(CHUNK), STREAM_BYTES // CHUNK), sink)

    ours, theirs = pair()
    async with ours, trio.open_nursery() as nursery:
        nursery.start_soon(write, theirs)
        return await drain(ours)


async def relayed_log() -> int:
    """A log of one chunk a line, fetched through a relay as a front fetches it from an engine."""

    async def engine(request: Request) -> Response:
        return Response(200, body=Zeros(LINE, LOG_LINES))

    async with connected(engine) as upstream:

        async def relay(request: Request) -> Response:
            await upstream.send(request.head)
            reply = await upstream.receive(request.method)
            assert reply is not None
            return Response(reply.head.status, reply.head.headers, reply.body)

        return await fetch(relay) // len(LINE)


async def relayed_log_bare() -> int:
    """The same lines through a relay that copies bytes and knows no HTTP."""

    async def copy(source: trio.abc.ReceiveStream, sink: trio.SocketStream) -> None:
        async with sink:
            await copy_stream(source, sink)

    (first, second), (third, fourth) = pair(), pair()
    async with fourth, second, trio.open_nursery() as nursery:
        nursery.start_soon(copy, Zeros(LINE, LOG_LINES), first)
        nursery.start_soon(copy, second, third)
        return await drain(fourth) // len(LINE)


def small_requests_h11() -> int:
    """The heads alone, without any I/O: what h11 would cost in place of ours."""
    import h11

    for _ in range(REQUESTS):
        client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
        fields = [("Host", "docker"), ("User-Agent", "benchmark")]
        server.receive_data(client.send(h11.Request(method="GET", target="/containers/json", headers=fields)) or b"")
        server.receive_data(client.send(h11.EndOfMessage()) or b"")
        while server.next_event() is not h11.PAUSED and server.their_state is not h11.DONE:
            pass
        client.receive_data(server.send(h11.Response(status_code=200, headers=[("Content-Length", "2")])) or b"")
        client.receive_data(server.send(h11.Data(data=b"{}")) or b"")
        client.receive_data(server.send(h11.EndOfMessage()) or b"")
        while not isinstance(client.next_event(), h11.EndOfMessage):
            pass
    return REQUESTS


def report(name: str, unit: str, run: Callable[[], int], *, scale: float = 1.0) -> None:
    """Print one row: how many in a second of the clock, and the processor's time for each."""
    clock, cpu = time.perf_counter(), time.process_time()
    count = run() * scale
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(f"{name:>22} {count / clock:>10.0f} {unit}/s {cpu / count * 1e6:>10.1f} us of CPU for each")


def main() -> None:
    def on_trio(run: Callable[[], Awaitable[int]]) -> Callable[[], int]:
        return lambda: trio.run(run)

    report("small requests", "requests", on_trio(small_requests))
    try:
        report("h11, heads alone", "requests", small_requests_h11)
    except ImportError:
        print("h11 is not installed")
    report("large stream", "MB", on_trio(large_stream), scale=1e-6)
    report("bare copy", "MB", on_trio(large_stream_bare), scale=1e-6)
    report("log through a relay", "lines", on_trio(relayed_log))
    report("bare relay", "lines", on_trio(relayed_log_bare))


if __name__ == "__main__":
    main()
