"""What the wire costs: small calls and streams of bytes, beside other ways to call another process. Run by hand.

    python -m benchmarks.wire           # those that are not installed are left out, and it is said

Each has a server process and a client process on a Unix socket. `calls/s` are echoes of 64 bytes, one after the other;
`100 at once` are the same by 100 callers. `64 KiB` and `100 B` are MB/s of one stream of such pieces from the server,
where there are streams; rpyc and Pyro5 have none, and make a call for each piece. The bare socket knows neither calls
nor streams: it has a connection for each caller. In brackets: how many times the wire's. The figures in `MEASURED` were
taken on a busy machine with two cores (CPython 3.11): trust the ratios.
"""

from __future__ import annotations

import importlib.util
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median

import trio

from swarmkit.message import Message, Verb, ack
from swarmkit.streams import CHUNK
from swarmkit.transport import UnixDialer
from swarmkit.wire import Peer, Side, open_peer

from .wire_others import CALLERS, OTHERS, PIECES, SECONDS, SMALL

MEASURED = """
                         calls/s         100 at once              64 KiB               100 B
        wire     2216.0 (  1.00)     5160.6 (  1.00)      479.1 (  1.00)        4.2 (  1.00)
 bare socket    15470.8 (  6.62)    25112.7 (  4.61)     1717.0 (  3.21)        6.5 (  1.54)
        rpyc     3056.0 (  1.38)    16196.0 (  3.53)      120.3 (  0.25)        0.8 (  0.21)
       Pyro5     9239.6 (  3.96)     5578.6 (  1.12)      434.8 (  0.84)        0.9 (  0.23)
       pynng     2396.8 (  1.08)     3595.4 (  0.61)      280.7 (  0.51)        0.5 (  0.13)
      grpcio     1560.8 (  0.65)     2295.5 (  0.46)      426.5 (  0.95)        0.9 (  0.20)
"""

ROUNDS = 5
COLUMNS = ("calls/s", "100 at once", "64 KiB", "100 B")


class Endless(trio.abc.ReceiveStream):
    """A stream of pieces of one size, without end."""

    def __init__(self, size: int) -> None:
        self._piece = bytes(size)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return self._piece

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def rate(call: Callable[[], Awaitable[object]], callers: int = 1) -> float:
    """Return how many calls a second so many callers make."""
    count = 0

    async def caller() -> None:
        nonlocal count
        while True:
            await call()
            count += 1

    began = time.perf_counter()
    with trio.move_on_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(callers):
                nursery.start_soon(caller)
    return count / (time.perf_counter() - began)


async def flow(stream: trio.abc.ReceiveStream) -> float:
    """Return how many MB/s come."""
    size, began = 0, time.perf_counter()
    with trio.move_on_after(SECONDS):
        while True:
            size += len(await stream.receive_some(CHUNK))
    return size / (time.perf_counter() - began) / 1e6


# -- the wire ----------------------------------------------------------------------------------------------------------


async def answer(message: Message, /) -> Message:
    """Echo, or send pieces of the size that is asked for."""
    if message.verb is Verb.LOG:
        return ack(att=Endless(message["size"]))
    return ack(message.args)


def serve_wire(path: str) -> None:
    """Serve the wire."""

    async def converse(stream: trio.SocketStream) -> None:
        async with open_peer(stream, Side.ACCEPTOR, offers=answer) as peer:
            await peer.wait_ended()

    trio.run(serve_on, path, converse)


