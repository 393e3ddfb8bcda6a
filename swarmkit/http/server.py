"""The server's end of HTTP/1.1: one request after another taken from a connection. `exchange` answers each."""

from __future__ import annotations

import logging

import trio

from ..errors import Invalid
from .exchange import GONE, Exchange, end_connection
from .handler import Handler
from .inbound import RequestBody
from .messages import Headers, ResponseHead, parse_request_head
from .reader import ConnectionReader

log = logging.getLogger(__name__)


async def serve_connection(stream: trio.abc.HalfCloseableStream, handler: Handler) -> None:
    """Answer requests on one connection until it ends; the stream is closed in every case.

    A malformed request is answered with 400 and ends the connection. A handler is expected to turn its own errors into
    responses; what it lets out is answered with 500 and logged. While a plain response is awaited or written, a client
    that goes away cancels the handler; in a raw conversation a client's end of file is only its half-close.
    """
    reader = ConnectionReader(stream)
    async with stream:
        try:
            while await _serve_one(stream, reader, handler):
                pass
        except GONE as error:
            log.debug("a client's connection ended: %s", error)


async def _serve_one(stream: trio.abc.HalfCloseableStream, reader: ConnectionReader, handler: Handler) -> bool:
    """Answer one request; return whether another may follow."""
    try:
        data = await reader.read_head()
        if data is None:
            return False
        head = parse_request_head(data)
        body = RequestBody(stream, reader, head)
    except Invalid as error:
        await _refuse(stream, reader, error)
        return False
    return await Exchange(stream, reader, head, body).answer(handler)


async def _refuse(stream: trio.abc.HalfCloseableStream, reader: ConnectionReader, error: Invalid) -> None:
    text = f"400 Bad Request: {error}\n".encode()
    headers = Headers((("Content-Type", "text/plain"), ("Connection", "close"), ("Content-Length", str(len(text)))))
    await stream.send_all(ResponseHead(400, headers).to_bytes() + text)
    await end_connection(stream, reader)
