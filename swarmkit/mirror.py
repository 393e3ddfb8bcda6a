"""A local replica of a host's containers, kept by WATCH, so that listing and resolving ask nobody.

*Read your writes*: what is sent through the mirror and may change something marks its object (where that is not
known, the whole collection) when it is sent, and again when it has been answered and when its stream has ended. A
read that touches what is marked has it fetched first, unless the host is lost; it waits no longer than
`FETCH_DEADLINE`. It never waits for an event, because what changes nothing sends none. A change behind our back is
seen when its event arrives.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field, frozen

from .channel import Receiver, Sender, open_channel
from .errors import Conflict, Internal, NotFound, SwarmError, Unavailable
from .instance import open_instance
from .marks import Marks
from .message import Message, Path, Verb, ack
from .replica import Replica
from .rows import Listing, Missing, Row
from .service import Service, close_ends
from .streams import HookedStream

__all__ = ["FETCH_DEADLINE", "MIRRORED", "RESUBSCRIBE_SECONDS", "Lost", "Mirror", "Replica", "changes", "open_mirror"]

log = logging.getLogger(__name__)

MIRRORED = "containers"
"""The collection that is held."""

FETCH_DEADLINE = 1.0
"""Seconds that a read waits for what must be fetched first; after that it answers with what is known."""

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a watch that ended is asked for again."""

FETCHED_AT_ONCE = 200
"""Ids that one request names at most."""

CREATED = 1024
"""Containers that are remembered as created and not yet listed."""

WATCHED = 4096
"""Messages that a watcher may be behind, besides those that it is sent at first."""

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_SHOWN_ELSEWHERE = frozenset({"networks", "images"})  # what changes there shows in the rows of containers


@frozen
class Lost:
    """Why a host does not answer, and whether it ever did."""

    reason: str
    seen: bool


@define(eq=False)
class _Fetch:
    """One fetch of what is marked, for all who wait for it."""

    done: trio.Event = field(factory=trio.Event)
    failed: bool = False


@define
class _Heard:
    """What a new watch has said before it was in step; what it has not is no more."""

    ids: set[str] = field(factory=set)
    nodes: set[Path] = field(factory=set)
    lost: set[str] = field(factory=set)
    stamp: int = 0

    def note(self, message: Message) -> None:
        kind, path = message.get("kind"), message.path
        self.stamp = max(self.stamp, int(message.get("stamp", 0)))
        if kind in ("have", "put"):
            self.nodes.add(path) if _is_node(path) else self.ids.add(path[-1])
        elif kind == "gone":
            self.nodes.discard(path) if _is_node(path) else self.ids.discard(path[-1])
        elif kind == "lost":
            self.lost.add(str(message.get("member", "")))
        elif kind == "back":
            self.lost.discard(str(message.get("member", "")))


