"""Two peers in one process, and services for them to offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from backends.fake.memory import memory_stream_pair
from swarmkit.message import Message, ack
from swarmkit.service import Service, close_ends
from swarmkit.wire import Limits, Peer, Side, open_peer


async def echo(message: Message, /) -> Message:
    """Give back what is brought, ends and all."""
    return ack(message.args, path=message.path, ret=message.ret, att=message.att)


class Hub:
    """A service that does what the test says at the moment, and notes what it was asked."""

    def __init__(self, answer: Callable[[Message], Awaitable[Message]] = echo) -> None:
        self.answer = answer
        self.asked: list[Message] = []
        self.closed = trio.Event()

    async def __call__(self, message: Message, /) -> Message:
        self.asked.append(message)
        return await self.answer(message)

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed.set()


async def swallow(message: Message, /) -> Message:
    """Answer, and close what is brought."""
    await close_ends(message)
    return ack()


@asynccontextmanager
async def two_peers(
    here: Service | None = None,
    there: Service | None = echo,
    *,
    limits: Limits | None = None,
    streams: tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream] | None = None,
) -> AsyncIterator[tuple[Peer, Peer]]:
    """Connect two peers; yield the one that we call, and the one that calls us. `limits` are those of both."""
    near, far = streams if streams is not None else memory_stream_pair()
    limits = limits or Limits()
    async with trio.open_nursery() as nursery:
        ready: list[Peer] = []
        came, done = trio.Event(), trio.Event()

        async def accept() -> None:
            async with open_peer(far, Side.ACCEPTOR, offers=there, limits=limits) as peer:
                ready.append(peer)
                came.set()
                await done.wait()

        nursery.start_soon(accept)
        try:
            async with open_peer(near, Side.INITIATOR, offers=here, limits=limits) as peer:
                await came.wait()
                yield peer, ready[0]
        finally:
            done.set()
