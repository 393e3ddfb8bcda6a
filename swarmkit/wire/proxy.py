"""A service of the other peer's as one of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from ..errors import NotFound, Unimplemented
from ..message import Message, Verb
from ..service import close_ends

Call = Callable[[int, Message], Awaitable[Message]]
"""Call a service of the other peer by its ref; the ends of the message are owned by the call."""


class Proxy:
    """Call what the other peer has handed over. Closing it says that it is not called any more."""

    def __init__(self, ref: int, call: Call, release: Callable[[int], None]) -> None:
        self._ref = ref
        self._call = call
        self._release = release
        self._closed = False

    async def __call__(self, message: Message, /) -> Message:
        refusal = self._refusal(message)
        if refusal is not None:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise refusal
        return await self._call(self._ref, message)

    def _refusal(self, message: Message) -> NotFound | Unimplemented | None:
        if self._closed:
            return NotFound("this service has been given back to the peer that it is of")
        if message.verb in (Verb.ACK, Verb.ERROR):
            return Unimplemented(f"{message.verb.name} is a reply, and cannot be asked for")
        return None

    def close(self) -> None:
        """Give the service back. Idempotent; what has been asked of it is still answered."""
        if not self._closed:
            self._closed = True
            self._release(self._ref)

    async def aclose(self) -> None:
        """Do as `close` does, with a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()
