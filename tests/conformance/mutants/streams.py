"""Streams that spoil another: it is cut, endless, held back, shortened, or never closed."""

from __future__ import annotations

from collections.abc import Callable

import trio

from swarmkit.errors import SwarmError
from swarmkit.frames import FrameDecoder, encode_frame
from swarmkit.streams import BytesStream, read_whole

Stream = trio.abc.ReceiveStream


class Wrapped(Stream):
    """A stream that spoils another in the way its subclass says."""

    def __init__(self, inner: Stream) -> None:
        self.inner = inner

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self.inner.receive_some(max_bytes))

    async def aclose(self) -> None:
        await self.inner.aclose()


class Ended(Wrapped):
    """It tells of its end of file, and not of being closed."""

    def __init__(self, inner: Stream, told: Callable[[], None]) -> None:
        super().__init__(inner)
        self.told = told

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await super().receive_some(max_bytes)
        if not data:
            self.told()
        return data


class Unclosing(Wrapped):
    """Closing it closes nothing."""

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Endless(Wrapped):
    """It has no end of file."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await super().receive_some(max_bytes) or await trio.sleep_forever()


class Uncut(Wrapped):
    """A cut reads as the end of file."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            return await super().receive_some(max_bytes)
        except SwarmError:
            return b""


class Coalescing(Wrapped):
    """It gives nothing before it has all."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not isinstance(self.inner, BytesStream):
            self.inner = BytesStream(await read_whole(self.inner))
        return await super().receive_some(max_bytes)


class Truncated(Wrapped):
    """It ends before its last byte."""

    last = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while data := await super().receive_some(max_bytes):
            data, self.last = (self.last + data)[:-1], data[-1:]
            if data:
                return data
        return b""


class Swapped(Wrapped):
    """What is framed as standard output it gives as standard error, and the other way round."""

    def __init__(self, inner: Stream) -> None:
        super().__init__(inner)
        self.decoder = FrameDecoder()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while data := await super().receive_some():
            if records := self.decoder.feed(data):
                return b"".join(encode_frame(3 - record.stream, record.data) for record in records)
        return b""


class Cancelled(Wrapped):
    def __init__(self, inner: Stream, scope: trio.CancelScope) -> None:
        super().__init__(inner)
        self.scope = scope

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self.scope.cancel_called:
            return b""
        return await super().receive_some(max_bytes)
