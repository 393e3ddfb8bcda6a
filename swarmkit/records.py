"""A container's output as records, read as they come."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import trio

from .errors import Internal
from .frames import FrameDecoder, Record
from .message import Message
from .service import Service
from .streams import CHUNK


class Records:
    """Framed output as records. Iterate over it, in an `async with` block where the loop may be left early."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()
        self._ready: list[Record] = []
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        while not self._ready:
            if self._over:
                raise StopAsyncIteration
            try:
                await self._read()
            except Exception:
                await self.aclose()
                raise
        return self._ready.pop()

    async def _read(self) -> None:
        data = await self._stream.receive_some(CHUNK)
        self._ready = self._decoder.feed(data)[::-1]
        if not data:
            await self.aclose()
            if not self._decoder.clean:
                raise Internal("the framed output ended within a frame")

    async def aclose(self) -> None:
        """Stop reading, which stops the sender."""
        self._over = True
        self._ready.clear()
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class OpeningRecords:
    """Records that are opened when they are first wanted, so that `async for record in web.log()` needs no `await`."""

    def __init__(self, service: Service, message: Message) -> None:
        self._service = service
        self._message = message
        self._records: Records | None = None

    async def _open(self) -> Records:
        if self._records is None:
            reply = await self._service(self._message)
            if reply.att is None:
                raise Internal(f"the reply to {self._message.verb.name} has no stream")
            self._records = Records(reply.att)
        return self._records

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        return await anext(await self._open())

    async def __aenter__(self) -> Records:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._records is not None:
            await self._records.aclose()
