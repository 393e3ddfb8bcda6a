"""A member source in memory: for tests of what follows a source, and the model of what a source does.

A source is a service. LS of it lists rows, each called as its member is, at the path `(name,)`, with the document
`{"Stage": "the member's pipeline", "Labels": {...}}`. WATCH says the same: `have` for each, `synced`, then `put` and
`gone`. A row that has a `lost` is of a member that is down for that reason, and is not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import trio

from ..part import Role, Stage
from ..rows import Row
from ..service import Service
from ..source import Roster, member_row, open_roster


class ListSource(Stage):
    """A source whose list is changed by `add` and `remove`; every instance that is open follows it."""

    role = Role.SOURCE

    def __init__(self, members: Mapping[str, str] | None = None, name: str = "list") -> None:
        self.name = name
        self._roster = Roster(member_row(member, stage) for member, stage in (members or {}).items())

    async def add(
        self, name: str, stage: str, labels: Mapping[str, str] | None = None, *, lost: str | None = None
    ) -> None:
        """List a member, in place of one of that name."""
        self._roster.put(member_row(name, stage, labels, lost=lost))
        await trio.lowlevel.checkpoint()

    async def remove(self, name: str) -> None:
        """List a member no more; one that is not listed is a KeyError."""
        self._roster.remove(name)
        await trio.lowlevel.checkpoint()

    def rows(self) -> tuple[Row, ...]:
        """Return what is listed now."""
        return self._roster.rows

    def open(self, inner: Service | None = None) -> AbstractAsyncContextManager[Service]:
        """Open an instance; with it end the watches that were asked of it."""
        return open_roster(self.name, self._roster)
