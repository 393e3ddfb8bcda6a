"""A member source in memory: for tests of what follows a source, and the model of what a source does.

A source is a service. LS of it lists rows, each called as its member is, at the path `(name,)`, with the document
`{"Stage": "the member's pipeline", "Labels": {...}}`. WATCH says the same: `have` for each, `synced`, then `put` and
`gone`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio

from ..channel import Sender, open_channel
from ..errors import NotFound, Unavailable
from ..message import Message, Verb, ack
from ..part import Role, Stage
from ..rows import Listing, Row
from ..service import Service, VerbService, close_ends


class ListSource(Stage):
    """A source whose list is changed by `add` and `remove`; every instance that is open follows it."""

    role = Role.SOURCE

    def __init__(self, members: Mapping[str, str] | None = None, name: str = "list") -> None:
        self.name = name
        self._rows = {member: member_row(member, stage) for member, stage in (members or {}).items()}
        self._watchers: set[Sender] = set()

    async def add(self, name: str, stage: str, labels: Mapping[str, str] | None = None) -> None:
        """List a member, in place of one of that name."""
        self._rows[name] = row = member_row(name, stage, labels)
        self._tell(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}))
        await trio.lowlevel.checkpoint()

    async def remove(self, name: str) -> None:
        """List a member no more; one that is not listed is a KeyError."""
        row = self._rows.pop(name)
        self._tell(Message(Verb.WATCH, row.path, {"kind": "gone"}))
        await trio.lowlevel.checkpoint()

    def _tell(self, message: Message) -> None:
        self._watchers = {sender for sender in self._watchers if sender.offer(message)}

    def rows(self) -> tuple[Row, ...]:
        """Return what is listed now."""
        return tuple(self._rows.values())

    def follow(self, sender: Sender) -> None:
        """Send what is listed, then every change."""
        for row in self.rows():
            sender.offer(Message(Verb.WATCH, row.path, {"kind": "have", "row": row.to_plain()}))
        sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
        self._watchers.add(sender)

    @asynccontextmanager
    async def open(self, inner: Service | None = None) -> AsyncIterator[Service]:
        """Open an instance; with it end the watches that were asked of it."""
        service = _ListService(self)
        try:
            yield service
        finally:
            service.close()


class _ListService(VerbService):
    def __init__(self, source: ListSource) -> None:
        self.name = source.name
        self._source = source
        self._senders: list[Sender] = []

    async def __call__(self, message: Message, /) -> Message:
        if message.path:
            await close_ends(message)
            raise NotFound(f"{self.name} has nothing at {'/'.join(message.path)!r}")
        return await super().__call__(message)

    async def ls(self, message: Message) -> Message:
        return ack(Listing(self._source.rows()).to_args())

    async def watch(self, message: Message) -> Message:
        sender, receiver = open_channel()
        self._senders = [open for open in self._senders if not open.closed] + [sender]
        self._source.follow(sender)
        return ack(ret=receiver)

    def close(self) -> None:
        for sender in self._senders:
            sender.end(Unavailable(f"{self.name} has been closed"))


def member_row(name: str, stage: str, labels: Mapping[str, str] | None = None) -> Row:
    """Make the row of a member."""
    return Row(name=name, path=(name,), document={"Stage": stage, "Labels": dict(labels or {})})
