"""The roster: who a source lists, and how it answers LS and WATCH."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from ..channel import Sender, open_channel
from ..errors import NotFound, Unavailable
from ..message import Message, Verb, ack
from ..rows import Listing, Missing, Row
from ..service import Service, VerbService, close_ends

log = logging.getLogger(__name__)


class Roster:
    """The rows of the members by name, what is missing among them, and who watches. State alone, no I/O."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = {row.name: row for row in rows}
        self._missing: tuple[Missing, ...] = ()
        self._watchers: set[Sender] = set()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is listed now."""
        return tuple(self._rows.values())

    @property
    def listing(self) -> Listing:
        """What LS answers."""
        return Listing(self.rows, self._missing)

    def put(self, row: Row) -> None:
        """List a member, in place of one of that name; one that is listed so already is left alone."""
        if self._rows.get(row.name) != row:
            self._rows[row.name] = row
            self._tell(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}))

    def remove(self, name: str) -> None:
        """List a member no more; one that is not listed is a KeyError."""
        row = self._rows.pop(name)
        self._tell(Message(Verb.WATCH, row.path, {"kind": "gone"}))

    def update(self, rows: Iterable[Row]) -> None:
        """List these and no others."""
        listed = {row.name: row for row in rows}
        for name in self._rows.keys() - listed.keys():
            self.remove(name)
        for row in listed.values():
            self.put(row)

    def miss(self, missing: Iterable[Missing]) -> None:
        """Name what is missing, or cannot be read as it is now; what was not missing before is logged."""
        before, self._missing = self._missing, tuple(missing)
        for gap in self._missing:
            if gap not in before:
                log.warning("%s: %s", gap.member, gap.reason)

    def follow(self, sender: Sender) -> None:
        """Send what is listed, then every change."""
        for row in self.rows:
            sender.offer(Message(Verb.WATCH, row.path, {"kind": "have", "row": row.to_plain()}))
        sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
        self._watchers.add(sender)

    def _tell(self, message: Message) -> None:
        self._watchers = {sender for sender in self._watchers if sender.offer(message)}


class _RosterService(VerbService):
    def __init__(self, name: str, roster: Roster) -> None:
        self.name = name
        self._roster = roster
        self._senders: list[Sender] = []

    async def __call__(self, message: Message, /) -> Message:
        if message.path:
            await close_ends(message)
            raise NotFound(f"{self.name} has nothing at {'/'.join(message.path)!r}")
        return await super().__call__(message)

    async def ls(self, message: Message) -> Message:
        return ack(self._roster.listing.to_args())

    async def watch(self, message: Message) -> Message:
        sender, receiver = open_channel()
        self._senders = [open for open in self._senders if not open.closed] + [sender]
        self._roster.follow(sender)
        return ack(ret=receiver)

    def close(self) -> None:
        for sender in self._senders:
            sender.end(Unavailable(f"{self.name} has been closed"))


@asynccontextmanager
async def open_roster(name: str, roster: Roster) -> AsyncIterator[Service]:
    """Serve a roster; with the block end the watches that were asked of it. One roster may be served many times."""
    service = _RosterService(name, roster)
    try:
        yield service
    finally:
        service.close()


def member_row(name: str, stage: str, labels: Mapping[str, str] | None = None, *, lost: str | None = None) -> Row:
    """Make the row of a member; `lost` is why it is down and not to be opened, where its source knows that already."""
    document = {"Stage": stage, "Labels": dict(labels or {})}
    return Row(name=name, path=(name,), document=document, lost=lost)
