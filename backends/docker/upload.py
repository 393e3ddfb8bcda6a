"""The upload of a request, or the input of a conversation, written while the reply is awaited and read."""

from __future__ import annotations

import logging

import trio

from swarmkit.errors import Invalid, SwarmError, Unavailable
from swarmkit.http import Connection

from .request import EngineRequest

log = logging.getLogger(__name__)


class Upload:
    """What writes a request's upload to its connection; `run` is a task of its own, and does nothing without one."""

    def __init__(self, connection: Connection, request: EngineRequest) -> None:
        self._connection = connection
        self._request = request
        self._scope = trio.CancelScope()
        self._source = _Source(request.upload, request.length) if request.upload is not None else None
        self.finished = self._source is None
        """Whether all of it has been written."""

    def cancel(self) -> None:
        """Stop writing; the source is closed."""
        self._scope.cancel()

    def why(self, error: SwarmError) -> str:
        """Return why an exchange failed: the upload's own failure, if that was it."""
        if self._source is not None and self._source.error is not None:
            return f"its upload was cut short: {self._source.error.message}"
        return error.message

    async def run(self) -> None:
        """Write to the source's end, and close it."""
        if self._source is None:
            return
        with self._scope:
            try:
                await self._write(self._source)
                self.finished = True
            except SwarmError as error:
                if self._source.error is not None:
                    await self._connection.aclose()  # half an upload must not pass as a whole one
                else:
                    # The engine stopped reading; what it has to say about it is in its reply.
                    log.debug("an upload to %s ended early: %s", self._request, error)

    async def _write(self, source: _Source) -> None:
        if self._request.raw:
            await self._connection.converse(source)
        else:
            await self._connection.upload(source, chunked=self._request.length is None)

    async def drop(self) -> None:
        """Close the source unread: the conversation that it was for has been refused."""
        if self._source is not None:
            await self._source.aclose()


class _Source(trio.abc.ReceiveStream):
    """An upload that remembers whether it failed itself, as against the connection it is written to.

    One that is not of the `length` that was announced has failed: what is missing, or is too much, would be taken for
    the beginning of the next request, or be waited for.
    """

    def __init__(self, stream: trio.abc.ReceiveStream, length: int | None = None) -> None:
        self._stream = stream
        self._left = length
        self.error: SwarmError | None = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
            self._count(data)
        except SwarmError as error:
            self.error = error
            raise
        except Exception as error:  # a stream of another library: it has its own word for a cut
            self.error = Unavailable(f"it broke: {error!r}")
            raise self.error from error
        return data

    def _count(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not data):
                raise Invalid("it is not as long as was announced")

    async def aclose(self) -> None:
        await self._stream.aclose()