class Mirror:
    """A service that answers LS and ATTACH on containers, and WATCH, from a replica; the rest goes on.

    `run` keeps it; see `open_mirror`.
    """

    def __init__(self, inner: Service, name: str) -> None:
        self.name = name
        self.replica = Replica()
        self.synced = False  # whether a whole listing was ever received
        self.broken: str | None = None  # why nothing at all is heard of the service behind
        self.lost: dict[str, Lost] = {}  # by member, "" where the service behind is one host
        self.nodes: dict[Path, Row] = {}
        self._inner = inner
        self._created: dict[str, Row] = {}  # by id, what was created through us and has not been listed yet
        self._marks = Marks()
        self._wanted = trio.Event()
        self._running: _Fetch | None = None
        self._next = _Fetch()
        self._watchers: dict[Sender, bool] = {}
        self._changed = trio.Event()

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

    # -- reading --------------------------------------------------------------------------------------------------

    async def _ls(self, message: Message) -> Message:
        await self.refresh()
        wanted = None if message.get("ids") is None else set(message["ids"])
        rows = [row for row in self.rows() if wanted is None or row.id in wanted]
        return ack(Listing(tuple(rows), tuple(self.missing())).to_args())

    def rows(self) -> list[Row]:
        """Return the rows as they are known, marked with the reason where their host is lost."""
        if not self.lost and self.broken is None:
            return list(self.replica.rows.values())
        return [evolve(row, lost=self.why_lost(row.member)) for row in self.replica.rows.values()]

    def why_lost(self, member: str = "") -> str | None:
        """Return why a host beneath does not answer; None where it does."""
        lost = self.lost.get(member)
        return lost.reason if lost is not None else self.broken

    def missing(self) -> list[Missing]:
        """Return the hosts of which nothing is known, not even how they last were; `""` is the service itself."""
        never = [Missing(member, lost.reason) for member, lost in self.lost.items() if not lost.seen]
        if never or self.synced:
            return never
        return [Missing("", "still being listed" if self.broken is None else self.broken)]

    def find(self, reference: str) -> list[Row]:
        """Return what a full id, else a name, else the beginning of an id means, as known; several where ambiguous."""
        return next((rows for rows in self.tiers(reference) if rows), [])

    def tiers(self, reference: str) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows that have this id, this name, and an id that begins so; an earlier meaning goes before.

        Behind `host/` it is the meaning on that one of the hosts beneath.
        """
        host, slash, rest = reference.removeprefix("/").rpartition("/")
        row = self.known(rest)
        ids, names, prefixes = [row] if row else [], self.named(rest), self.replica.beginning(rest)
        if not slash:
            return ids, names, prefixes
        return _of(host, ids), _of(host, names), _of(host, prefixes)

    def named(self, name: str) -> list[Row]:
        """Return what has this name, what was created through us a moment ago included."""
        created = [row for row in self._created.values() if row.name == name]
        return self.replica.named(name) + created if created else self.replica.named(name)

    @property
    def settled(self) -> bool:
        """Whether nothing that was sent waits to be read: what is known of names is then right."""
        return self.synced and not self._marks

    @property
    def unlisted(self) -> int:
        """How many were created through the mirror that it has not listed yet."""
        return len(self._created)

    def known(self, id: str) -> Row | None:
        """Return what has this full id; of what was created a moment ago, no more than that it is here."""
        return self.replica.rows.get(id) or self._created.get(id)

    def doubt(self, reference: str) -> None:
        """Have what a reference means fetched before the next read: much depends on its being there still."""
        self._mark((MIRRORED, reference))

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

    # -- read your writes -----------------------------------------------------------------------------------------

    async def _change(self, message: Message) -> Message:
        self._mark(message.path)
        try:
            reply = await self._inner(message)
        finally:
            self._mark(message.path)
        if message.verb is Verb.SPAWN and reply.path:
            self._note_created(str(message.get("name") or ""), reply.path)
        if reply.att is None:
            return reply
        return evolve(reply, att=HookedStream(reply.att, lambda: self._mark(message.path)))

    def _note_created(self, name: str, path: Path) -> None:
        """Have what was just created found at once; its event may have come first, even that of its end."""
        id = path[-1]
        self._mark(path)
        if id in self.replica.rows or self.replica.gone(id):
            return
        member = path[1] if path[0] == "nodes" else ""
        name = name.rpartition("/")[2] or id[:12]
        self._created[id] = Row(name=name, names=(name,), path=path, id=id, member=member)
        if len(self._created) > CREATED:
            del self._created[next(iter(self._created))]

    def _mark(self, path: Path) -> None:
        """Remember that what the path names may have changed."""
        match path:
            case ("nodes", _, *rest):
                self._mark(tuple(rest))
            case (collection, reference, *_) if collection == MIRRORED:
                found = {row.id for row in self.find(reference)} or ({reference} if len(reference) == 64 else set())
                self._marks.mark(found) if found else self._marks.mark_all()
            case () | ("containers",):
                self._marks.mark_all()
            case (collection, *_) if collection in _SHOWN_ELSEWHERE:
                self._marks.mark_all()

    async def refresh(self) -> bool:
        """Have what is marked fetched, or wait for the first listing; not of a lost host, nor past `FETCH_DEADLINE`.

        Returns whether all that was sent before this call has been read; of a lost host there is nothing to read.
        """
        asked = self._marks.last
        with trio.move_on_after(FETCH_DEADLINE):
            while not self.synced and self.why_lost() is None:
                await self._changed.wait()
            while self.why_lost() is None and self._marks.unread(asked):
                fetch = self._running or self._next
                self._wanted.set()
                await fetch.done.wait()
                if fetch.failed:
                    break
        return self.why_lost() is not None or (self.synced and not self._marks.unread(asked))

    async def _keep_fetching(self) -> None:
        """Fetch what is marked whenever a reader asks: in a task of its own, so that the work outlives the reader."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            self._running, self._next = self._next, _Fetch()
            try:
                await self._fetch()
            except SwarmError as error:
                log.debug("%s: cannot read what was written: %s", self.name, error)
                self._running.failed = True
            except Exception:
                log.exception("%s: a listing makes no sense", self.name)
                self._running.failed = True
            self._running.done.set()
            self._running = None

    async def _fetch(self) -> None:
        number, asked = self._marks.last, set(self._marks.ids)
        if self._marks.all is not None or len(asked) > FETCHED_AT_ONCE:
            asked |= await self._find_changed()
        for some in _batches(sorted(asked), FETCHED_AT_ONCE):
            await self._fetch_rows(some)
        self._marks.read(number)

    async def _find_changed(self) -> set[str]:
        """List everything, which is cheap, and return the ids whose detail must be fetched, which is not."""
        known = {*self.replica.rows, *self._created}  # before asking: what comes meanwhile may not be in the answer
        reply = await self._inner(Message(Verb.LS, (MIRRORED,)))
        listing = Listing.of(reply)
        self._remove_unlisted(known, listing, int(reply.get("stamp", 0)))
        return {row.id for row in listing if not _alike(row, self.replica.rows.get(row.id))}

    async def _fetch_rows(self, ids: list[str]) -> None:
        reply = await self._inner(Message(Verb.LS, (MIRRORED,), {"detail": True, "ids": ids}))
        listing, stamp = Listing.of(reply), int(reply.get("stamp", 0))
        for row in listing:
            self._put(row, stamp)
        self._remove_unlisted(set(ids), listing, stamp)

    def _remove_unlisted(self, ids: set[str], listing: Listing, stamp: int) -> None:
        """Remove what a listing lacks, unless it lacks all of that host."""
        silent = [gap.member for gap in listing.missing]
        for id in ids - {row.id for row in listing}:
            row = self.known(id)
            if row is None or not any(_beneath(row.member, member) for member in silent):
                self._remove(id, stamp)

    def _put(self, row: Row, stamp: int) -> None:
        self._created.pop(row.id, None)
        row = evolve(row, lost=None)  # what is lost is known here, and changes without the row
        if self.replica.put(row, stamp):
            self._tell(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain(), "stamp": stamp}))

    def _remove(self, id: str, stamp: int) -> None:
        self._created.pop(id, None)
        if (row := self.replica.remove(id, stamp)) is not None:
            self._tell(Message(Verb.WATCH, row.path, {"kind": "gone", "stamp": stamp}))

    # -- watching -------------------------------------------------------------------------------------------------

    def subscribe(self, *, documents: bool = True) -> Receiver:
        """Subscribe to the replica: what it holds, then what changes. One watch behind serves all.

        What happens from here on is told; nothing was missed. Without `documents` the containers are left out.
        """
        sender, receiver = open_channel(len(self.replica.rows) + len(self.nodes) + len(self.lost) + WATCHED)
        for row in self.nodes.values():
            sender.offer(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}))
        if documents:
            for row in self.replica.rows.values():
                sender.offer(Message(Verb.WATCH, row.path, {"kind": "have", "row": row.to_plain()}))
        for lost in self._losses():
            sender.offer(lost)
        if self.synced or not documents:
            sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
        self._watchers[sender] = documents
        return receiver

    def _losses(self) -> list[Message]:
        """Return what a watcher must know of hosts that do not answer."""
        losses = dict(self.lost)
        if self.broken is not None:
            losses = {member: Lost(self.broken, self.synced) for member in self._members()} | losses
        return [_lost_message(member, lost) for member, lost in losses.items()]

    def _members(self) -> set[str]:
        """Return the hosts beneath; `""` where none is known, or where it is the service itself."""
        return {row.member for row in self.nodes.values()} or {""}

    def _tell(self, message: Message) -> None:
        kind = message.get("kind")
        document = kind == "synced" or (kind in ("have", "put", "gone") and not _is_node(message.path))
        for sender, documents in list(self._watchers.items()):
            if sender.closed or ((documents or not document) and not sender.offer(message)):
                del self._watchers[sender]
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def run(self) -> None:
        """Keep the replica for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_fetching)
            nursery.start_soon(self._keep_watching)

    async def _keep_watching(self) -> None:
        """Subscribe, follow, and subscribe again when the watch ends."""
        while True:
            try:
                await self._follow()
                self._break("it ended the watch")
            except SwarmError as error:
                log.debug("%s: the watch ended: %s", self.name, error)
                self._break(error.message)
            except Exception as error:
                # What is behind is another's code: its fault is shown as its state, and is nobody else's.
                log.exception("%s: what it says of changes makes no sense", self.name)
                self._break(f"what it says of changes makes no sense: {error!r}")
            await trio.sleep(RESUBSCRIBE_SECONDS)

    def _break(self, reason: str) -> None:
        """Take note that nothing more is heard of the service behind; each host beneath is lost with it."""
        if reason != self.broken:
            self.broken = reason
            for member in self._members() - set(self.lost):
                self._tell(_lost_message(member, Lost(reason, self.synced)))
            self._wake()

    async def _follow(self) -> None:
        """Subscribe, and apply what the watch says. What it does not list before it is in step is gone."""
        reply = await self._inner(Message(Verb.WATCH))
        if not isinstance(reply.ret, Receiver):
            await close_ends(reply)
            raise Internal(f"{self.name} answered WATCH without a channel")
        self.replica.forget_stamps()
        heard: _Heard | None = _Heard()
        async with reply.ret as channel:
            async for message in channel:
                if heard is not None:
                    heard.note(message)
                    if message.get("kind") == "synced":
                        self._settle(heard)
                        heard = None
                self._apply(message)

    def _settle(self, heard: _Heard) -> None:
        """Let go of what was known before, and is no more."""
        for id in set(self.replica.rows) - heard.ids:
            self._remove(id, heard.stamp)
        for path in set(self.nodes) - heard.nodes:
            self._remove_node(path)
        back = set(self.lost)
        if self.broken is not None:
            back |= self._members()
        self.broken, first, self.synced = None, not self.synced, True
        for member in back - heard.lost:
            self.lost.pop(member, None)
            self._tell(Message(Verb.WATCH, (), {"kind": "back", "member": member}))
        if first:
            self._tell(Message(Verb.WATCH, (), {"kind": "synced"}))

    def _apply(self, message: Message) -> None:
        kind, path, member = message.get("kind"), message.path, str(message.get("member", ""))
        if kind in ("have", "put"):
            row = Row.from_plain(message["row"])
            if _is_node(path):
                self.nodes[path] = row
                self._tell(message)
            elif _is_held(path):
                self._put(row, int(message.get("stamp", 0)))
        elif kind == "gone" and _is_node(path):
            self._remove_node(path)
        elif kind == "gone" and _is_held(path):
            self._remove(path[-1], int(message.get("stamp", 0)))
        elif kind == "event":
            self._tell(message)
        elif kind == "lost":
            seen = self.synced if member == "" else bool(message.get("seen", True))
            self.lost[member] = Lost(str(message.get("reason")), seen)
            self._tell(_lost_message(member, self.lost[member]))
        elif kind == "back" and self.lost.pop(member, None) is not None:
            self._tell(message)

    def _remove_node(self, path: Path) -> None:
        if (row := self.nodes.pop(path, None)) is not None:
            self.lost.pop(row.member, None)
            self._tell(Message(Verb.WATCH, path, {"kind": "gone"}))

    def end_watchers(self, error: SwarmError) -> None:
        """End all subscriptions with an error."""
        for sender in self._watchers:
            sender.end(error)
        self._watchers.clear()


def _is_node(path: Path) -> bool:
    return len(path) == 2 and path[0] == "nodes"


def _is_held(path: Path) -> bool:
    """Tell whether a path is a container's, here or on one of the hosts beneath."""
    return path[-2:-1] == (MIRRORED,)


def _of(member: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.member == member]


def _beneath(member: str, host: str) -> bool:
    """Tell whether a member is a host, or one of those beneath it; all are beneath `""`."""
    return host in ("", member) or member.startswith(f"{host}/")


def _lost_message(member: str, lost: Lost) -> Message:
    return Message(Verb.WATCH, (), {"kind": "lost", "member": member, "reason": lost.reason, "seen": lost.seen})


def _batches(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _alike(new: Row, old: Row | None) -> bool:
    """Tell whether two rows differ at most in the text of a status, which changes with the time."""
    if old is None:
        return False
    return {**new.document, "Status": ""} == {**old.document, "Status": ""}


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
