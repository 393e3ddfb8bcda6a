"""The output of a build: passed on as it comes, and not ended before what was built is settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

_FAILED = b'"errorDetail":'
"""What only the output of a failed build contains: in what its steps say the quotes are escaped."""


class BuildOutput(trio.abc.ReceiveStream):
    """An engine's answer to ImageBuild, which says in its last line whether it failed.

    Where it did not, `settle` is called, and awaited, between the last byte and the end: so that what the client does
    next finds it done.
    """

    def __init__(self, inner: trio.abc.ReceiveStream, settle: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._settle: Callable[[], Awaitable[None]] | None = settle
        self._last = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._inner.receive_some(max_bytes))
        if self._settle is not None:
            seen = self._last + data
            self._last = seen[1 - len(_FAILED) :]
            if _FAILED in seen:
                self._settle = None
            elif not data:
                settle, self._settle = self._settle, None
                await settle()
        return data

    async def aclose(self) -> None:
        await self._inner.aclose()
