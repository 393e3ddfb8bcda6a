"""The server's end of HTTP/1.1: a handler from request to response, run over one connection.

A response's body may be a stream; so may a raw conversation after an upgrade, in which the client's end of file is only
its half-close. While a plain response is awaited or written, a client that goes away cancels the handler.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from attrs import field, frozen

from ..errors import Internal, Invalid, SwarmError
from ..streams import CHUNK, copy_stream
from .chunked import LAST_CHUNK, encode_chunk
from .framing import Framing, frame_response
from .inbound import ClientWatch, RawInput, RequestBody
from .messages import Headers, RequestHead, ResponseHead, parse_request_head
from .reader import Body, ConnectionReader

log = logging.getLogger(__name__)

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, SwarmError)

LINGER_SECONDS = 2.0
"""How long a closing connection goes on reading, so that the peer gets to read what was written last."""


@frozen(eq=False)
class Request:
    """One request as the handler sees it. `body` has its coding removed; `raw` is every byte behind it."""

    head: RequestHead
    body: trio.abc.ReceiveStream
    raw: trio.abc.ReceiveStream

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def target(self) -> str:
        return self.head.target

    @property
    def headers(self) -> Headers:
        return self.head.headers


@frozen(eq=False)
class Response:
    """What the handler answers. With `raw` the body is a conversation's other half, ended by a half-close.

    The server closes a body that is a stream, whatever happens.
    """

    status: int
    headers: Headers = field(factory=Headers)
    body: bytes | trio.abc.ReceiveStream = b""
    raw: bool = False


Handler = Callable[[Request], Awaitable[Response]]


async def serve_connection(stream: trio.abc.HalfCloseableStream, handler: Handler) -> None:
    """Answer requests on one connection until it ends; the stream is closed in every case.

    A malformed request is answered with 400 and ends the connection. A handler is expected to turn its own errors into
    responses; what it lets out is answered with 500 and logged.
    """
    async with stream:
        connection = _ServerConnection(stream, handler)
        try:
            while await connection.serve_one():
                pass
        except _GONE as error:
            log.debug("a client's connection ended: %s", error)


class _ServerConnection:
    def __init__(self, stream: trio.abc.HalfCloseableStream, handler: Handler) -> None:
        self._stream = stream
        self._handler = handler
        self._reader = ConnectionReader(stream)

    async def serve_one(self) -> bool:
        """Answer one request; return whether another may follow."""
        try:
            data = await self._reader.read_head()
            if data is None:
                return False
            head = parse_request_head(data)
            body = RequestBody(self._stream, self._reader, head)
        except Invalid as error:
            await self._refuse(error)
            return False
        return await self._answer(head, body)

    async def _refuse(self, error: Invalid) -> None:
        text = f"400 Bad Request: {error}\n".encode()
        headers = Headers((("Content-Type", "text/plain"), ("Connection", "close"), ("Content-Length", str(len(text)))))
        await self._stream.send_all(ResponseHead(400, headers).to_bytes() + text)
        await self._end()

    async def _answer(self, head: RequestHead, body: RequestBody) -> bool:
        watch = ClientWatch(self._stream, self._reader, head)
        request = Request(head, body, RawInput(self._reader, watch))
        again = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run, body, nursery.cancel_scope)
            response = await self._handle(request)
            async with _closing(response.body):
                again = await self._write(request, body, response, watch)
            nursery.cancel_scope.cancel()
        body.close()
        return again

    async def _handle(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:
            log.exception("%s %s failed", request.method, request.target)
            return _FAILED

    async def _write(self, request: Request, body: RequestBody, response: Response, watch: ClientWatch) -> bool:
        """Write a response; return whether the connection may carry another exchange.

        The one way to say in mid-body that it is not whole is to break off before its end.
        """
        await body.stop_asking()
        try:
            if response.raw:
                watch.raw = True
                return await self._converse(request, body, response)
            if await self._respond(request.head, body, response):
                return True
            watch.stop_reading()
            await self._end()
        except _GONE as error:
            log.debug("%s %s was cut short: %s", request.method, request.target, error)
        except Exception:
            log.exception("%s %s was cut short", request.method, request.target)
        return False

    async def _converse(self, request: Request, body: Body, response: Response) -> bool:
        try:
            data = ResponseHead(response.status, response.headers).to_bytes()
        except Invalid:
            return await self._fail(request.head, body)
        await self._stream.send_all(data)
        if isinstance(response.body, bytes):
            await self._stream.send_all(response.body)
        else:
            await copy_stream(response.body, self._stream)
        await self._stream.send_eof()
        if isinstance(request.raw, RawInput) and request.raw.taken:
            await request.raw.done.wait()  # the other direction ends in its own time
        await self._linger()
        return False

    async def _respond(self, request: RequestHead, body: Body, response: Response) -> bool:
        """Write a plain response; return whether the connection may carry another exchange."""
        content, head = response.body, ResponseHead(response.status, response.headers)
        length = len(content) if isinstance(content, bytes) else None
        try:
            head, framing, length = frame_response(request, head, length)
            keep = body.finished and framing is not Framing.UNTIL_CLOSE and _persistent(request, response.headers)
            start = ResponseHead(head.status, head.headers if keep else head.headers.plus(("Connection", "close")))
            data = start.to_bytes()
        except Invalid:
            return await self._fail(request, body)
        if framing is Framing.NONE:
            await self._stream.send_all(data)
        elif isinstance(content, bytes):
            await self._stream.send_all(data + content)
        else:
            await self._stream.send_all(data)
            await self._send_body(content, framing, length)
        return keep and body.finished

    async def _fail(self, request: RequestHead, body: Body) -> bool:
        """Answer in place of a handler whose response cannot be written."""
        log.exception("%s %s: a response that cannot be written", request.method, request.target)
        return await self._respond(request, body, _FAILED)

    async def _send_body(self, content: trio.abc.ReceiveStream, framing: Framing, length: int) -> None:
        sent = 0
        while data := await content.receive_some(CHUNK):
            sent += len(data)
            if framing is Framing.LENGTH and sent > length:
                break
            await self._stream.send_all(encode_chunk(data) if framing is Framing.CHUNKED else data)
        if framing is Framing.LENGTH and sent != length:
            raise Internal(f"a body of {length} bytes turned out to be of {sent} or more")
        if framing is Framing.CHUNKED:
            await self._stream.send_all(LAST_CHUNK)

    async def _end(self) -> None:
        await self._stream.send_eof()
        await self._linger()

    async def _linger(self) -> None:
        """Read on for a moment: closing with unread input makes the kernel reset the peer's unread output."""
        with trio.move_on_after(LINGER_SECONDS):
            while await self._reader.receive_some():
                pass


_FAILED = Response(500, Headers((("Content-Type", "text/plain"),)), b"internal error; see the log\n")


def _persistent(request: RequestHead, response: Headers) -> bool:
    """Tell whether both sides want the connection kept (RFC 9112, 9.3)."""
    closing = "close" in request.headers.tokens("connection") or "close" in response.tokens("connection")
    return request.version == "1.1" and not closing


@asynccontextmanager
async def _closing(body: bytes | trio.abc.ReceiveStream) -> AsyncIterator[None]:
    """Close a response's body in the end, even where the handling was cancelled."""
    try:
        yield
    finally:
        if not isinstance(body, bytes):
            with trio.CancelScope(shield=True):
                try:
                    await body.aclose()
                except Exception:
                    log.exception("closing a response's body failed")
