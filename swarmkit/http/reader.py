"""The receiving side of a connection: heads, bodies and raw bytes taken in turn from one buffered trio stream."""

from __future__ import annotations

from collections.abc import Callable

import trio

from ..errors import Invalid, Unavailable
from ..streams import CHUNK
from .chunked import ChunkedDecoder
from .messages import MAX_HEAD, Framing

_READ_ERRORS = (trio.BrokenResourceError, trio.ClosedResourceError)


class ConnectionReader:
    """Bytes from a stream, with those that were read too far put back in front."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self._stream = stream
        self._buffer = b""
        self.lock = trio.Lock()  # one reader at a time: a body, the raw rest, or whoever watches for the peer's end
        self.at_eof = False

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what comes next."""
        self._buffer = data + self._buffer

    @property
    def buffered(self) -> int:
        """Bytes that were received and not yet taken."""
        return len(self._buffer)

    async def receive_some(self, max_bytes: int = CHUNK) -> bytes:
        """Return some bytes, `b""` at the end of file; raise `Unavailable` where the connection breaks."""
        async with self.lock:
            if self._buffer:
                taken, self._buffer = self._buffer[:max_bytes], self._buffer[max_bytes:]
                return taken
            return await self._read(max_bytes)

    async def fill(self) -> bool:
        """Read into the buffer without taking; return False at the end of file."""
        async with self.lock:
            data = await self._read(CHUNK)
            self._buffer += data
            return bool(data)

    async def _read(self, max_bytes: int) -> bytes:
        if self.at_eof:
            return b""
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except _READ_ERRORS as error:
            raise Unavailable(f"the connection broke: {_reason(error)}") from error
        self.at_eof = not data
        return data

    async def read_head(self) -> bytes | None:
        """Return the next head with its blank line; None where the stream ends before it begins.

        Raises `Invalid` past `MAX_HEAD` bytes, and `Unavailable` where the stream ends within the head.
        """
        head = b""
        while (end := head.find(b"\r\n\r\n")) < 0:
            if len(head) > MAX_HEAD:
                raise Invalid(f"the head is longer than {MAX_HEAD} bytes")
            data = await self.receive_some()
            if not data:
                if head.strip():
                    raise Unavailable("the connection ended within a head")
                return None
            head = (head + data).lstrip(b"\r\n") if not head else head + data
        self.unread(head[end + 4 :])
        return head[: end + 4]


def _reason(error: BaseException) -> str:
    return str(error.__cause__ or error) or type(error).__name__


class Body(trio.abc.ReceiveStream):
    """The body of one message, its transfer coding removed.

    `when_closed` is told once whether the body had been read to its end. A body cut short raises `Unavailable`.
    """

    def __init__(
        self,
        reader: ConnectionReader,
        framing: Framing,
        length: int = 0,
        *,
        when_closed: Callable[[bool], None] = lambda finished: None,
    ) -> None:
        self._reader = reader
        self._framing = framing
        self._left = length
        self._decoder = ChunkedDecoder()
        self._when_closed: Callable[[bool], None] | None = when_closed
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
            if data := await self._next(limit):
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
