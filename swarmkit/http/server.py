"""The server's end of HTTP/1.1: a handler from request to response, run over one connection.

A response's body may be a stream; so may a raw conversation after an upgrade, in which the client's end of file is only
its half-close. While a plain response is awaited or written, a client that goes away cancels the handler.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Awaitable, Callable

import trio
from attrs import field, frozen

from ..errors import Invalid, SwarmError, Unavailable
from ..streams import CHUNK
from .chunked import LAST_CHUNK, encode_chunk
from .messages import Headers, RequestHead, ResponseHead, parse_request_head, request_framing
from .reader import Body, ConnectionReader

log = logging.getLogger(__name__)

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, Unavailable)

LINGER_SECONDS = 2.0
"""How long a closing connection goes on reading, so that the peer gets to read what was written last."""

VANISHED_SECONDS = 1.0
"""How often a raw conversation whose client has half-closed looks whether the client is there at all."""


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


class _RequestBody(Body):
    """A request's body, which asks for itself with 100-continue when it is first read (RFC 9110, 10.1.1)."""

    def __init__(self, stream: trio.abc.SendStream, reader: ConnectionReader, head: RequestHead) -> None:
        super().__init__(reader, *request_framing(head))
        self._stream = stream
        self._continue_due = "100-continue" in head.headers.tokens("expect") and not self.finished
        self.refused = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._continue_due and not self.refused:
            self._continue_due = False
            await self._stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await super().receive_some(max_bytes)


class _Raw(trio.abc.ReceiveStream):
    """Whatever follows a request on its connection. Closing it leaves the connection open."""

    def __init__(self, reader: ConnectionReader, when_taken: Callable[[], None]) -> None:
        self._reader = reader
        self._when_taken = when_taken
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            raise trio.ClosedResourceError
        self._when_taken()
        return await self._reader.receive_some(max_bytes or CHUNK)

    async def aclose(self) -> None:
        self._closed = True
        await trio.lowlevel.checkpoint()


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
            body = _RequestBody(self._stream, self._reader, head)
        except Invalid as error:
            await self._refuse(error)
            return False
        return await self._answer(head, body)

    async def _refuse(self, error: Invalid) -> None:
        text = f"400 Bad Request: {error}\n".encode()
        headers = Headers((("Content-Type", "text/plain"), ("Connection", "close"), ("Content-Length", str(len(text)))))
        await self._stream.send_all(ResponseHead(400, headers).to_bytes() + text)
        await self._linger()

    async def _answer(self, head: RequestHead, body: _RequestBody) -> bool:
        again = False
        async with trio.open_nursery() as nursery:
            watching = trio.CancelScope()
            request = Request(head, body, _Raw(self._reader, watching.cancel))
            nursery.start_soon(self._watch_client, body, watching, nursery.cancel_scope)
            response = await self._handle(request)
            try:
                if response.raw:
                    watching.cancel()
                    nursery.start_soon(self._watch_half_closed, nursery.cancel_scope)
                    await self._converse(response)
                else:
                    again = await self._respond(head, body, response)
            except _GONE as error:
                log.debug("%s %s: the client has gone: %s", head.method, head.target, error)
            finally:
                if not isinstance(response.body, bytes):
                    with trio.CancelScope(shield=True):
                        await response.body.aclose()
            nursery.cancel_scope.cancel()
        body.close()
        return again

    async def _handle(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:
            log.exception("%s %s failed", request.method, request.target)
            return Response(500, Headers((("Content-Type", "text/plain"),)), b"internal error; see the log\n")

    async def _watch_client(self, body: Body, watching: trio.CancelScope, handling: trio.CancelScope) -> None:
        """Cancel the handling of a request whose client has gone."""
        with watching:
            await body.done.wait()
            try:
                while await self._reader.fill():
                    if self._reader.buffered > CHUNK:
                        return
            except Unavailable:
                pass  # a reset says the same as an end of file: nobody waits for this response
            handling.cancel()

    async def _watch_half_closed(self, handling: trio.CancelScope) -> None:
        """Cancel a raw conversation whose client has closed both ways, which a quiet output would never notice."""
        while True:
            await trio.sleep(VANISHED_SECONDS)
            if self._reader.at_eof and _hung_up(self._stream):
                handling.cancel()

    async def _converse(self, response: Response) -> None:
        await self._stream.send_all(ResponseHead(response.status, response.headers).to_bytes())
        assert not isinstance(response.body, bytes)
        try:
            while data := await response.body.receive_some(CHUNK):
                await self._stream.send_all(data)
        except SwarmError as error:
            log.debug("a raw conversation was cut: %s", error)
            return
        await self._stream.send_eof()
        await self._linger()

    async def _respond(self, head: RequestHead, body: _RequestBody, response: Response) -> bool:
        body.refused = True
        keep = head.version == "1.1" and "close" not in head.headers.tokens("connection") and body.finished
        try:
            if isinstance(response.body, bytes):
                await self._send_whole(head, response, response.body, keep)
            else:
                keep = await self._send_stream(head, response, response.body, keep)
        except SwarmError as error:
            # The one way to say in mid-body that it is not whole is to break off before its end.
            log.debug("%s %s was cut short: %s", head.method, head.target, error)
            return False
        if not keep or not body.finished:
            await self._stream.send_eof()
            await self._linger()
            return False
        return True

    async def _send_whole(self, head: RequestHead, response: Response, body: bytes, keep: bool) -> None:
        headers = response.headers
        if (
            response.status >= 200
            and response.status != 204
            and not (head.method == "HEAD" and "content-length" in headers)
        ):
            headers = headers.plus(("Content-Length", str(len(body))))
        if not keep:
            headers = headers.plus(("Connection", "close"))
        data = ResponseHead(response.status, headers).to_bytes()
        await self._stream.send_all(data if head.method == "HEAD" or response.status in (204, 304) else data + body)

    async def _send_stream(
        self, head: RequestHead, response: Response, body: trio.abc.ReceiveStream, keep: bool
    ) -> bool:
        """Write a body of a length known or not; return whether the connection may be used again."""
        headers = response.headers
        bodiless = head.method == "HEAD" or response.status in (204, 304)
        chunked = not bodiless and "content-length" not in headers and head.version == "1.1"
        if chunked:
            headers = headers.plus(("Transfer-Encoding", "chunked"))
        elif not bodiless and "content-length" not in headers:
            keep = False
        if not keep:
            headers = headers.plus(("Connection", "close"))
        await self._stream.send_all(ResponseHead(response.status, headers).to_bytes())
        if bodiless:
            return keep
        while data := await body.receive_some(CHUNK):
            await self._stream.send_all(encode_chunk(data) if chunked else data)
        if chunked:
            await self._stream.send_all(LAST_CHUNK)
        return keep

    async def _linger(self) -> None:
        """Read on for a moment: closing with unread input makes the kernel reset the peer's unread output."""
        with trio.move_on_after(LINGER_SECONDS):
            while await self._reader.receive_some():
                pass


def _hung_up(stream: trio.abc.Stream) -> bool:
    """Tell whether the peer of a Unix socket has closed both ways (over TCP only writing finds out)."""
    held = getattr(stream, "socket", None)
    if held is None or held.family != socket.AF_UNIX:
        return False
    poll = select.poll()
    poll.register(held.fileno(), select.POLLIN)
    return any(flags & select.POLLHUP for _, flags in poll.poll(0))
