"""A member source in memory: for tests of what follows a source, and the model of what a source does.

A source is a service. LS of it lists rows, each called as its member is, at the path `(name,)`, with the document
`{"Stage": "the member's pipeline", "Labels": {...}}`. WATCH says the same: `have` for each, `synced`, then `put` and
`gone`; what LS has in `missing` it may say, all of it, as `missing`. A row that has a `lost` is of a member that is
down for that reason, and is not opened; the document of one that takes nothing new has the `Availability` "drain",
which SET `drained` changes. Names are held by `HeldNames`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio
from attrs import evolve

from ..errors import NotFound
from ..message import Message, Verb
from ..part import Role, Stage
from ..rows import Row
from ..service import Service, close_ends
from ..source import Roster, member_row, open_roster
from .held_names import HeldNames


class ListSource(Stage):
    """A source whose list is changed by `add` and `remove`; every instance that is open follows it.

    With `names` it holds those, against all who ask any of its instances.
    """

    role = Role.SOURCE

    def __init__(
        self, members: Mapping[str, str] | None = None, name: str = "list", *, names: HeldNames | None = None
    ) -> None:
        self.name = name
        self._names = names
        self._roster = Roster(member_row(member, stage) for member, stage in (members or {}).items())

    async def add(
        self,
        name: str,
        stage: str,
        labels: Mapping[str, str] | None = None,
        *,
        lost: str | None = None,
        drained: bool = False,
    ) -> None:
        """List a member, in place of one of that name."""
        self._roster.put(member_row(name, stage, labels, lost=lost, drained=drained))
        await trio.lowlevel.checkpoint()

    async def remove(self, name: str) -> None:
        """List a member no more; one that is not listed is a KeyError."""
        self._roster.remove(name)
        await trio.lowlevel.checkpoint()

    async def drain(self, name: str, drained: bool) -> None:
        """Take a member out of placement, or put it back."""
        row = next(row for row in self._roster.rows if row.name == name)
        document = {key: value for key, value in row.document.items() if key != "Availability"}
        self._roster.put(evolve(row, document=document | {"Availability": "drain"} if drained else document))
        await trio.lowlevel.checkpoint()

    def rows(self) -> tuple[Row, ...]:
        """Return what is listed now."""
        return self._roster.rows

    @asynccontextmanager
    async def open(self, inner: Service | None = None) -> AsyncIterator[Service]:
        """Open an instance; with it end the watches that were asked of it, and the names that it holds are free."""
        async with open_roster(self.name, self._roster, drain=self.drain) as roster:
            if self._names is None:
                yield roster
                return
            with self._names.asked() as hold:

                async def service(message: Message, /) -> Message:
                    if message.verb is not Verb.SPAWN or message.path[:1] != ("names",):
                        return await roster(message)
                    await close_ends(message)
                    if len(message.path) != 2:
                        raise NotFound(f"{self.name} has nothing at {'/'.join(message.path)!r}")
                    return await hold(message.path[1])

                yield service
