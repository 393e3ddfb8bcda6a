"""What a request brings to the server besides its head: its body, the raw bytes behind it, and a client that may go."""

from __future__ import annotations

import select
import socket

import trio

from ..errors import SwarmError, Unavailable
from ..streams import CHUNK
from .framing import request_framing
from .messages import RequestHead
from .reader import Body, ConnectionReader

VANISHED_SECONDS = 1.0
"""How often the connection of a client that has half-closed is asked whether the client is there at all."""


class RequestBody(Body):
    """A request's body, which asks for itself with 100-continue when it is first read (RFC 9110, 10.1.1)."""

    def __init__(self, stream: trio.abc.SendStream, reader: ConnectionReader, head: RequestHead) -> None:
        super().__init__(reader, *request_framing(head))
        self._stream = stream
        self._writing = trio.Lock()  # a response may begin while another task first reads the body
        asked = head.version == "1.1" and "100-continue" in head.headers.tokens("expect")
        self._continue_due = asked and not self.finished

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._continue_due:
            await self._ask()
        return await super().receive_some(max_bytes)

    async def _ask(self) -> None:
        async with self._writing:
            if self._continue_due:
                self._continue_due = False
                try:
                    await self._stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                    raise Unavailable("the connection broke before the body was asked for") from error

    async def stop_asking(self) -> None:
        """Send no 100-continue from here on, since the response begins."""
        self._continue_due = False
        if self._writing.locked():
            await self._writing.acquire()
            self._writing.release()


class ClientWatch:
    """Cancel the handling of a request whose client has gone.

    An end of file is only a half-close where the request is, or may become, a raw conversation, and over a Unix socket,
    which tells the two apart. Over TCP the client of a plain request that ends its side is taken to have gone.
    """

    def __init__(self, stream: trio.abc.Stream, reader: ConnectionReader, head: RequestHead) -> None:
        self._stream = stream
        self._reader = reader
        self._reading = trio.CancelScope()
        self.raw = "upgrade" in head.headers

    async def run(self, body: Body, handling: trio.CancelScope) -> None:
        """Watch until cancelled; cancel `handling` where the client is found to have gone."""
        with self._reading:
            await body.done.wait()
            await self._read_ahead()
        await self._reader.ended.wait()
        while not self._gone():  # noqa: ASYNC110 (the kernel tells of a hang-up only who asks)
            await trio.sleep(VANISHED_SECONDS)
        handling.cancel()

    async def _read_ahead(self) -> None:
        try:
            while self._reader.buffered <= CHUNK and await self._reader.fill():
                pass
        except Unavailable:
            pass  # a reset: the reader is `ended` and not `at_eof`, which says it

    def stop_reading(self) -> None:
        """Leave the bytes to somebody else."""
        self._reading.cancel()

    def _gone(self) -> bool:
        if not self._reader.at_eof:
            return True
        hung_up = _hung_up(self._stream)
        return hung_up if hung_up is not None else not self.raw


def _hung_up(stream: trio.abc.Stream) -> bool | None:
    """Tell whether the peer of a Unix socket has closed both ways; None of other streams, where only writing tells."""
    held = getattr(stream, "socket", None)
    if held is None or held.family != socket.AF_UNIX:
        return None
    poll = select.poll()
    poll.register(held.fileno(), 0)  # POLLHUP is always reported
    return any(flags & select.POLLHUP for _, flags in poll.poll(0))


class RawInput(trio.abc.ReceiveStream):
    """Whatever follows a request on its connection. Closing it leaves the connection open.

    `taken` once somebody has read from it; `done` at its end of file, broken, or closed.
    """

    def __init__(self, reader: ConnectionReader, watch: ClientWatch) -> None:
        self._reader = reader
        self._watch = watch
        self._closed = False
        self.taken = False
        self.done = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        self.taken = self._watch.raw = True
        self._watch.stop_reading()
        try:
            data = await self._reader.receive_some(max_bytes or CHUNK)
        except SwarmError:
            self.done.set()
            raise
        if not data:
            self.done.set()
        return data

    def close(self) -> None:
        """Leave the bytes to somebody else. Idempotent."""
        self._closed = True
        self.done.set()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()
