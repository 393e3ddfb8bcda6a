"""The client's end of HTTP/1.1: one connection, one exchange at a time.

Who dials, when a connection is used again, and in which task an upload runs, is the caller's to decide.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import frozen

from ..errors import SwarmError, Unavailable
from ..streams import CHUNK
from .chunked import LAST_CHUNK, encode_chunk
from .framing import Framing, response_framing
from .messages import RequestHead, ResponseHead, parse_response_head
from .reader import Body, ConnectionReader, as_it_is, broken_reason


@frozen(eq=False)
class Reply:
    """A response's head and its body as a stream; `raw` where the bytes are another protocol's."""

    head: ResponseHead
    body: Body
    raw: bool


class Connection:
    """One connection to a server over a dialled stream, which it owns."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self._stream = stream
        self._reader = ConnectionReader(stream)

    async def send(self, head: RequestHead, body: bytes = b"") -> None:
        """Write a request whose body is at hand; raise `Unavailable` where the connection broke first."""
        if body:
            head = RequestHead(head.method, head.target, head.headers.plus(("Content-Length", str(len(body)))))
        await self._write(head.to_bytes() + body)

    async def upload(self, source: trio.abc.ReceiveStream, *, chunked: bool) -> None:
        """Write a body from a stream to its end, coded or as it is, and close the source."""
        async with source:
            while data := await source.receive_some(CHUNK):
                await self._write(encode_chunk(data) if chunked else data)
            if chunked:
                await self._write(LAST_CHUNK)

    async def converse(self, source: trio.abc.ReceiveStream) -> None:
        """Write raw bytes to their end of file, pass that on as a half-close, and close the source."""
        async with source:
            while data := await source.receive_some(CHUNK):
                await self._write(data)
            try:
                await self._stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise Unavailable(f"the connection broke: {broken_reason(error)}") from error

    async def _write(self, data: bytes | bytearray) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Unavailable(f"the connection broke: {broken_reason(error)}") from error

    async def receive(
        self,
        method: str,
        *,
        raw: bool = False,
        when_closed: Callable[[bool], None] = lambda finished: None,
        explain: Callable[[SwarmError], SwarmError] = as_it_is,
    ) -> Reply | None:
        """Read the next response's head, interim ones left out; None where the server closed before it.

        `raw` says that the request asked for a raw conversation: it is one after a 101, and after a 200 that does not
        say where its body ends. `when_closed` is told, once the body is closed, whether it had been read to its end.
        `explain` makes of the error of a body that breaks off the one that is raised.
        """
        while True:
            data = await self._reader.read_head()
            if data is None:
                return None
            head = parse_response_head(data)
            if head.status >= 200 or head.status == 101:
                break
        framing, length = response_framing(method, head)
        conversation = head.status == 101 or (raw and head.status == 200 and framing is Framing.UNTIL_CLOSE)
        if conversation:
            framing = Framing.UNTIL_CLOSE
        body = Body(self._reader, framing, length, when_closed=when_closed, explain=explain)
        return Reply(head, body, conversation)

    @property
    def stream(self) -> trio.abc.HalfCloseableStream:
        """The stream beneath, for whoever must look at its socket."""
        return self._stream

    async def aclose(self) -> None:
        """Close at once, without waiting for the peer."""
        await trio.aclose_forcefully(self._stream)


def reusable(reply: Reply) -> bool:
    """Tell whether the connection may carry another request once this reply has been read to its end."""
    head = reply.head
    return (
        not reply.raw
        and head.version == "1.1"
        and "close" not in head.headers.tokens("connection")
        and reply.body.leaves_connection_clean
    )
