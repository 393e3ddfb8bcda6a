"""One request answered: the handler run, its response written, while the client is watched."""

from __future__ import annotations

import logging

import trio

from ..errors import Internal, Invalid, SwarmError
from ..streams import CHUNK, copy_stream
from .chunked import LAST_CHUNK, encode_chunk
from .framing import Framing, frame_response
from .handler import Handler, Request, Response
from .inbound import ClientWatch, RawInput, RequestBody
from .messages import Headers, RequestHead, ResponseHead
from .reader import ConnectionReader

log = logging.getLogger(__name__)

GONE = (trio.BrokenResourceError, trio.ClosedResourceError, SwarmError)
"""What ends a connection and is nobody's mistake here: the client, or the source of a body, has gone."""

LINGER_SECONDS = 2.0
"""How long a closing connection goes on reading, so that the peer gets to read what was written last."""

_FAILED = Response(500, Headers((("Content-Type", "text/plain"),)), b"internal error; see the log\n")


class Exchange:
    """A request that has been received so far as its head."""

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, reader: ConnectionReader, head: RequestHead, body: RequestBody
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._head = head
        self._body = body
        self._watch = ClientWatch(stream, reader, head)
        self._raw = RawInput(reader, self._watch)

    def __str__(self) -> str:
        return f"{self._head.method} {self._head.target}"

    async def answer(self, handler: Handler) -> bool:
        """Run the handler and write its response; return whether the connection may carry another exchange."""
        again = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch.run, self._body, nursery.cancel_scope)
                response = await self._handle(handler)
                try:
                    again = await self._write(response)
                finally:
                    await self._close(response)
                nursery.cancel_scope.cancel()
        finally:
            self._body.close()
            self._raw.close()
        return again

    async def _handle(self, handler: Handler) -> Response:
        try:
            return await handler(Request(self._head, self._body, self._raw))
        except Exception:
            log.exception("%s failed", self)
            return _FAILED

    async def _close(self, response: Response) -> None:
        if isinstance(response.body, bytes):
            return
        with trio.CancelScope(shield=True):
            try:
                await response.body.aclose()
            except Exception:
                log.exception("%s: closing the response's body failed", self)

    async def _write(self, response: Response) -> bool:
        """Write a response; return whether the connection may carry another exchange.

        The one way to say in mid-body that it is not whole is to break off before its end.
        """
        await self._body.stop_asking()
        try:
            if response.raw:
                await self._converse(response)
            elif await self._respond(response):
                return True
            else:
                await end_connection(self._stream, self._reader)
        except GONE as error:
            log.debug("%s was cut short: %s", self, error)
        except Exception:
            log.exception("%s was cut short", self)
        return False

    async def _converse(self, response: Response) -> None:
        try:
            head = ResponseHead(response.status, response.headers).to_bytes()
        except Invalid:
            await self._fail()
            return
        self._watch.raw = True
        await self._stream.send_all(head)
        if isinstance(response.body, bytes):
            await self._stream.send_all(response.body)
        else:
            await copy_stream(response.body, self._stream)
        await self._stream.send_eof()
        if self._raw.taken:
            await self._raw.done.wait()  # the other direction ends in its own time
        await _linger(self._reader)

    async def _respond(self, response: Response) -> bool:
        """Write a plain response; return whether the connection may carry another exchange."""
        content, head = response.body, ResponseHead(response.status, response.headers)
        try:
            head, framing, length = frame_response(
                self._head, head, len(content) if isinstance(content, bytes) else None
            )
            keep = self._clean and framing is not Framing.UNTIL_CLOSE and _persistent(self._head, response.headers)
            start = ResponseHead(head.status, head.headers if keep else head.headers.plus(("Connection", "close")))
            data = start.to_bytes()
        except Invalid:
            return await self._fail()
        if framing is Framing.NONE:
            await self._stream.send_all(data)
        elif isinstance(content, bytes):
            await self._stream.send_all(data + content)
        else:
            await self._stream.send_all(data)
            await self._send_body(content, framing, length)
        return keep and self._clean

    @property
    def _clean(self) -> bool:
        """Whether all that belongs to this request, and nothing else, has been read."""
        return self._body.finished and not self._raw.taken

    async def _fail(self) -> bool:
        """Answer in place of a handler whose response cannot be written."""
        log.exception("%s: a response that cannot be written", self)
        return await self._respond(_FAILED)

    async def _send_body(self, content: trio.abc.ReceiveStream, framing: Framing, length: int) -> None:
        sent = 0
        while data := await content.receive_some(CHUNK):
            sent += len(data)
            if framing is Framing.LENGTH and sent > length:
                break
            await self._stream.send_all(encode_chunk(data) if framing is Framing.CHUNKED else data)
        if framing is Framing.LENGTH and sent != length:
            raise Internal(f"a body of {length} bytes turned out to be of {sent}")
        if framing is Framing.CHUNKED:
            await self._stream.send_all(LAST_CHUNK)


def _persistent(request: RequestHead, response: Headers) -> bool:
    """Tell whether both sides want the connection kept (RFC 9112, 9.3)."""
    closing = "close" in request.headers.tokens("connection") or "close" in response.tokens("connection")
    return request.version == "1.1" and not closing


async def end_connection(stream: trio.abc.HalfCloseableStream, reader: ConnectionReader) -> None:
    """End what was written so that the client gets to read it."""
    await stream.send_eof()
    await _linger(reader)


async def _linger(reader: ConnectionReader) -> None:
    """Read on for a moment: closing with unread input makes the kernel reset the peer's unread output."""
    with trio.move_on_after(LINGER_SECONDS):
        while await reader.receive_some():
            pass
