"""Hosts that carry one id: one host by two ways is shown once, two hosts are shown both, and said to be alike.

An id may have been copied with its machine, so it only raises the question. The answer is an injected function's, over
what both are found to have. While it is being found, whoever came into sight last is kept back; where it cannot be,
because one does not answer, nothing is concluded and both are shown.

What is hidden is a member. So a host that is also beneath another member is hidden as the member that it is, and of two
that are both beneath members it is only said that they are one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import frozen

from ..errors import SwarmError
from ..message import Message
from ..mirror import is_node
from .members import Member
from .pairs import Carrier, Pair, carriers, pair_of
from .watching import Watches

log = logging.getLogger(__name__)

LOOK_DEADLINE = 3.0
"""Seconds that looking at two hosts may take; after that both are shown."""

REVIEW_SECONDS = 10.0
"""Seconds between two looks at what is undecided, and at what may have been decided wrongly."""

Looks = Sequence[frozenset[str]]


@frozen
class Identification:
    """How hosts that carry one id are told apart.

    `one` is given the ids of what two hosts have in the collections of `evidence`, at two looks each, taken by turns;
    it returns None where that tells nothing. `warning` says of hosts by name that they only carry one id.
    """

    evidence: Sequence[str]
    one: Callable[[Looks, Looks], bool | None]
    warning: Callable[[Sequence[str]], str]


class Identities:
    """Follow which members are one host; a member's `hidden` says why it is not shown as a host of its own."""

    def __init__(
        self,
        members: Mapping[str, Member],
        watches: Watches,
        nursery: trio.Nursery,
        identification: Identification | None,
    ) -> None:
        self._members = members
        self._watches = watches
        self._nursery = nursery
        self._identification = identification
        self._pairs: list[Pair] = []

    # -- members that come and go ---------------------------------------------------------------------------------

    def enter(self, member: Member) -> None:
        """Take note of a new member."""
        if self._identification is not None:
            member.mirror.listen(lambda message: self._heard(member, message))
        self._watches.enter(member)

    def leave(self, member: Member) -> None:
        """Take note that one is a member no more; whoever was hidden behind it is shown."""
        self._watches.leave(member)
        self._forget([pair for pair in self._pairs if pair.has(member)])

    def _heard(self, member: Member, message: Message) -> None:
        """Look at what a member's mirror has just learnt: at once, so that nothing is listed twice meanwhile."""
        if self._members.get(member.name) is not member:
            return
        if is_node(message.path) or message.get("kind") in ("lost", "back"):
            self._match(member)

    # -- who may be one with whom ---------------------------------------------------------------------------------

    def _match(self, member: Member) -> None:
        self._forget([pair for pair in self._pairs if pair.has(member) and not pair.stands])
        ours = carriers(member)
        for other in self._members.values() if ours else ():
            for row in other.mirror.nodes.values():
                if row.id in ours and other is not member:
                    self._ensure_pair(ours[row.id], Carrier(other, row.member), row.id)
        for pair in self._pairs:
            if pair.has(member):
                pair.note(member)
        self._show()

    def _ensure_pair(self, one: Carrier, other: Carrier, id: str) -> None:
        if any({pair.first, pair.second} == {one, other} for pair in self._pairs):
            return
        order = list(self._members.values())
        earlier, later = sorted((one, other), key=lambda each: order.index(each.member))
        pair = pair_of(earlier, later, id)
        self._pairs.append(pair)
        self._nursery.start_soon(self._decide, pair)

    def _forget(self, pairs: list[Pair]) -> None:
        for pair in pairs:
            self._pairs.remove(pair)
            pair.scope.cancel()
        self._show()

    def _show(self) -> None:
        """Show or hide members as it is known now: what is known of two may change why a third is hidden."""
        for member in list(self._members.values()):
            hidden = self._why_hidden(member)
            if hidden != member.hidden:
                member.hidden = hidden
                self._watches.again(member)

    def _why_hidden(self, member: Member) -> str | None:
        for pair in self._pairs:
            if pair.one and pair.hidden is member:
                return f"the same engine as {self._first_of(pair).name}"
        for pair in self._pairs:
            if pair.kept_back is member:
                return f"it carries the id of {pair.other(member).name}, and is being compared with it"
        return None

    def _first_of(self, pair: Pair) -> Carrier:
        """Return the one that is shown of all that are one host with a pair."""
        first = pair.first
        while (
            before := next((each.first for each in self._pairs if each.one and each.second == first), None)
        ) is not None:
            first = before
        return first

    # -- deciding -------------------------------------------------------------------------------------------------

    async def _decide(self, pair: Pair) -> None:
        """Look at a pair whenever there is a reason to, until one of them is another host, or none."""
        with pair.scope:
            while True:
                pair.doubt = trio.Event()
                if pair.both:
                    self._conclude(pair, await self._compare(pair))
                await self._wait_doubt(pair)

    async def _wait_doubt(self, pair: Pair) -> None:
        while not pair.doubt.is_set():
            with trio.move_on_after(REVIEW_SECONDS):
                await pair.doubt.wait()
            if pair.one is None or (pair.one and pair.diverges()):
                return

    def _conclude(self, pair: Pair, one: bool | None) -> None:
        assert self._identification is not None
        pair.kept_back = None
        if one is not None and one is not pair.one:
            pair.one = one
            same = "the hosts {} and {} are one engine".format(*pair.names)
            log.warning("%s", same if one else self._identification.warning(pair.names))
        self._show()

    async def _compare(self, pair: Pair) -> bool | None:
        """Look at both hosts by turns, twice, and return what that tells."""
        assert self._identification is not None
        looks: list[frozenset[str]] = []
        with trio.move_on_after(LOOK_DEADLINE):
            try:
                for host in (pair.first, pair.second) * 2:
                    looks.append(await host.look(self._identification.evidence))
            except SwarmError as error:
                log.debug("%s and %s cannot be compared: %s", *pair.names, error)
        return self._identification.one(looks[0::2], looks[1::2]) if len(looks) == 4 else None
