"""Two hosts that carry one id: which they are, what is known of them, and what is seen of one now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio
from attrs import define, field, frozen

from ..errors import Unavailable
from ..message import Message, Verb
from ..rows import Row
from .members import Member


@frozen
class Carrier:
    """A host that carries an id: a member itself (`beneath` is `""`), or what it calls so beneath it."""

    member: Member
    beneath: str

    @property
    def name(self) -> str:
        """What it is called in the whole."""
        return self.member.host(self.beneath)

    @property
    def id(self) -> str:
        """The id; nothing where it is not known, or there is no such host any more."""
        return next((row.id for row in self._nodes()), "")

    @property
    def answers(self) -> bool:
        """Whether it answers, as far as is known."""
        return self.member.mirror.broken is None and all(row.lost is None for row in self._nodes())

    def _nodes(self) -> list[Row]:
        return [row for row in self.member.mirror.nodes.values() if row.member == self.beneath]

    def containers(self) -> frozenset[str]:
        """Return the ids of the containers that it is known to have."""
        return frozenset(row.id for row in self.member.mirror.replica.rows.values() if row.member == self.beneath)

    async def look(self, collections: Sequence[str]) -> frozenset[str]:
        """Return the ids of what it has at this moment; mirrors may lag behind, and are not asked.

        Raises what the host does, or those between.
        """
        found: set[str] = set()
        for collection in collections:
            reply = await self.member.mirror.ask(self._listing(collection))
            if reply.get("missing"):
                raise Unavailable(f"{self.name} does not say what {collection} it has")
            found.update(str(row.get("id") or row["path"][-1]) for row in reply.get("rows", ()))
        return frozenset(found)

    def _listing(self, collection: str) -> Message:
        if not self.beneath:
            return Message(Verb.LS, (collection,))
        args: dict[str, Any] = {"anew": True}  # the member has mirrors of its own
        return Message(Verb.LS, ("nodes", self.beneath, collection), args)


def carriers(member: Member) -> dict[str, Carrier]:
    """Return by id the hosts that a member is, or has beneath it; of two that carry one, one that answers."""
    rows = sorted(member.mirror.nodes.values(), key=lambda row: row.lost is None)
    return {row.id: Carrier(member, row.member) for row in rows if row.id}


@define(eq=False)
class Pair:
    """Two hosts that carry one id, in the order in which their members came; `one` is whether they are one host.

    A member that is a host comes after a host beneath another, for it alone can be hidden.
    """

    first: Carrier
    second: Carrier
    id: str
    one: bool | None = None
    kept_back: Member | None = None
    """The one that is not shown until it is decided."""
    both: bool = False
    """Whether both answered when one of them was last heard of."""
    doubt: trio.Event = field(factory=trio.Event)
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [self.first.name, self.second.name]

    @property
    def hidden(self) -> Member | None:
        """The member that is not shown where they are one; None where neither is a member itself."""
        return None if self.second.beneath else self.second.member

    @property
    def stands(self) -> bool:
        """Whether both still carry the id."""
        return self.first.id == self.id == self.second.id

    def has(self, member: Member) -> bool:
        """Tell whether a member is one of them, or has one beneath it."""
        return member in (self.first.member, self.second.member)

    def other(self, member: Member) -> Carrier:
        """Return the one that is not a member's."""
        return self.second if member is self.first.member else self.first

    def note(self, cause: Member) -> None:
        """Take note of whether both answer now, and have that looked into where it is new."""
        both = self.first.answers and self.second.answers
        if both and not self.both:
            later = self.hidden if self.first.beneath else cause
            self.kept_back = later if self.one is None else None
            self.doubt.set()
        elif not both:
            self.kept_back = None
        self.both = both

    def diverges(self) -> bool:
        """Tell whether what is known of the two is not what is known of one host."""
        return self.first.containers() != self.second.containers()


def pair_of(earlier: Carrier, later: Carrier, id: str) -> Pair:
    """Make a pair of hosts in the order in which their members came."""
    swapped = later.beneath and not earlier.beneath
    return Pair(later, earlier, id) if swapped else Pair(earlier, later, id)
