"""Make the raw output of a terminal a framed one, so that a reader of LOG or ATTACH needs to know only one format."""

from __future__ import annotations

import trio

from swarmkit.frames import encode_frame
from swarmkit.streams import CHUNK


class FramingStream(trio.abc.ReceiveStream):
    """Frame whatever the inner stream gives as standard output."""

    def __init__(self, inner: trio.abc.ReceiveStream) -> None:
        self._inner = inner
        self._rest = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._rest:
            data = await self._inner.receive_some(CHUNK)
            if not data:
                return b""
            self._rest = encode_frame(1, bytes(data))
        limit = max_bytes or len(self._rest)
        taken, self._rest = self._rest[:limit], self._rest[limit:]
        return taken

    async def aclose(self) -> None:
        await self._inner.aclose()
