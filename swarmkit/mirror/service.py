"""The mirror: a service that answers from what is known of the host behind it, and passes the rest on.

*Read your writes*: what is sent through it and may change something marks its object (where that is not known, the
whole collection) when it is sent, and again when it has been answered and when its stream has ended. A read that
touches what is marked has it fetched first, unless the host is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from .fetching import Fetcher
from .following import Follower
from .known import MIRRORED
from .learning import Learner
from .watchers import Watchers

_SAFE_METHODS = frozenset({"GET", "HEAD"})


class Mirror(Learner):
    """What is known of a host, as a service: LS and ATTACH on containers, LS of nodes, and WATCH; the rest goes on.

    `run` keeps it; see `open_mirror`.
    """

    def __init__(self, inner: Service, name: str) -> None:
        self.name = name
        self._inner = inner
        self._watchers = Watchers()
        super().__init__(self._watchers.tell)
        self._fetcher = Fetcher(name, inner, self, self._watchers)
        self._follower = Follower(name, inner, self, self._watchers)

    async def __call__(self, message: Message, /) -> Message:
        match message.verb, message.path:
            case (Verb.LS, ("containers",)) if not message.get("size"):
                await close_ends(message)
                return await self._ls(message)
            case (Verb.LS, ("nodes",)):
                await close_ends(message)
                return ack(Listing(tuple(self.nodes.values())).to_args())
            case (Verb.ATTACH, ("containers", reference)) if message.get("io") is None:
                await close_ends(message)
                row = await self.resolve(reference)
                return ack(row.to_plain(), path=row.path)
            case (Verb.WATCH, ()):
                await close_ends(message)
                return ack(ret=self.subscribe(documents=bool(message.get("documents", True))))
        return await (self._change(message) if changes(message) else self._inner(message))

    async def _ls(self, message: Message) -> Message:
        await self.refresh()
        rows = self.listed()
        if message.get("ids") is not None:
            wanted = set(message["ids"])
            rows = [row for row in rows if row.get("id") in wanted]
        return ack({**Listing(missing=tuple(self.missing())).to_args(), "rows": rows})

    async def resolve(self, reference: str) -> Row:
        """Find one container; raise `NotFound` or `Conflict`."""
        if self.known(reference) is None:  # else it is an id, which has one owner for ever
            await self.refresh()
        found = self.find(reference)
        if not found:
            raise NotFound(f"No such container: {reference}", host=self.name)
        if len(found) > 1:
            names = ", ".join(row.qualified for row in found)
            raise Conflict(f"{reference} is ambiguous on {self.name}: {names}", host=self.name)
        return evolve(found[0], lost=self.why_lost(found[0].member))

    def subscribe(self, *, documents: bool = True) -> Receiver:
        """Subscribe to what is known: all of it, then what changes. One watch behind serves all.

        What happens from here on is told; nothing was missed. Without `documents` the containers are left out.
        """
        return self._watchers.add(self.said(documents=documents), documents=documents)

    # -- read your writes -----------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether nothing that was sent waits to be read: what is known of names is then right."""
        return self.synced and self._fetcher.settled

    def doubt(self, reference: str) -> None:
        """Have what a reference means fetched before the next read: much depends on its being there still."""
        self._fetcher.mark((MIRRORED, reference))

    async def refresh(self) -> bool:
        """Have fetched what was written; return whether all that was sent before this call has been read.

        It waits for the first listing, too; for a lost host it does not wait, nor longer than `FETCH_DEADLINE`.
        """
        return await self._fetcher.refresh()

    async def _change(self, message: Message) -> Message:
        def mark() -> None:
            self._fetcher.mark(message.path)

        mark()
        try:
            reply = await self._inner(message)
        finally:
            mark()
        if message.verb is Verb.SPAWN and reply.path:
            self._fetcher.mark(reply.path)
            self.create(str(message.get("name") or ""), reply.path)
        return reply if reply.att is None else evolve(reply, att=HookedStream(reply.att, mark))

    # -- its life -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep what is known in step for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._fetcher.run)
            nursery.start_soon(self._follower.run)

    def end_watchers(self, error: Unavailable) -> None:
        """End all subscriptions with an error."""
        self._watchers.end(error)


def changes(message: Message) -> bool:
    """Tell whether a message may change a container: a mutating verb, or a request other than GET and HEAD."""
    if message.verb is Verb.CONNECT:
        return str(message.get("method", "GET")).upper() not in _SAFE_METHODS
    if message.verb is Verb.FILE:
        return message.att is not None
    return message.verb in (Verb.SPAWN, Verb.START, Verb.STOP, Verb.SET, Verb.ATTACH)


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
