"""The receiving side of a connection: heads, bodies and raw bytes taken in turn from one buffered trio stream."""

from __future__ import annotations

from collections.abc import Callable

import trio

from ..errors import Invalid, SwarmError, Unavailable
from ..streams import CHUNK
from .chunked import ChunkedDecoder
from .framing import Framing
from .messages import MAX_HEAD

_READ_ERRORS = (trio.BrokenResourceError, trio.ClosedResourceError)


class ConnectionReader:
    """Bytes from a stream, with those that were read too far put back in front.

    A cancelled read has taken nothing. `ended` is set once nothing more can come: at the end of file, or broken.
    """

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()  # not bytes: taking a little off the front must not copy the rest
        self._lock = trio.Lock()  # one reader at a time: a body, the raw rest, or whoever watches for the peer's end
        self.ended = trio.Event()
        self._broken = ""

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what comes next."""
        self._buffer[:0] = data

    @property
    def buffered(self) -> int:
        """Bytes that were received and not yet taken."""
        return len(self._buffer)

    @property
    def at_eof(self) -> bool:
        """Whether the peer has ended its side well."""
        return self.ended.is_set() and not self._broken

    async def receive_some(self, max_bytes: int = CHUNK) -> bytes:
        """Return some bytes, `b""` at the end of file; raise `Unavailable` where the connection breaks."""
        if not self._buffer:
            await self._acquire()
            try:
                if not self._buffer:
                    return await self._read(max_bytes)
            finally:
                self._lock.release()
        await trio.lowlevel.checkpoint_if_cancelled()
        taken = self._take(max_bytes)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return taken

    async def fill(self) -> bool:
        """Read into the buffer without taking; return False at the end of file."""
        await self._acquire()
        try:
            data = await self._read(CHUNK)
        finally:
            self._lock.release()
        self._buffer += data
        return bool(data)

    async def _acquire(self) -> None:
        """Acquire the lock, without the checkpoint where it is free: what follows is one."""
        if self._lock.locked():
            await self._lock.acquire()
        else:
            self._lock.acquire_nowait()

    def _take(self, max_bytes: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:max_bytes])
        del self._buffer[:max_bytes]
        return taken

    async def _read(self, max_bytes: int) -> bytes:
        if self._broken:
            raise self._error()
        if self.ended.is_set():
            await trio.lowlevel.checkpoint()
            return b""
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except _READ_ERRORS as error:
            self._broken = broken_reason(error)
            self.ended.set()
            raise self._error() from error
        if not data:
            self.ended.set()
        return data

    def _error(self) -> Unavailable:
        return Unavailable(f"the connection broke: {self._broken}", reason=self._broken)

    async def read_head(self) -> bytes | None:
        """Return the next head with its blank line; None where the stream ends before it begins.

        Raises `Invalid` past `MAX_HEAD` bytes, and `Unavailable` where the stream ends within the head.
        """
        searched = 0
        while True:
            if self._buffer.startswith((b"\r", b"\n")):
                self._buffer = self._buffer.lstrip(b"\r\n")  # blank lines before a request (RFC 9112, 2.2)
            end = self._buffer.find(b"\r\n\r\n", searched) + 4
            if max(end, len(self._buffer) if end < 4 else 0) > MAX_HEAD:
                raise Invalid(f"the head is longer than {MAX_HEAD} bytes")
            if end >= 4:
                return self._take(end)
            searched = max(0, len(self._buffer) - 3)
            if not await self.fill():
                if self._buffer:
                    raise Unavailable("the connection ended within a head")
                return None


def broken_reason(error: BaseException) -> str:
    """Say why a stream broke: in the system's words, without its number, where it was the system."""
    cause = error.__cause__ or error
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__


def as_it_is(error: SwarmError) -> SwarmError:
    """Explain an error by itself."""
    return error


class Body(trio.abc.ReceiveStream):
    """The body of one message, its transfer coding removed.

    `when_closed` is told once whether the body had been read to its end. A body cut short raises `Unavailable`, one
    whose coding is malformed `Invalid`, or what `explain` makes of these.
    """

    def __init__(
        self,
        reader: ConnectionReader,
        framing: Framing,
        length: int = 0,
        *,
        when_closed: Callable[[bool], None] = lambda finished: None,
        explain: Callable[[SwarmError], SwarmError] = as_it_is,
    ) -> None:
        self._reader = reader
        self._framing = framing
        self._left = length
        self._decoder = ChunkedDecoder()
        self._when_closed: Callable[[bool], None] | None = when_closed
        self._explain = explain
        self._closed = False
        self.finished = framing is Framing.NONE
        self.done = trio.Event()  # read to the end, or closed
        if self.finished:
            self.done.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        limit = max_bytes or CHUNK
        while not self.finished:
            try:
                data = await self._next(limit)
            except (Unavailable, Invalid) as error:
                raise self._explain(error) from error
            if data:
                return data
        await trio.lowlevel.checkpoint()
        return b""

    async def _next(self, limit: int) -> bytes:
        match self._framing:
            case Framing.CHUNKED:
                data = self._decoder.feed(await self._received(limit))
                if self._decoder.finished:
                    self._reader.unread(self._decoder.rest)
                    self._finish()
            case Framing.LENGTH:
                data = await self._received(min(limit, self._left))
                self._left -= len(data)
                if not self._left:
                    self._finish()
            case _:
                data = await self._reader.receive_some(limit)
                if not data:
                    self._finish()
        return data

    async def _received(self, limit: int) -> bytes:
        data = await self._reader.receive_some(limit)
        if not data:
            raise Unavailable("the connection ended within a body")
        return data

    def _finish(self) -> None:
        self.finished = True
        self.done.set()

    @property
    def leaves_connection_clean(self) -> bool:
        """Whether the connection stands where a next message may begin: the body was read and nothing follows it."""
        return self.finished and self._framing is not Framing.UNTIL_CLOSE and not self._reader.buffered

    def close(self) -> None:
        """Give up what has not been read. Idempotent."""
        self._closed = True
        self.done.set()
        told, self._when_closed = self._when_closed, None
        if told is not None:
            told(self.finished)

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()
