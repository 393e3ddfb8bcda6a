"""A container's output: kept in its log, and copied to whoever is attached."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

import trio
from attrs import define, frozen

from .clock import Clock

MAX_LINE = 16 * 1024
"""Bytes of one entry of the log; a longer line has several, as in the engine."""

MAX_LOG = 16 * 1024 * 1024
"""Bytes that a container's log holds. Beyond it the oldest entries go, as with the engine's `max-size`."""


@frozen
class Entry:
    """A line of the log, with its end if it has one."""

    time: int
    stream: int
    data: bytes


class Log:
    """The lines that a container has written, in order, and the news that there are more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._first = 0  # how many entries have gone from the front
        self._size = 0
        self._partial: dict[int, bytes] = {}
        self._changed = trio.Event()
        self.runs = 0  # how many runs of the container have ended

    def write(self, stream: int, data: bytes) -> None:
        """Take some output; what is not yet a whole line waits for the rest."""
        rest = self._partial.get(stream, b"") + data
        while (end := rest.find(b"\n") + 1) or len(rest) >= MAX_LINE:
            end = min(end or MAX_LINE, MAX_LINE)
            self._append(Entry(self._clock.stamp(), stream, rest[:end]))
            rest = rest[end:]
        self._partial[stream] = rest
        self.wake()

    def flush(self) -> None:
        """Take lines without an end as they are: the run is over."""
        for stream, data in self._partial.items():
            if data:
                self._append(Entry(self._clock.stamp(), stream, data))
        self._partial.clear()
        self.runs += 1
        self.wake()

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._size += len(entry.data)
        while self._size > MAX_LOG:
            self._size -= len(self._entries.popleft().data)
            self._first += 1

    def wake(self) -> None:
        """Let followers look again."""
        self._changed.set()
        self._changed = trio.Event()

    def entries(self) -> list[Entry]:
        """Return what there is."""
        return list(self._entries)

    def follow(self) -> AsyncIterator[Entry]:
        """Return the entries from this call on, to the end of the run, which may come before the first is asked for."""
        return self._from(self._first + len(self._entries), self.runs)

    async def _from(self, position: int, runs: int) -> AsyncIterator[Entry]:
        while True:
            changed = self._changed
            position = max(position, self._first)
            if position < self._first + len(self._entries):
                position += 1
                yield self._entries[position - 1 - self._first]
                continue
            if self.runs != runs:
                return
            await changed.wait()


@define(eq=False)
class _Listener:
    streams: frozenset[int]
    queue: trio.MemorySendChannel[tuple[int, bytes]]


class Output:
    """Everything a container's processes write. An attached client that reads slowly slows the writer."""

    def __init__(self, clock: Clock) -> None:
        self.log = Log(clock)
        self._listeners: list[_Listener] = []

    def listen(self, streams: frozenset[int]) -> trio.MemoryReceiveChannel[tuple[int, bytes]]:
        """Return what is written to these streams from now on, piece by piece, until the container's run ends."""
        sender, receiver = trio.open_memory_channel[tuple[int, bytes]](4)
        self._listeners.append(_Listener(streams, sender))
        return receiver

    async def write(self, stream: int, data: bytes) -> None:
        """Write for everybody."""
        await trio.lowlevel.checkpoint()
        if not data:
            return
        self.log.write(stream, data)
        for listener in list(self._listeners):
            if stream in listener.streams:
                try:
                    await listener.queue.send((stream, data))
                except trio.BrokenResourceError:
                    self._listeners.remove(listener)

    def end(self) -> None:
        """End what is listened to: the run is over."""
        self.log.flush()
        for listener in self._listeners:
            listener.queue.close()
        self._listeners.clear()


@frozen(eq=False)
class StreamOf:
    """One of the output's streams, as a process writes to it; a terminal turns line ends into those of a screen."""

    output: Output
    stream: int
    tty: bool = False

    async def write(self, data: bytes) -> None:
        await self.output.write(self.stream, data.replace(b"\n", b"\r\n") if self.tty else data)