async def serve_on(path: str, converse: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
    """Serve connections on a Unix socket."""
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(path)
    listening.listen()
    await trio.serve_listeners(converse, [trio.SocketListener(listening)])


@asynccontextmanager
async def wire_peer(path: str) -> AsyncIterator[Peer]:
    """Connect."""
    async with open_peer(await UnixDialer(path)(), Side.INITIATOR) as peer:
        yield peer


async def use_wire(path: str) -> list[float]:
    """Measure the wire."""
    async with wire_peer(path) as peer:
        small = Message(Verb.GET, args={"data": SMALL})
        figures = [await rate(lambda: peer.root(small), callers) for callers in (1, CALLERS)]
        for size in PIECES:
            reply = await peer.root(Message(Verb.LOG, args={"size": size}))
            assert reply.att is not None
            async with reply.att:
                figures.append(await flow(reply.att))
    return figures


# -- a bare socket -----------------------------------------------------------------------------------------------------


def serve_bare(path: str) -> None:
    """Echo what comes; a connection that begins with a size is sent pieces of it."""

    async def converse(stream: trio.SocketStream) -> None:
        size = int(await stream.receive_some(CHUNK))
        piece = bytes(size)
        try:
            if size:
                while True:
                    await stream.send_all(piece)
            await stream.send_all(b"0")
            while data := await stream.receive_some(CHUNK):
                await stream.send_all(data)
        except trio.BrokenResourceError:
            return

    trio.run(serve_on, path, converse)


async def use_bare(path: str) -> list[float]:
    """Measure a bare socket: a connection a caller, for nothing else tells one answer from another."""
    dial = UnixDialer(path)
    connections = [await dial() for _ in range(CALLERS)]
    for stream in connections:
        await stream.send_all(b"0")
        await stream.receive_some(1)
    turns = itertools.cycle(connections)
    free = list(connections)

    async def call() -> None:
        stream = free.pop()
        await stream.send_all(SMALL)
        got = 0
        while got < len(SMALL):
            got += len(await stream.receive_some(len(SMALL)))
        free.append(stream)

    figures = []
    for callers in (1, CALLERS):
        free[:] = [next(turns) for _ in range(CALLERS)]
        figures.append(await rate(call, callers))
    for size in PIECES:
        async with await dial() as stream:
            await stream.send_all(b"%d" % size)
            figures.append(await flow(stream))
    for stream in connections:
        await trio.aclose_forcefully(stream)
    return figures


# -- all of them -------------------------------------------------------------------------------------------------------


Way = tuple[Callable[[str], None], Callable[[str], list[float]]]
"""What serves on a path, and what measures there."""


@contextmanager
def serving(serve: Callable[[str], None], folder: str) -> Iterator[str]:
    """Run a server in a process of its own; give where it is."""
    path = Path(folder) / serve.__name__
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(str(path),), daemon=True)
    server.start()
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"nothing on {path}"
        time.sleep(0.05)
    time.sleep(0.5)  # it is bound, and soon listens
    yield str(path)
    server.kill()
    server.join()


def installed() -> Iterator[tuple[str, Way]]:
    """Give all that can be measured, the wire first; say what cannot."""
    yield "wire", (serve_wire, lambda path: trio.run(use_wire, path))
    yield "bare socket", (serve_bare, lambda path: trio.run(use_bare, path))
    for name, (module, serve, use) in OTHERS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name} is not installed, and left out")
        else:
            yield name, (serve, use)


def main() -> None:
    """Measure all in turn, again and again; print medians, and behind each that of its ratios to the wire."""
    ways = dict(installed())
    rounds: dict[str, list[list[float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths = {name: stack.enter_context(serving(serve, folder)) for name, (serve, _) in ways.items()}
        for _ in range(ROUNDS):
            for name, (_, use) in ways.items():
                rounds[name].append(use(paths[name]))
    print(" " * 12 + "".join(f"{column:>20}" for column in COLUMNS))
    for name, found in rounds.items():
        cells = []
        for column in range(len(COLUMNS)):
            ours = [figures[column] for figures in rounds["wire"]]
            theirs = [figures[column] for figures in found]
            ratio = median(their / our for their, our in zip(theirs, ours, strict=True))
            cells.append(f"{median(theirs):11.1f} ({ratio:6.2f})")
        print(f"{name:>12}" + "".join(cells))


if __name__ == "__main__":
    main()
