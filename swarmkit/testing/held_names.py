"""Names that a source in memory holds: the model of SPAWN on `("names", NAME)` of a source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from ..channel import Sender, open_channel
from ..errors import Conflict, SwarmError, Unavailable
from ..message import Message, ack

Hold = Callable[[str], Awaitable[Message]]


class HeldNames:
    """Names, each held by one who asked for it until he closes his channel; all who share these exclude each other.

    `before` is awaited with each name that is asked for: it may wait, or raise what the source is to answer.
    """

    def __init__(self) -> None:
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.asked_for: list[str] = []
        self._holders: dict[str, Sender] = {}

    @property
    def held(self) -> set[str]:
        """The names that are held now."""
        return {name for name, sender in self._holders.items() if not sender.closed}

    @contextmanager
    def asked(self) -> Iterator[Hold]:
        """Give what holds a name for the asker; at the end of the block it loses all that it still holds."""
        mine: list[Sender] = []

        async def hold(name: str) -> Message:
            reply, sender = await self._hold(name)
            mine[:] = [*(each for each in mine if not each.closed), sender]
            return reply

        try:
            yield hold
        finally:
            for sender in mine:
                sender.end(Unavailable("the source has been closed"))

    async def _hold(self, name: str) -> tuple[Message, Sender]:
        self.asked_for.append(name)
        await trio.lowlevel.checkpoint()
        if self.before is not None:
            await self.before(name)
        if name in self.held:
            raise Conflict(f"the name {name} is being given by another", name_in_use=name)
        contested = name in self._holders
        sender, receiver = open_channel()
        self._holders[name] = sender
        return ack({"contested": contested}, ret=receiver), sender

    def lose(self, name: str, error: SwarmError) -> None:
        """Have a name be lost by who holds it, for a reason."""
        self._holders[name].end(error)
