"""WATCH on one engine: its events as they are, and the documents of what they change.

Subscribed first, listed second: nothing falls between. A broken event stream is taken up again where it ended
(`since`), what comes twice is dropped, and the listing is compared with what was known.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

import trio

from swarmkit.channel import Sender
from swarmkit.errors import Internal, SwarmError, Unavailable
from swarmkit.message import Message, Verb

from .events import Event, EventStream, touched
from .listing import EngineListing, Snapshot
from .node import EngineNode
from .request import EngineRequest

log = logging.getLogger(__name__)

FETCHED_AT_ONCE = 200
"""Containers that one request names at most: it names them in its target."""

RETRY_SECONDS = 0.5
"""Wait before a broken event stream of a healthy engine is opened again."""


class EngineWatch:
    """One subscription.

    It sends, as messages of verb WATCH with `kind`: `have` (one for each container and for the node) until `synced`;
    then `put` (a row is now thus), `gone`, `event` (verbatim), `lost` with a `reason` (this engine stopped answering;
    said again where the reason is another) and `back` (it answers again and has been compared). Rows carry a `stamp`:
    of two for one id the greater is the newer.
    """

    def __init__(self, node: EngineNode, listing: EngineListing, sender: Sender, *, documents: bool) -> None:
        self._node = node
        self._listing = listing
        self._sender = sender
        self._events = EventStream(node.name, self._event)
        self._documents = documents
        self._known: set[str] = set()
        self._synced = False
        self._lost: str | None = None  # the reason that was told last
        self._dirty: set[str] = set()
        self._woken = trio.Event()

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
            if not health.healthy and health.settled.is_set() and self._lost != health.reason:
                self._lost = health.reason
                self._offer("lost", (), reason=health.reason, seen=self._synced)
            await health.wait_change()

    def _offer_node(self) -> None:
        self._offer("put", ("nodes", self._node.name), row=self._node.row().to_plain())

    # -- events ---------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self._node.health.wait_healthy()
            try:
                await self._follow_once()
            except SwarmError as error:
                log.debug("the event stream of %s ended: %s", self._node.name, error)
                self._node.health.suspect()
            await trio.sleep(RETRY_SECONDS)

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
                nursery.start_soon(self._refresh, failures, nursery.cancel_scope)
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
        container = touched(event)
        if container:
            self._dirty.add(container)
            self._woken.set()
        if event.get("Type") == "daemon":
            self._node.refresh_facts()
        self._offer("event", ("nodes", self._node.name), event=event)

    # -- documents ------------------------------------------------------------------------------------------------

    async def _refresh(self, failures: list[SwarmError], scope: trio.CancelScope) -> None:
        """List everything once, then fetch what events have marked, many at a time."""
        try:
            await self._compare(await self._listing.containers(detail=True))
            while True:
                await self._woken.wait()
                self._woken = trio.Event()
                ids, self._dirty = sorted(self._dirty), set()
                for start in range(0, len(ids), FETCHED_AT_ONCE):
                    some = ids[start : start + FETCHED_AT_ONCE]
                    self._put(set(some), await self._listing.containers(ids=some, detail=True))
        except SwarmError as error:
            failures.append(error)
            scope.cancel()
        except trio.BrokenResourceError:
            scope.cancel()  # the receiver has gone, and `run` ends all of this

    async def _compare(self, snapshot: Snapshot) -> None:
        """Send a whole listing: as `have` the first time, as changes and departures later."""
        now = {row.id for row in snapshot.rows}
        for row in snapshot.rows:
            kind = "put" if self._synced else "have"
            args = {"kind": kind, "row": row.to_plain(), "stamp": snapshot.stamp}
            await self._sender.send(Message(Verb.WATCH, row.path, args))  # waiting for room: there may be very many
        for gone in self._known - now:
            self._offer("gone", ("containers", gone), stamp=snapshot.stamp)
        self._known = now
        self._announce()

    def _announce(self) -> None:
        """Say that the receiver is in step, and that the engine is back if it was told to be lost."""
        if not self._synced:
            self._synced = True
            self._offer("synced", ())
        if self._lost is not None:
            self._lost = None
            self._offer("back", ())

    def _put(self, asked: set[str], snapshot: Snapshot) -> None:
        for row in snapshot.rows:
            self._known.add(row.id)
            self._offer("put", row.path, row=row.to_plain(), stamp=snapshot.stamp)
        for gone in asked - {row.id for row in snapshot.rows}:
            self._known.discard(gone)
            self._offer("gone", ("containers", gone), stamp=snapshot.stamp)

    def _offer(self, kind: str, path: tuple[str, ...], **args: Any) -> None:
        self._sender.offer(Message(Verb.WATCH, path, {"kind": kind, **args}))
