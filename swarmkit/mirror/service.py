"""The mirror: a service that answers from what is known of the host behind it, and passes the rest on.

*Read your writes*: what is sent through it and may change something marks its object (where that is not known, the
whole collection, and those in which it shows) when it is sent, and again when it has been answered and when its stream
has ended. A read that touches what is marked has it fetched first, unless the host is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from attrs import evolve

from ..channel import Receiver
from ..errors import Conflict, NotFound, Unavailable
from ..instance import open_instance
from ..message import Message, Verb, ack
from ..rows import Listing, Row
from ..service import Service, close_ends
from ..streams import HookedStream
from .collections import COLLECTIONS, CONTAINERS
from .fetching import Fetcher
from .following import Follower
from .learning import Learner
from .watchers import Watchers
from .writes import changes, written, written_at

_ANSWERED_HERE = frozenset({"ids", "detail", "anew"})
"""The options of LS that are no reason to ask the host."""


class Mirror(Learner):
    """What is known of a host, as a service: LS and ATTACH on collections, LS of nodes, and WATCH; the rest goes on.

    `run` keeps it; see `open_mirror`.
    """

    def __init__(self, inner: Service, name: str) -> None:
        self.name = name
        self._inner = inner
        self._watchers = Watchers()
        super().__init__(self._watchers.tell)
        self._fetchers = {each: Fetcher(name, each, inner, self, self._watchers) for each in COLLECTIONS}
        self._follower = Follower(name, inner, self, self._watchers)

    async def __call__(self, message: Message, /) -> Message:
        match message.verb, message.path:
            case (Verb.LS, (collection,)) if self.answers(message):
                await close_ends(message)
                return await self._ls(collection, message)
            case (Verb.LS, ("nodes",)):
                await close_ends(message)
                return ack(Listing(tuple(self.nodes.values())).to_args())
            case (Verb.ATTACH, (collection, reference)) if self.answers(message):
                await close_ends(message)
                return await self._attach(collection, reference)
            case (Verb.WATCH, ()):
                await close_ends(message)
                return ack(ret=self.subscribe(documents=bool(message.get("documents", True))))
        return await (self._change(message) if changes(message) else self._inner(message))

    def answers(self, message: Message) -> bool:
        """Tell whether LS or ATTACH on a collection is answered from what is known, even where the host is lost."""
        if not message.path or message.path[0] not in COLLECTIONS or not self.holds(message.path[0]):
            return False
        if message.verb is Verb.LS:
            return len(message.path) == 1 and not any(message.args[key] for key in message.args.keys() - _ANSWERED_HERE)
        return message.verb is Verb.ATTACH and len(message.path) == 2 and message.get("io") is None

    async def _ls(self, collection: str, message: Message) -> Message:
        if message.get("anew"):
            self._fetchers[collection].doubt()
        await self.refresh(collection)
        rows = self.listed(collection)
        if message.get("ids") is not None:
            wanted = set(message["ids"])
            rows = [row for row in rows if row.get("id") in wanted]
        return ack({**Listing(missing=tuple(self.missing())).to_args(), "rows": rows})

    async def _attach(self, collection: str, reference: str) -> Message:
        try:
            row = await self.resolve(reference, collection)
        except NotFound:
            if COLLECTIONS[collection].complete or self.why_lost() is not None:
                raise
            return await self._inner(Message(Verb.ATTACH, (collection, reference)))
        return ack(row.to_plain(), path=row.path)

    async def resolve(self, reference: str, collection: str = CONTAINERS) -> Row:
        """Find one thing; raise `NotFound` or `Conflict`."""
        kind = COLLECTIONS[collection]
        if not kind.by_id or self.known(reference) is None:  # else it is an id, which has one owner for ever
            await self.refresh(collection)
        found = self.find(reference, collection)
        if not found:
            raise NotFound(f"No such {kind.noun}: {reference}", host=self.name)
        if len(found) > 1:
            names = ", ".join(row.qualified for row in found)
            raise Conflict(f"{reference} is ambiguous on {self.name}: {names}", host=self.name)
        return evolve(found[0], lost=self.why_lost(found[0].member))

    def subscribe(self, *, documents: bool = True) -> Receiver:
        """Subscribe to what is known: all of it, then what changes. One watch behind serves all.

        What happens from here on is told; nothing was missed. Without `documents` all rows but the nodes' are left out.
        """
        return self._watchers.add(self.said(documents=documents), documents=documents)

    def listen(self, told: Callable[[Message], None]) -> None:
        """Have `told` called for as long as the mirror lives with what a subscription would say, at once."""
        self._watchers.listen(told)

    async def ask(self, message: Message) -> Message:
        """Ask the host itself, whatever is known: the answer is as new as the question."""
        return await self._inner(message)

    # -- read your writes -----------------------------------------------------------------------------------------

    def settled(self, collection: str = CONTAINERS) -> bool:
        """Tell whether nothing that was sent waits to be read: what is known of names is then right."""
        return self.synced and self._fetchers[collection].settled

    def doubt(self, reference: str = "") -> None:
        """Have what a container's name means fetched before the next read: much depends on its being there still.

        Without a name all containers are listed anew, by mirrors behind this one, too.
        """
        fetcher = self._fetchers[CONTAINERS]
        fetcher.mark(reference) if reference else fetcher.doubt()

    async def refresh(self, collection: str = CONTAINERS) -> bool:
        """Have fetched what was written; return whether all that was sent before this call has been read.

        It waits for the first listing, too; for a lost host it does not wait, nor longer than `FETCH_DEADLINE`.
        """
        return await self._fetchers[collection].refresh()

    async def _change(self, message: Message) -> Message:
        def mark() -> None:
            for collection, reference in written(message):
                self._fetchers[collection].mark(reference)

        mark()
        try:
            reply = await self._inner(message)
        finally:
            mark()
        if message.verb is Verb.SPAWN and reply.path:
            for collection, reference in written_at(reply.path):
                self._fetchers[collection].mark(reference)
            self.create(str(message.get("name") or ""), reply.path)
        return reply if reply.att is None else evolve(reply, att=HookedStream(reply.att, mark))

    # -- its life -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep what is known in step for ever."""
        async with trio.open_nursery() as nursery:
            for fetcher in self._fetchers.values():
                nursery.start_soon(fetcher.run)
            nursery.start_soon(self._follower.run)

    def end_watchers(self, error: Unavailable) -> None:
        """End all subscriptions with an error."""
        self._watchers.end(error)


@asynccontextmanager
async def open_mirror(inner: Service, name: str) -> AsyncIterator[Mirror]:
    """Open a mirror of a host; it follows the host until the block ends, which ends its watches with an error."""
    async with open_instance() as nursery:
        mirror = Mirror(inner, name)
        nursery.start_soon(mirror.run)
        try:
            yield mirror
        finally:
            mirror.end_watchers(Unavailable(f"{name} has been closed"))
