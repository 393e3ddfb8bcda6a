"""The roster: who a source lists, and how it answers LS, WATCH, and SET of what can be changed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..channel import Sender, open_channel
from ..errors import Invalid, NotFound, Unavailable, Unimplemented
from ..message import Message, Verb, ack
from ..placement import DRAINED
from ..rows import Listing, Missing, Row
from ..service import Service, VerbService, close_ends

log = logging.getLogger(__name__)

Drain = Callable[[str, bool], Awaitable[None]]
"""Take the member of a name out of placement, or put it back, and have the roster say so."""


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

    def __contains__(self, name: str) -> bool:
        return name in self._rows

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
        if self._missing != before:
            self._tell(self._what_is_missing())
        for gap in self._missing:
            if gap not in before:
                log.warning("%s: %s", gap.member, gap.reason)

    def follow(self, sender: Sender) -> None:
        """Send what is listed, and what is missing if anything is, then every change."""
        for row in self.rows:
            sender.offer(Message(Verb.WATCH, row.path, {"kind": "have", "row": row.to_plain()}))
        if self._missing:
            sender.offer(self._what_is_missing())
        sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
        self._watchers.add(sender)

    def _what_is_missing(self) -> Message:
        return Message(Verb.WATCH, (), {"kind": "missing", "missing": self.listing.to_args()["missing"]})

    def _tell(self, message: Message) -> None:
        self._watchers = {sender for sender in self._watchers if sender.offer(message)}


class _RosterService(VerbService):
    def __init__(self, name: str, roster: Roster, drain: Drain | None) -> None:
        self.name = name
        self._roster = roster
        self._drain = drain
        self._senders: list[Sender] = []

    async def __call__(self, message: Message, /) -> Message:
        if message.path and not self._is_member(message):
            await close_ends(message)
            raise NotFound(f"{self.name} has nothing at {'/'.join(message.path)!r}")
        return await super().__call__(message)

    def _is_member(self, message: Message) -> bool:
        """Tell whether a message is a change of a member that is listed."""
        return message.verb is Verb.SET and len(message.path) == 1 and message.path[0] in self._roster

    async def ls(self, message: Message) -> Message:
        return ack(self._roster.listing.to_args())

    async def watch(self, message: Message) -> Message:
        sender, receiver = open_channel()
        self._senders = [open for open in self._senders if not open.closed] + [sender]
        self._roster.follow(sender)
        return ack(ret=receiver)

    async def set(self, message: Message) -> Message:
        """Take a member out of placement, or put it back: `drained`, which is all that can be set."""
        if not message.path:
            raise self.unimplemented(message)
        drained = message.get("drained")
        if message.args.keys() != {"drained"} or not isinstance(drained, bool):
            raise Invalid(f"of a member `drained` is set, to true or false, not {dict(message.args)!r}")
        if self._drain is None:
            raise Unimplemented(
                f"{self.name} cannot take a host out of placement: list {message.path[0]} in a file of hosts, which"
                " can, or give its engine a label, and constraint:LABEL!=VALUE to what must not go there"
            )
        await self._drain(message.path[0], drained)
        return ack()

    def close(self) -> None:
        for sender in self._senders:
            sender.end(Unavailable(f"{self.name} has been closed"))


@asynccontextmanager
async def open_roster(name: str, roster: Roster, *, drain: Drain | None = None) -> AsyncIterator[Service]:
    """Serve a roster; with the block end the watches that were asked of it. One roster may be served many times.

    `drain` does what SET `drained` asks for; without it that is not implemented.
    """
    service = _RosterService(name, roster, drain)
    try:
        yield service
    finally:
        service.close()


def member_row(
    name: str,
    stage: str,
    labels: Mapping[str, str] | None = None,
    *,
    lost: str | None = None,
    drained: bool = False,
) -> Row:
    """Make the row of a member.

    `lost` is why it is down and not to be opened, where its source knows that already. One that is `drained` takes
    nothing new: it is out of placement, and for the rest as any other.
    """
    document: dict[str, Any] = {"Stage": stage, "Labels": dict(labels or {})}
    if drained:
        document["Availability"] = DRAINED
    return Row(name=name, path=(name,), document=document, lost=lost)
