"""Members that a source lists: begun and ended as it says, and kept as they are while it says nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import trio
from attrs import field, frozen

from ..channel import Receiver
from ..errors import Internal, SwarmError
from ..message import Message, Verb
from ..placement import is_drained
from ..rows import Missing, Plain
from ..service import Service, close_ends

log = logging.getLogger(__name__)

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a source's watch that ended is asked for again."""


@frozen
class Entry:
    """What a source says of one member: the text of its stage, its labels, and why it is down unopened, if it is.

    One that is `drained` takes nothing new.
    """

    stage: str
    labels: Mapping[str, str] = field(factory=dict)
    lost: str | None = None
    drained: bool = False

    @classmethod
    def of(cls, row: Plain) -> Entry:
        """Read a source's row; one without a stage is a KeyError."""
        document = row["document"]
        labels = {str(key): str(value) for key, value in (document.get("Labels") or {}).items()}
        return cls(str(document["Stage"]), labels, row.get("lost"), is_drained(document))

    def opens_as(self, other: Entry) -> bool:
        """Tell whether what is opened for one is what is opened for the other."""
        return (self.stage, self.lost) == (other.stage, other.lost)


class Followed(Protocol):
    """A member that was begun."""

    def describe(self, labels: Mapping[str, str], *, drained: bool) -> None:
        """Give it other labels, take it out of placement or put it back; it stays open."""

    def end(self) -> None:
        """End it."""


Begin = Callable[[str, Entry], Followed]


class Follower:
    """Follow one source. `begin` is given a member's name and what the source says of it."""

    def __init__(self, source: Service, begin: Begin) -> None:
        self.missing: tuple[Missing, ...] = ()
        """What the source says that it cannot read, or reach, with the reason."""
        self._source = source
        self._begin = begin
        self._members: dict[str, tuple[Entry, Followed]] = {}

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
        self.missing = ()
        async with reply.ret as channel:
            async for message in channel:
                kind = message.get("kind")
                if kind == "synced" and listed is not None:
                    for name in set(self._members) - listed:
                        self._gone(name)
                    listed = None
                elif kind in ("have", "put"):
                    self._put(message.path[-1], Entry.of(message["row"]))
                    if listed is not None:
                        listed.add(message.path[-1])
                elif kind == "gone":
                    self._gone(message.path[-1])
                elif kind == "missing":
                    self.missing = tuple(Missing(gap["member"], gap["reason"]) for gap in message["missing"])

    def _put(self, name: str, entry: Entry) -> None:
        held = self._members.get(name)
        if held is None or not held[0].opens_as(entry):
            self._end(name)
            self._members[name] = (entry, self._begin(name, entry))
        elif held[0] != entry:
            self._members[name] = (entry, held[1])
            held[1].describe(entry.labels, drained=entry.drained)

    def _gone(self, name: str) -> None:
        if name in self._members:
            log.info("the host %s has left: its source does not list it any more", name)
        self._end(name)

    def _end(self, name: str) -> None:
        if (held := self._members.pop(name, None)) is not None:
            held[1].end()
