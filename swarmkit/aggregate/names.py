"""Names that are being given to containers: once at a time here, and once among all who share a source that holds them.

What else decides whether a name is free is known of the hosts, and is looked at once the name is held.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import trio
from attrs import define, field

from ..channel import Receiver
from ..errors import Conflict, NotFound, SwarmError, Unimplemented
from ..message import Message, Verb, warned
from ..service import close_ends
from .instance import Instance
from .members import Member, shown
from .resolving import refresh

HOLD_DEADLINE = 1.0
"""Seconds that a source may take to hold a name. A source that is gone is no reason to refuse: it is warned of."""


@define(eq=False)
class Giving:
    """A name while it is given: the channels by which sources hold it, and who does not, with the reason."""

    name: str
    held: dict[Instance, Receiver] = field(factory=dict)
    unheld: dict[Instance, str] = field(factory=dict)
    contested: bool = False
    silent: list[Member] = field(factory=list)

    @property
    def warnings(self) -> list[str]:
        """What whoever is given the name must know."""
        lost = {source: "it was lost before this was done" for source, held in self.held.items() if held.ended}
        return [
            *(
                f"the name {self.name} is not held in {source.name}: {reason}; "
                "another swarmd may have given the same name at the same time"
                for source, reason in {**self.unheld, **lost}.items()
            ),
            *(
                f"host {member.name} did not say in time whether it has a container called {self.name}"
                for member in self.silent
            ),
        ]

    def warn(self, reply: Message) -> Message:
        """Return a reply with the warnings."""
        return warned(reply, *self.warnings) if self.warnings else reply

    def close(self) -> None:
        """Give the name back wherever it is held."""
        for channel in self.held.values():
            channel.close()


class Names:
    """Give names that are free, to one at a time.

    Every source is asked to hold the name (SPAWN on `("names", NAME)`): what one refuses is refused, and one that does
    not answer is warned of. So two swarmd that share a source never give one name twice, and need no leader.
    """

    def __init__(self, members: Mapping[str, Member], sources: Collection[Instance]) -> None:
        self._members = members
        self._sources = sources
        self._giving: set[str] = set()
        self._holding_none: set[Instance] = set()  # sources that hold no names: none is missed while one is away

    @asynccontextmanager
    async def giving(self, name: str, *, on: str | None = None) -> AsyncIterator[Giving]:
        """Hold a name that is free for as long as the block lasts, in which it is given.

        Raises `Conflict` where it is in use, or being given by another. `on` is the host that looks for itself whether
        it has the name: it is not looked for there.
        """
        with self._one_at_a_time(name):
            giving = Giving(name)
            try:
                await self._hold(giving)
                await self._check_free(giving, on)
                yield giving
            finally:
                giving.close()

    @contextmanager
    def _one_at_a_time(self, name: str) -> Iterator[None]:
        if name in self._giving:
            raise Conflict(f"the name {name} is being given at this moment", name_in_use=name)
        self._giving.add(name)
        try:
            yield
        finally:
            self._giving.discard(name)

    # -- sources --------------------------------------------------------------------------------------------------

    async def _hold(self, giving: Giving) -> None:
        """Have all sources hold a name; raise `Conflict` where one of them says that it is another's."""
        refusals: list[Conflict] = []

        async def hold_in(source: Instance) -> None:
            try:
                await self._hold_in(source, giving)
            except Conflict as error:
                refusals.append(error)

        async with trio.open_nursery() as nursery:
            for source in self._sources:
                nursery.start_soon(hold_in, source)
        if refusals:
            raise refusals[0]

    async def _hold_in(self, source: Instance, giving: Giving) -> None:
        reason = f"no answer in {HOLD_DEADLINE:g} s"
        with trio.move_on_after(HOLD_DEADLINE):
            try:
                reply = await source(Message(Verb.SPAWN, ("names", giving.name)))
            except Conflict:
                raise
            except (NotFound, Unimplemented):
                self._holding_none.add(source)
                return
            except SwarmError as error:
                reason = error.reason
            else:
                if isinstance(reply.ret, Receiver):
                    giving.held[source] = reply.ret
                    giving.contested |= bool(reply.get("contested"))
                    self._holding_none.discard(source)
                    return
                await close_ends(reply)
                reason = "it answered without a channel"
        if source not in self._holding_none:
            giving.unheld[source] = reason

    # -- hosts ----------------------------------------------------------------------------------------------------

    async def _check_free(self, giving: Giving, on: str | None) -> None:
        """Raise `Conflict` where the name is in use, by what is known once all that was sent has been read.

        What another swarmd created a moment ago, no event may have told yet: a name that is contested is looked for in
        a new list of every host.
        """
        members = shown(self._members.values())
        for member in members:
            if giving.contested:
                member.mirror.doubt()
            elif member.mirror.named(giving.name):
                member.mirror.doubt(giving.name)  # it may have been removed, or renamed, behind our back
        silent = await refresh(members)
        giving.silent = silent if giving.contested else []
        for member in members:
            for row in map(member.row, member.mirror.named(giving.name)):
                if row.member != on:
                    raise Conflict(
                        f"the name {giving.name} is in use by {row.id[:12]} on {row.member}",
                        name_in_use=giving.name, id=row.id, host=row.member,
                    )  # fmt: skip
