"""WATCH on one engine: its events as they are, and the documents of what they change.

Subscribed first, listed second: nothing falls between. A broken event stream is taken up again where it ended
(`since`), what comes twice is dropped, and the listing is compared with what was known.
"""

from __future__ import annotations

import json
import logging
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import trio

from swarmkit.channel import Sender
from swarmkit.engine.events import Identity, identity
from swarmkit.errors import Internal, SwarmError, Unavailable
from swarmkit.message import Message, Verb
from swarmkit.streams import CHUNK

from .client import EngineRequest

if TYPE_CHECKING:
    from .service import EngineService, Snapshot

log = logging.getLogger(__name__)

MAX_EVENT = 1024 * 1024
"""Bytes of one event, at most."""

REMEMBERED = 1024
"""Events whose identity is kept, to drop those that come twice when a stream is resumed."""

FETCHED_AT_ONCE = 200
"""Containers that one request names at most: it names them in its target."""

RETRY_SECONDS = 0.5
"""Wait before a broken event stream of a healthy engine is opened again."""

_CHANGES_NOTHING = frozenset(
    {"attach", "detach", "resize", "top", "export", "copy", "archive-path", "extract-to-dir", "commit"}
)
"""Actions on a container after which its row in a list is what it was (besides all `exec_…`)."""


class EngineWatch:
    """One subscription.

    It sends, as messages of verb WATCH with `kind`: `have` (one for each container and for the node) until `synced`;
    then `put` (a row is now thus), `gone`, `event` (verbatim), `lost` with a `reason` and `back` (this engine stopped
    answering; answers again and has been compared). Rows carry a `stamp`: of two for one id the greater is the newer.
    """

    def __init__(self, service: EngineService, sender: Sender, *, documents: bool) -> None:
        self._service = service
        self._sender = sender
        self._documents = documents
        self._known: set[str] = set()
        self._synced = False
        self._lost = False
        self._dirty: set[str] = set()
        self._woken = trio.Event()
        self._since = ""
        self._seen: dict[Identity, None] = {}

    async def run(self) -> None:
        """Follow the engine until the receiver has gone or falls too far behind."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._follow_health)
            try:
                await self._sender.wait_closed()
                nursery.cancel_scope.cancel()
            finally:
                self._sender.end(Unavailable(f"{self._service.name} has been closed"))

    # -- health ---------------------------------------------------------------------------------------------------

    async def _follow_health(self) -> None:
        health = self._service.health
        while True:
            self._offer_node()
            if not health.healthy and health.settled.is_set() and not self._lost:
                self._lost = True
                self._offer("lost", (), reason=health.reason, seen=self._synced)
            await health.wait_change()

    def _offer_node(self) -> None:
        self._offer("put", ("nodes", self._service.name), row=self._service.node_row().to_plain())

    # -- events ---------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self._service.health.wait_healthy()
            try:
                await self._follow_once()
            except SwarmError as error:
                log.debug("the event stream of %s ended: %s", self._service.name, error)
                self._service.client.health.suspect()
            await trio.sleep(RETRY_SECONDS)

    async def _follow_once(self) -> None:
        client = self._service.client
        query = {"since": self._since} if self._since else {}
        reply = await client.exchange(EngineRequest(method="GET", target=f"/events?{urlencode(query)}"))
        if reply.head.status != 200:
            await client.whole(reply)
            raise Internal(f"{self._service.name} answered /events with status {reply.head.status}")
        # Until an event has come, a stream that breaks is taken up from when it began, by the engine's own clock.
        self._since = self._since or _seconds(reply.head.headers.get("Date"))
        failures: list[SwarmError] = []
        async with reply.body, trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_lost, failures, nursery.cancel_scope)
            if self._documents:
                nursery.start_soon(self._refresh, failures, nursery.cancel_scope)
            else:
                self._announce()
            try:
                await self._read_events(reply.body)
            except SwarmError as error:
                failures.append(error)
            nursery.cancel_scope.cancel()
        raise failures[0] if failures else Unavailable(f"nobody follows {self._service.name} any more")

    async def _end_when_lost(self, failures: list[SwarmError], scope: trio.CancelScope) -> None:
        """Give the stream up with the engine: a frozen one keeps it open, and when it thaws they must be compared."""
        await self._service.health.wait_lost()
        failures.append(Unavailable(self._service.health.reason))
        scope.cancel()

    async def _read_events(self, body: trio.abc.ReceiveStream) -> None:
        """Pass on each event; raise when the stream ends, as it never does on its own."""
        rest = b""
        while data := await body.receive_some(CHUNK):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    self._event(line)
            if len(rest) > MAX_EVENT:
                raise Internal(f"{self._service.name} sent an event of more than {MAX_EVENT} bytes")
        raise Unavailable(f"{self._service.name} ended its event stream")

    def _event(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            once = identity(event)
            if once not in self._seen:
                self._note(event, once)
        except (ValueError, TypeError, AttributeError) as error:
            raise Internal(f"{self._service.name} sent what is no event: {line[:80]!r}") from error

    def _note(self, event: dict[str, Any], once: Identity) -> None:
        """Pass on an event that has not come before, and remember it."""
        touched = self._touched(event)
        nanoseconds = once[0]
        self._seen[once] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if nanoseconds:
            self._since = f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"
        if touched:
            self._dirty.add(touched)
            self._woken.set()
        if event.get("Type") == "daemon":
            self._service.refresh_facts()
        self._offer("event", ("nodes", self._service.name), event=event)

    def _touched(self, event: dict[str, Any]) -> str:
        """Return the container that an event has changed, so that its row must be fetched again; else nothing."""
        action, actor = str(event.get("Action", "")), event.get("Actor") or {}
        if event.get("Type") == "network" and action in ("connect", "disconnect"):
            return str((actor.get("Attributes") or {}).get("container", ""))
        if event.get("Type") == "container" and action not in _CHANGES_NOTHING and not action.startswith("exec_"):
            return str(actor.get("ID", ""))
        return ""

    # -- documents ------------------------------------------------------------------------------------------------

    async def _refresh(self, failures: list[SwarmError], scope: trio.CancelScope) -> None:
        """List everything once, then fetch what events have marked, many at a time."""
        try:
            await self._compare(await self._service.containers(detail=True))
            while True:
                await self._woken.wait()
                self._woken = trio.Event()
                ids, self._dirty = sorted(self._dirty), set()
                for start in range(0, len(ids), FETCHED_AT_ONCE):
                    some = ids[start : start + FETCHED_AT_ONCE]
                    self._put(set(some), await self._service.containers(ids=some, detail=True))
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
        if self._lost:
            self._lost = False
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


def _seconds(date: str) -> str:
    """Return an HTTP date as the seconds that `since` takes; nothing where there is none."""
    try:
        return str(int(parsedate_to_datetime(date).timestamp()))
    except ValueError:
        return ""
