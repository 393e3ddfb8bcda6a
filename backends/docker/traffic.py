"""What passes between us and one host, as far as it tells a host that is hung from a way that is full.

A ping takes the way of everything else, and comes late where that is full. So nothing is given up for lack of time
while bytes come: whoever is frozen sends none. Bytes that go prove less, for the kernel of a frozen host takes them,
too, until its buffers are full. They count only where they had to wait for room or are many, for they may lie in
buffers, and only for so long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import trio
from attrs import frozen

T = TypeVar("T")

WAITED = 0.05
"""Seconds from which on a write counts as one that had to wait for room."""

MUCH = 128 * 1024
"""Bytes from which on what goes unanswered may fill the way, though it found room: ssh alone holds 2 MB."""

STALLED = 10.0
"""Seconds for which a full way may take nothing more: what the buffers hold, 2 MB, at 2 Mbit/s."""

CROWDED = 30.0
"""Seconds for which a way may be full without anything coming back: some 4 MB of buffers at 1 Mbit/s."""


@frozen
class _Step:
    began: float
    seconds: float
    last: float


class Traffic:
    """When a host was last heard, and what goes to it. Pings are left out: they would vouch for each other."""

    def __init__(self) -> None:
        self._heard = -inf
        self._taken = -inf  # when the way last took what had waited for room
        self._unanswered = 0  # bytes that went since it was heard
        self._going: dict[object, float] = {}  # writes under way, and when each began
        self._waiting: dict[trio.CancelScope, _Step] = {}  # steps under way

    def watched(self, stream: trio.abc.HalfCloseableStream) -> trio.abc.HalfCloseableStream:
        """Return a stream to the host that is the one given, and is counted."""
        return _Watched(stream, self)

    def hear(self) -> None:
        """Take note that bytes have come."""
        self._heard, self._unanswered = trio.current_time(), 0
        self._renew()

    async def send(self, stream: trio.abc.SendStream, data: bytes | bytearray | memoryview) -> None:
        """Write to a stream, and take note of how that goes."""
        began, write = trio.current_time(), object()
        self._going[write] = began
        self._renew()
        try:
            await stream.send_all(data)
            self._unanswered += len(data)
            now = trio.current_time()
            if now - began >= WAITED or self._unanswered >= MUCH:
                self._taken = now
        finally:
            del self._going[write]
            self._renew()

    async def patiently(self, seconds: float, step: Callable[[], Awaitable[T]], *, most: float = inf) -> T:
        """Take a step that the host has to answer; raise `trio.TooSlowError` after `seconds`, unless the way is full.

        Each time that bytes come the seconds begin anew, until it has taken the `most`. See `STALLED` and `CROWDED` for
        bytes that go.
        """
        began = trio.current_time()
        with trio.CancelScope() as scope:
            self._waiting[scope] = _Step(began, seconds, began + most)
            self._renew()
            try:
                return await step()
            finally:
                del self._waiting[scope]
        raise trio.TooSlowError

    def _renew(self) -> None:
        """Give each step the time that it has by now."""
        if not self._waiting:
            return
        taken = max(self._taken, next(reversed(self._going.values()), -inf))
        for scope, step in self._waiting.items():
            heard = max(step.began, self._heard)
            scope.deadline = min(max(heard + step.seconds, min(taken + STALLED, heard + CROWDED)), step.last)


class _Watched(trio.abc.HalfCloseableStream):
    """A stream to a host of which the traffic is told."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, traffic: Traffic) -> None:
        self._stream = stream
        self._traffic = traffic

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        if data:
            self._traffic.hear()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._traffic.send(self._stream, data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
