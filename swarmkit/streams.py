"""Carried byte streams: one way, bounded, with an end of file that is told apart from a cut.

A carried stream is a `trio.abc.ReceiveStream`. Its `receive_some` returns `b""` only where the writer said that it had
written everything; whatever else ends it raises a `SwarmError`. Closing it tells the writer to stop.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, field
from trio.lowlevel import ParkingLot

from .errors import Invalid, SwarmError, Unavailable

CHUNK = 65536
"""Bytes that one read asks for, and that a pipe holds."""

MAX_WHOLE = 16 * 1024 * 1024
"""Bytes that `read_whole` takes at most unless told otherwise."""


@define(eq=False)
class _PipeState:
    limit: int
    buffer: bytearray = field(factory=bytearray)
    finished: bool = False
    error: SwarmError | None = None
    reader_gone: bool = False
    readers: ParkingLot = field(factory=ParkingLot)
    writers: ParkingLot = field(factory=ParkingLot)  # those who wait for room, or for the reader to go

    @property
    def full(self) -> bool:
        return len(self.buffer) >= self.limit


class PipeSender(trio.abc.SendStream):
    """The writing end of a pipe in memory. `send_eof` ends it well; closing it without is a cut."""

    def __init__(self, state: _PipeState) -> None:
        self._state = state

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write everything, waiting for the reader; raise trio.BrokenResourceError once nobody reads."""
        await trio.lowlevel.checkpoint()
        state, rest = self._state, memoryview(data)
        self._check()
        while rest:
            while state.full:
                await state.writers.park()
                self._check()
            room = state.limit - len(state.buffer)
            state.buffer += rest[:room]
            rest = rest[room:]
            state.readers.unpark()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room."""
        await trio.lowlevel.checkpoint()
        self._check()
        while self._state.full:
            await self._state.writers.park()
            self._check()

    def _check(self) -> None:
        if self._state.reader_gone:
            raise trio.BrokenResourceError("nobody reads this stream any more")
        if self._state.finished or self._state.error is not None:
            raise trio.ClosedResourceError("this stream has been ended")

    def send_eof(self) -> None:
        """Say that everything has been written. Idempotent."""
        self._state.finished = True
        self._wake_all()

    def cut(self, error: SwarmError) -> None:
        """End the stream with an error that the reader meets after what was written. Idempotent."""
        if not self._state.finished and self._state.error is None:
            self._state.error = error
            self._wake_all()

    def _wake_all(self) -> None:
        self._state.readers.unpark_all()
        self._state.writers.unpark_all()

    async def wait_reader_gone(self) -> None:
        """Wait until the reader has closed its end."""
        await trio.lowlevel.checkpoint()
        while not self._state.reader_gone:
            await self._state.writers.park()

    async def aclose(self) -> None:
        """Cut the stream unless it was ended already."""
        self.cut(Unavailable("the writer of this stream has gone"))
        await trio.lowlevel.checkpoint()


class PipeReceiver(trio.abc.ReceiveStream):
    """The reading end of a pipe in memory."""

    def __init__(self, state: _PipeState) -> None:
        self._state = state

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what is there, waiting for some; `b""` at the end of file, the writer's error after a cut.

        A cancelled read has taken nothing.
        """
        await trio.lowlevel.checkpoint()
        state = self._state
        while not state.buffer:
            if state.reader_gone:
                raise trio.ClosedResourceError
            if state.error is not None:
                raise state.error
            if state.finished:
                return b""
            await state.readers.park()
        taken = bytes(state.buffer[: max_bytes or CHUNK])
        del state.buffer[: len(taken)]
        state.writers.unpark_all()
        return taken

    async def aclose(self) -> None:
        """Tell the writer to stop. Idempotent."""
        self._state.reader_gone = True
        self._state.buffer.clear()
        self._state.readers.unpark_all()
        self._state.writers.unpark_all()
        await trio.lowlevel.checkpoint()


def open_pipe(limit: int = CHUNK) -> tuple[PipeSender, PipeReceiver]:
    """Make a one-way byte stream in memory that holds at most `limit` bytes, one at least."""
    if limit < 1:
        raise ValueError(f"a pipe holds one byte at least, not {limit}")
    state = _PipeState(limit)
    return PipeSender(state), PipeReceiver(state)


class BytesStream(trio.abc.ReceiveStream):
    """A carried stream over bytes that are already here."""

    def __init__(self, data: bytes) -> None:
        self._rest: memoryview | None = memoryview(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._rest is None:
            raise trio.ClosedResourceError
        taken = bytes(self._rest[: max_bytes or CHUNK])
        self._rest = self._rest[len(taken) :]
        return taken

    async def aclose(self) -> None:
        self._rest = None
        await trio.lowlevel.checkpoint()


async def read_whole(stream: trio.abc.ReceiveStream, limit: int = MAX_WHOLE) -> bytes:
    """Read to the end of file and close; raise `Invalid` where more than `limit` bytes come."""
    async with stream:
        parts: list[bytes] = []
        size = 0
        while data := await stream.receive_some(CHUNK):
            size += len(data)
            if size > limit:
                raise Invalid(f"more than the {limit} bytes that are taken here")
            parts.append(bytes(data))
        return b"".join(parts)


async def copy_stream(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream) -> None:
    """Copy to the end of file. Neither end is closed; the sink's end is the caller's to signal."""
    while data := await source.receive_some(CHUNK):
        await sink.send_all(data)


class HookedStream(trio.abc.ReceiveStream):
    """A carried stream that calls `ended` once: at its end of file, when it breaks, or when it is closed."""

    def __init__(self, inner: trio.abc.ReceiveStream, ended: Callable[[], None]) -> None:
        self._inner = inner
        self._ended: Callable[[], None] | None = ended

    def _end(self) -> None:
        told, self._ended = self._ended, None
        if told is not None:
            told()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            data = bytes(await self._inner.receive_some(max_bytes))
        except SwarmError:
            self._end()
            raise
        if not data:
            self._end()
        return data

    async def aclose(self) -> None:
        self._end()
        await self._inner.aclose()
