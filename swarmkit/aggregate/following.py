"""Members that a source lists: opened and ended as it says, and kept as they are while it says nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from ..channel import Receiver
from ..errors import Internal, Invalid, SwarmError
from ..message import Message, Verb
from ..service import Service, close_ends

log = logging.getLogger(__name__)

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a source's watch that ended is asked for again."""

End = Callable[[], None]


class Follower:
    """Follow one source. `begin` is given a member's name and its stage, and returns what ends the member."""

    def __init__(self, source: Service, begin: Callable[[str, str], End]) -> None:
        self._source = source
        self._begin = begin
        self._members: dict[str, tuple[str, End]] = {}

    async def run(self) -> None:
        """Follow the source until cancelled; where its watch ends its members stay, and it is asked again."""
        while True:
            try:
                await self._follow()
                log.warning("a source of hosts ended its watch; what it listed stays")
            except SwarmError as error:
                log.warning("a source of hosts does not answer; what it listed stays: %s", error)
            except Exception:
                log.exception("what a source of hosts says makes no sense; what it listed stays")
            await trio.sleep(RESUBSCRIBE_SECONDS)

    async def _follow(self) -> None:
        reply = await self._source(Message(Verb.WATCH))
        if not isinstance(reply.ret, Receiver):
            await close_ends(reply)
            raise Internal("it answered WATCH without a channel")
        listed: set[str] | None = set()
        async with reply.ret as channel:
            async for message in channel:
                kind = message.get("kind")
                if kind == "synced" and listed is not None:
                    for name in set(self._members) - listed:
                        self._end(name)
                    listed = None
                elif kind in ("have", "put"):
                    self._put(message.path[-1], str(message["row"]["document"]["Stage"]))
                    if listed is not None:
                        listed.add(message.path[-1])
                elif kind == "gone":
                    self._end(message.path[-1])

    def _put(self, name: str, stage: str) -> None:
        if name in self._members and self._members[name][0] == stage:
            return
        self._end(name)
        try:
            self._members[name] = (stage, self._begin(name, stage))
        except Invalid as error:
            log.error("a source lists what cannot be a host: %s", error)

    def _end(self, name: str) -> None:
        if (member := self._members.pop(name, None)) is not None:
            member[1]()
