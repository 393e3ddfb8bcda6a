"""The others that `benchmarks.wire` measures: servers and clients of rpyc, Pyro5, pynng and grpcio on a Unix socket.

A library is imported where it is used: none is needed by what is measured beside it.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

SECONDS = 1.0
CALLERS = 100
SMALL = bytes(64)
PIECES = (65536, 100)


def rate(call: Callable[[], object]) -> float:
    """Return how many calls a second one caller makes."""
    began = time.perf_counter()
    for count in itertools.count():
        if (took := time.perf_counter() - began) > SECONDS:
            return count / took
        call()
    raise AssertionError


def rate_of_threads(make: Callable[[], Callable[[], object]]) -> float:
    """Return how many calls a second many callers make, each in a thread of its own, with what `make` gives it."""
    rates: list[float] = []
    ready = threading.Barrier(CALLERS)

    def caller() -> None:
        call = make()
        ready.wait()
        rates.append(rate(call))

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def flow(pieces: Iterator[bytes]) -> float:
    """Return how many MB/s come."""
    size, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        size += len(next(pieces))
    return size / took / 1e6


def asked(piece: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """Give pieces, with a call for each."""
    while True:
        yield piece(size)


# -- rpyc --------------------------------------------------------------------------------------------------------------


def serve_rpyc(path: str) -> None:
    """Serve echoes, and pieces by their size."""
    import rpyc
    from rpyc.utils.server import ThreadedServer

    class Echo(rpyc.Service):  # type: ignore[misc]
        def exposed_echo(self, data: bytes) -> bytes:
            return data

        def exposed_piece(self, size: int) -> bytes:
            return bytes(size)

    ThreadedServer(Echo, socket_path=path).start()


def use_rpyc(path: str) -> list[float]:
    """Measure it: the callers at once are calls that have not been answered, on one connection."""
    import rpyc

    connection = rpyc.utils.factory.unix_connect(path)
    root = connection.root
    echo = rpyc.async_(root.echo)

    def hundred() -> None:
        for result in [echo(SMALL) for _ in range(CALLERS)]:
            assert result.value == SMALL

    figures = [rate(lambda: root.echo(SMALL)), CALLERS * rate(hundred)]
    figures += [flow(asked(root.piece, size)) for size in PIECES]
    connection.close()
    return figures


# -- Pyro5 -------------------------------------------------------------------------------------------------------------


def _marshal() -> None:
    import Pyro5.api

    Pyro5.api.config.SERIALIZER = "marshal"  # the fastest it has, and bytes stay bytes
    Pyro5.api.config.THREADPOOL_SIZE = 2 * CALLERS


def serve_pyro5(path: str) -> None:
    """Serve echoes, and pieces by their size."""
    import Pyro5.api

    _marshal()

    @Pyro5.api.expose  # type: ignore[untyped-decorator]
    class Echo:
        def echo(self, data: bytes) -> bytes:
            return data

        def piece(self, size: int) -> bytes:
            return bytes(size)

    daemon = Pyro5.api.Daemon(unixsocket=path)
    daemon.register(Echo(), "echo")
    daemon.requestLoop()


def use_pyro5(path: str) -> list[float]:
    """Measure it: a proxy and a thread a caller."""
    import Pyro5.api

    _marshal()

    def caller() -> Callable[[], object]:
        proxy = Pyro5.api.Proxy(f"PYRO:echo@./u:{path}")
        return lambda: proxy.echo(SMALL)

    proxy: Any = Pyro5.api.Proxy(f"PYRO:echo@./u:{path}")
    figures = [rate(lambda: proxy.echo(SMALL)), rate_of_threads(caller)]
    return figures + [flow(asked(proxy.piece, size)) for size in PIECES]


# -- pynng -------------------------------------------------------------------------------------------------------------


def serve_pynng(path: str) -> None:
    """Answer echoes by as many contexts as there are callers; push pieces on sockets of their own."""
    import pynng
    import trio

    async def push(size: int) -> None:
        with pynng.Push0(listen=f"ipc://{path}.{size}", send_buffer_size=64) as pieces:
            piece = bytes(size)
            while True:
                await pieces.asend(piece)

    async def reply(echo: Any) -> None:
        with echo.new_context() as context:
            while True:
                await context.asend(await context.arecv())

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for size in PIECES:
                nursery.start_soon(push, size)
            with pynng.Rep0(listen=f"ipc://{path}") as echo:
                for _ in range(CALLERS):
                    nursery.start_soon(reply, echo)
                await trio.sleep_forever()

    trio.run(main)


def use_pynng(path: str) -> list[float]:
    """Measure it with trio, a context a caller."""
    import pynng
    import trio

    async def echoes(callers: int) -> float:
        count = 0

        async def caller(echo: Any) -> None:
            nonlocal count
            with echo.new_context() as context:
                while True:
                    await context.asend(SMALL)
                    await context.arecv()
                    count += 1

        with pynng.Req0(dial=f"ipc://{path}") as echo:
            began = time.perf_counter()
            with trio.move_on_after(SECONDS):
                async with trio.open_nursery() as nursery:
                    for _ in range(callers):
                        nursery.start_soon(caller, echo)
            return count / (time.perf_counter() - began)

    async def pulled(size: int) -> float:
        total = 0
        with pynng.Pull0(dial=f"ipc://{path}.{size}", recv_buffer_size=64) as pieces:
            began = time.perf_counter()
            with trio.move_on_after(SECONDS):
                while True:
                    total += len(await pieces.arecv())
            return total / (time.perf_counter() - began) / 1e6

    figures = [trio.run(echoes, callers) for callers in (1, CALLERS)]
    return figures + [trio.run(pulled, size) for size in PIECES]


# -- grpcio ------------------------------------------------------------------------------------------------------------


def serve_grpc(path: str) -> None:
    """Serve echoes, and streams of pieces, as asyncio programs do; the bytes are the messages."""
    import asyncio

    import grpc.aio

    async def echo(request: bytes, context: Any) -> bytes:
        return request

    async def pieces(request: bytes, context: Any) -> Any:
        piece = bytes(int(request))
        while True:
            yield piece

    async def main() -> None:
        server = grpc.aio.server()
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(echo),
            "Pieces": grpc.unary_stream_rpc_method_handler(pieces),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench", handlers),))
        server.add_insecure_port(f"unix:{path}")
        await server.start()
        await server.wait_for_termination()

    asyncio.run(main())


def use_grpc(path: str) -> list[float]:
    """Measure it with asyncio, all callers on one channel."""
    import asyncio

    import grpc.aio

    async def main() -> list[float]:
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            echo = channel.unary_unary("/bench/Echo")
            figures = [await echoes(echo, callers) for callers in (1, CALLERS)]
            return figures + [await streamed(channel.unary_stream("/bench/Pieces"), size) for size in PIECES]

    async def echoes(echo: Any, callers: int) -> float:
        count = 0
        began = time.perf_counter()

        async def caller() -> None:
            nonlocal count
            while time.perf_counter() - began < SECONDS:
                await echo(SMALL)
                count += 1

        await asyncio.gather(*(caller() for _ in range(callers)))
        return count / (time.perf_counter() - began)

    async def streamed(pieces: Any, size: int) -> float:
        total, began = 0, time.perf_counter()
        call = pieces(b"%d" % size)
        async for piece in call:
            total += len(piece)
            if (took := time.perf_counter() - began) > SECONDS:
                call.cancel()
                return total / took / 1e6
        raise AssertionError

    return asyncio.run(main())


OTHERS: dict[str, tuple[str, Callable[[str], None], Callable[[str], list[float]]]] = {
    "rpyc": ("rpyc", serve_rpyc, use_rpyc),
    "Pyro5": ("Pyro5", serve_pyro5, use_pyro5),
    "pynng": ("pynng", serve_pynng, use_pynng),
    "grpcio": ("grpc", serve_grpc, use_grpc),
}
"""By name: the module that must be there, what serves, and what measures."""
