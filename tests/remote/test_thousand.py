"""A thousand streams each way on one connection, one of them not read: the others flow, in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import trio

from backends.listen import listen
from backends.remote import remote
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service
from swarmkit.streams import CHUNK

STREAMS = 1000
PIECE, PIECES = bytes(10_000), 10
"""What each stream carries: more than its first window, so that nobody is done before it was read."""

MORE = 64 * 1024 * 1024
"""Bytes that both ends in one process may take; 200 MB pass."""


class Pieces(trio.abc.ReceiveStream):
    """A stream of so many pieces, or without end, which are made as they are read; `given` is how much was."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count
        self.given = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._count is not None and self.given == self._count * len(PIECE):
            return b""
        self.given += len(PIECE)
        return PIECE

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Crowd:
    """Streams that go there and back, all open before the first is read."""

    def __init__(self, service: Service, size: int) -> None:
        self._service = service
        self._missing = size
        self._all_open = trio.Event()
        self.received = 0

    async def there_and_back(self) -> None:
        """Open one of them, and when all are open read it to its end."""
        reply = await self._service(Message(Verb.CONNECT, att=Pieces(PIECES)))
        assert reply.att is not None
        self._missing -= 1
        if not self._missing:
            self._all_open.set()
        await self._all_open.wait()
        async with reply.att:
            while data := await reply.att.receive_some():
                self.received += len(data)


async def test_all_but_the_stalled_ones_flow(tmp_path: Path) -> None:
    """Each comes whole, while nothing is taken of the stalled ones but their first window."""
    near, far = Pieces(), Pieces()
    kept: list[Message] = []

    async def answer(message: Message, /) -> Message:
        if message.path != ("stalled",):
            return ack(att=message.att)
        kept.append(message)
        return ack(att=far)

    address = f"unix://{tmp_path}/x"
    tracemalloc.start()
    try:
        async with listen.parse([address]).open(answer), remote.parse([address]).open(None) as service:
            kept.append(await service(Message(Verb.CONNECT, ("stalled",), att=near)))
            crowd = Crowd(service, STREAMS - 1)
            with trio.fail_after(120):
                async with trio.open_nursery() as nursery:
                    for _ in range(STREAMS - 1):
                        nursery.start_soon(crowd.there_and_back)
            assert crowd.received == (STREAMS - 1) * PIECES * len(PIECE)
            assert tracemalloc.get_traced_memory()[1] < MORE
    finally:
        tracemalloc.stop()
    for stalled in (near, far):
        assert CHUNK <= stalled.given <= CHUNK + 2 * len(PIECE)
    assert [message.att is not None for message in kept] == [True, True]
