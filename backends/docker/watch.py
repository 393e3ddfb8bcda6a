"""WATCH on one engine: its events as they are, and the documents of what they change.

Subscribed first, listed second: nothing falls between. A broken event stream is taken up again where it ended
(`since`), what comes twice is dropped, and the listings are compared with what was known. How one collection is
listed, and what is said of it, is in `tracked`.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

import trio

from swarmkit.channel import Sender
from swarmkit.errors import Internal, SwarmError, Unavailable
from swarmkit.message import Message, Verb

from .events import Event, EventStream, changes_users, touched
from .listing import EngineListing
from .node import EngineNode
from .request import EngineRequest
from .tracked import Tracked

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""Wait before a broken event stream of a healthy engine is opened again, or a list that it refused is asked for."""

LONGEST_RETRY = 60.0
"""Longest wait before a list is asked for that a healthy engine goes on to refuse; each is twice as long as before."""

LONGEST_PAUSE = 5.0
"""Longest wait before an engine is followed again that cannot be, though it answers pings; each is twice as long."""


class EngineWatch:
    """One subscription.

    It sends, as messages of verb WATCH with `kind`: `have` (one for each thing and for the node), and `synced` at `()`
    once that is all of the containers, at the path of another collection once it is all of that; then `put` (a row is
    now thus), `gone`, `event` (verbatim), `lost` with a `reason` (this engine stopped answering, or what it answers
    cannot be read; said again where the reason is another) and `back` (it answers again and its containers have been
    compared), `behind` with a `reason` at the path of a collection that was in step and is to be compared: `synced`
    follows. Rows carry a `stamp`: of two for one id the greater is the newer.
    """

    def __init__(self, node: EngineNode, listing: EngineListing, sender: Sender, *, documents: bool) -> None:
        self._node = node
        self._listing = listing
        self._sender = sender
        self._events = EventStream(node.name, self._event)
        self._documents = documents
        self._containers = Tracked("containers", listing, sender)
        self._others = tuple(Tracked(collection, listing, sender) for collection in ("images", "networks", "volumes"))
        self._tracked = {tracked.collection: tracked for tracked in (self._containers, *self._others)}
        self._in_step: set[str] = set()  # of the others
        self._synced = False
        self._lost: str | None = None  # the reason that was told last
        self._failures = 0  # to follow a healthy engine, in a row

    async def run(self) -> None:
        """Follow the engine until the receiver has gone or falls too far behind."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._follow_health)
            try:
                await self._sender.wait_closed()
                nursery.cancel_scope.cancel()
            finally:
                self._sender.end(Unavailable(f"host {self._node.name} is closed: what opened it has ended"))

    # -- health ---------------------------------------------------------------------------------------------------

    async def _follow_health(self) -> None:
        health = self._node.health
        while True:
            self._offer_node()
            if not health.healthy and health.settled.is_set():
                self._lose(health.reason)
            await health.wait_change()

    def _lose(self, reason: str) -> None:
        if self._lost != reason:
            self._lost = reason
            self._offer("lost", (), reason=reason, seen=self._synced)

    def _offer_node(self) -> None:
        self._offer("put", ("nodes", self._node.name), row=self._node.row().to_plain())

    # -- events ---------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self._node.health.wait_healthy()
            await self._node.wait_described()  # one engine under two names is told by its id, before it is listed twice
            self._offer_node()
            try:
                await self._follow_once()
            except SwarmError as error:
                log.debug("the event stream of %s ended: %s", self._node.name, error)
                self._node.health.suspect()
                self._fail(error.reason)
            await trio.sleep(min(RETRY_SECONDS * 2.0 ** min(self._failures - 1, 8), LONGEST_PAUSE))

    def _fail(self, reason: str) -> None:
        """Take note that following has failed; an engine that answers pings and cannot be followed is lost, too.

        A stream that ends is opened again and no more said of it. Where that fails, nobody knows what the engine has.
        """
        healthy = self._node.health.healthy
        self._failures = self._failures + 1 if healthy else 1
        if self._failures > 1:
            if self._lost is None:
                log.warning("%s answers pings, but what it has cannot be read: %s", self._node.name, reason)
            self._lose(f"what it has cannot be read: {reason}")

    async def _follow_once(self) -> None:
        client, events = self._node.client, self._events
        query = {"since": events.since} if events.since else {}
        reply = await client.exchange(EngineRequest(method="GET", target=f"/events?{urlencode(query)}"))
        if reply.head.status != 200:
            await client.whole(reply)
            raise Internal(f"host {self._node.name} answered /events with status {reply.head.status}")
        events.begin(reply.head.headers.get("Date"))
        failures: list[SwarmError] = []
        async with reply.body, trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_lost, failures, nursery.cancel_scope)
            if self._documents:
                nursery.start_soon(self._keep_documents, failures, nursery)
            else:
                self._announce()
            try:
                await events.read(reply.body)
            except SwarmError as error:
                failures.append(error)
            nursery.cancel_scope.cancel()
        raise failures[0] if failures else Unavailable(f"nobody follows host {self._node.name} any more")

    async def _end_when_lost(self, failures: list[SwarmError], scope: trio.CancelScope) -> None:
        """Give the stream up with the engine: a frozen one keeps it open, and when it thaws they must be compared."""
        await self._node.health.wait_lost()
        failures.append(Unavailable(self._node.health.reason))
        scope.cancel()

    def _event(self, event: Event) -> None:
        for collection, id in touched(event):
            self._tracked[collection].mark(id)
        if changes_users(event) and self._tracked["images"].counts_users:
            self._tracked["images"].mark("")
        if event.get("Type") == "daemon":
            self._node.refresh_facts()
        self._offer("event", ("nodes", self._node.name), event=event)

    # -- documents ------------------------------------------------------------------------------------------------

    async def _keep_documents(self, failures: list[SwarmError], nursery: trio.Nursery) -> None:
        """Compare the containers, have the other collections kept in step, and follow the containers."""
        try:
            await self._containers.compare()
            for tracked in self._others:
                self._fall_behind(tracked, "being compared")
            self._announce()
            for tracked in self._others:
                nursery.start_soon(self._keep, tracked, failures, nursery.cancel_scope)
            await self._containers.follow()
        except SwarmError as error:
            failures.append(error)
            nursery.cancel_scope.cancel()
        except trio.BrokenResourceError:
            nursery.cancel_scope.cancel()  # the receiver has gone, and `run` ends all of this

    async def _keep(self, tracked: Tracked, failures: list[SwarmError], scope: trio.CancelScope) -> None:
        """Keep one more collection in step. One that the engine refuses to list is behind, and holds up no other."""
        wait = RETRY_SECONDS
        while True:
            try:
                await tracked.compare()
                self._catch_up(tracked)
                wait = RETRY_SECONDS
                await tracked.follow()
            except SwarmError as error:
                if isinstance(error, Unavailable) and "status" not in error.details:  # no refusal: it does not answer
                    failures.append(error)
                    scope.cancel()
                else:
                    self._fall_behind(tracked, error.reason)
            except trio.BrokenResourceError:
                scope.cancel()
            await trio.sleep(wait)
            wait = min(2 * wait, LONGEST_RETRY)

    def _catch_up(self, tracked: Tracked) -> None:
        self._in_step.add(tracked.collection)
        self._offer("synced", (tracked.collection,))

    def _fall_behind(self, tracked: Tracked, reason: str) -> None:
        if tracked.collection in self._in_step:
            self._in_step.discard(tracked.collection)
            self._offer("behind", (tracked.collection,), reason=reason)

    def _announce(self) -> None:
        """Say that the receiver is in step, and that the engine is back if it was told to be lost."""
        self._failures = 0
        if not self._synced:
            self._synced = True
            self._offer("synced", ())
        if self._lost is not None:
            self._lost = None
            self._offer("back", ())

    def _offer(self, kind: str, path: tuple[str, ...], **args: Any) -> None:
        self._sender.offer(Message(Verb.WATCH, path, {"kind": kind, **args}))
