"""A local replica of a host's containers, kept by WATCH, so that listing and resolving ask nobody.

*Read your writes*: what is sent through the mirror and may change something marks its object (where that is not
known, the whole collection) when it is sent, and again when it has been answered and when its stream has ended. A
read that touches what is marked fetches it first, unless the host is lost; it waits no longer than `FETCH_DEADLINE`.
It never waits for an event, because what changes nothing sends none. A change behind our back is seen when its event
arrives.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field, frozen

from .channel import Receiver, Sender, open_channel
from .errors import Conflict, NotFound, SwarmError
from .instance import open_instance
from .message import Message, Path, Verb, ack
from .rows import Listing, Missing, Row
from .service import Service
from .streams import HookedStream

log = logging.getLogger(__name__)

MIRRORED = "containers"
"""The collection that is held."""

FETCH_DEADLINE = 1.0
"""Seconds that a read waits for what it must fetch first; after that it answers with what is known."""

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a watch that ended is asked for again."""

FETCHED_AT_ONCE = 200
"""Ids that one request names at most."""

TOMBSTONES = 4096
"""Ids that are remembered as gone, so that older news does not bring them back."""

_SAFE_METHODS = frozenset({"GET", "HEAD"})


@frozen
class Lost:
    """Why a host does not answer, and whether it ever did."""

    reason: str
    seen: bool


@define(eq=False)
class Replica:
    """Rows by id, each with the stamp of the fetch it came from; a greater stamp is newer. Pure state, no I/O."""

    rows: dict[str, Row] = field(factory=dict)
    _stamps: dict[str, int] = field(factory=dict)
    _gone: dict[str, int] = field(factory=dict)
    _names: dict[str, set[str]] = field(factory=dict)

    def put(self, row: Row, stamp: int) -> bool:
        """Take a row unless it is older than what is known; return whether it was taken."""
        if stamp < self._stamps.get(row.id, 0) or stamp < self._gone.get(row.id, 0):
            return False
        self._forget_names(row.id)
        self.rows[row.id] = row
        self._stamps[row.id] = stamp
        self._gone.pop(row.id, None)
        for name in _all_names(row):
            self._names.setdefault(name, set()).add(row.id)
        return True

    def remove(self, id: str, stamp: int) -> bool:
        """Take note that a row is gone; return whether it was there."""
        if stamp < self._stamps.get(id, 0):
            return False
        self._gone[id] = max(stamp, self._gone.get(id, 0))
        if len(self._gone) > TOMBSTONES:
            del self._gone[next(iter(self._gone))]
        self._forget_names(id)
        self._stamps.pop(id, None)
        return self.rows.pop(id, None) is not None

    def forget_stamps(self) -> None:
        """Forget how new everything is: the next news comes from a source that counts anew."""
        self._stamps.clear()
        self._gone.clear()

    def _forget_names(self, id: str) -> None:
        if (row := self.rows.get(id)) is not None:
            for name in _all_names(row):
                holders = self._names.get(name, set())
                holders.discard(id)
                if not holders:
                    self._names.pop(name, None)

    def named(self, name: str) -> list[Row]:
        """Return the rows that have this name."""
        return [self.rows[id] for id in sorted(self._names.get(name, ()))]

    def beginning(self, prefix: str) -> list[Row]:
        """Return the rows whose id begins so."""
        return [row for id, row in self.rows.items() if id.startswith(prefix)] if prefix else []


def _all_names(row: Row) -> list[str]:
    return [*row.names, *(f"{row.member}/{name}" for name in row.names if row.member)]


class Mirror:
    """A service that answers LS and ATTACH on containers, and WATCH, from a replica; the rest goes on."""

    def __init__(self, inner: Service, name: str) -> None:
        self.name = name
        self.replica = Replica()
        self.synced = False  # whether a whole listing was ever received
        self.broken: str | None = None  # why nothing at all is heard of the service behind
        self.lost: dict[str, Lost] = {}  # by member, "" where the service behind is one host
        self.nodes: dict[Path, Row] = {}
        self._inner = inner
        self._created: dict[str, Row] = {}  # by id, what was created through us and has not been listed yet
        self._dirty: dict[str, int] = {}  # id -> number of the mark, so that a mark made during a fetch outlives it
        self._dirty_all = 0
        self._marks = 0
        self._lock = trio.Lock()
        self._watchers: dict[Sender, bool] = {}
        self._changed = trio.Event()

    async def __call__(self, message: Message, /) -> Message:
        collection = message.path[:1]
        if message.verb is Verb.LS and message.path == (MIRRORED,) and not message.get("size"):
            return await self._ls(message)
        if message.verb is Verb.LS and message.path == ("nodes",):
            return ack(Listing(tuple(self.nodes.values())).to_args())
        if message.verb is Verb.ATTACH and collection == (MIRRORED,) and message.get("io") is None:
            row = await self.resolve(message.path[1])
            return ack(row.to_plain(), path=row.path)
        if message.verb is Verb.WATCH:
            return self._watch(message)
        if not changes(message):
            return await self._inner(message)
        return await self._change(message)

    # -- reading --------------------------------------------------------------------------------------------------

    async def _ls(self, message: Message) -> Message:
        await self.refresh()
        ids = message.get("ids")
        rows = self.rows() if ids is None else [row for row in self.rows() if row.id in set(ids)]
        return ack(Listing(tuple(rows), tuple(self.missing())).to_args())

    def rows(self) -> list[Row]:
        """Return the rows as they are known, marked with the reason where their host is lost."""
        if not self.lost and self.broken is None:
            return list(self.replica.rows.values())
        return [evolve(row, lost=self.why_lost(row.member)) for row in self.replica.rows.values()]

    def why_lost(self, member: str = "") -> str | None:
        """Return why a host beneath does not answer; None where it does."""
        if self.broken is not None:
            return self.broken
        lost = self.lost.get(member)
        return lost.reason if lost is not None else None

    def missing(self) -> list[Missing]:
        """Return the hosts of which nothing is known, not even how they last were; `""` is the service itself."""
        if self.broken is not None and not self.synced:
            return [Missing("", self.broken)]
        never = [Missing(member, lost.reason) for member, lost in self.lost.items() if not lost.seen]
        return never or ([] if self.synced else [Missing("", "still being listed")])

    def find(self, reference: str) -> list[Row]:
        """Return what a full id, else a name, else the beginning of an id means, as known; several where ambiguous."""
        return next((rows for rows in self.tiers(reference) if rows), [])

    def tiers(self, reference: str) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows that have this id, this name, and an id that begins so; an earlier meaning goes before."""
        reference = reference.removeprefix("/")
        row = self.known(reference)
        return [row] if row else [], self.replica.named(reference), self.replica.beginning(reference)

    @property
    def settled(self) -> bool:
        """Whether nothing that was sent waits to be read: what is known of names is then right."""
        return self.synced and not (self._dirty or self._dirty_all)

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
            raise Conflict(f"{reference} is ambiguous on {self.name}: {', '.join(row.name for row in found)}")
        return found[0]

    # -- read your writes -----------------------------------------------------------------------------------------

    async def _change(self, message: Message) -> Message:
        self._mark(message.path)
        try:
            reply = await self._inner(message)
        finally:
            self._mark(message.path)
        if message.verb is Verb.SPAWN and reply.path:
            id = reply.path[-1]
            self._created[id] = Row(name=str(message.get("name") or id[:12]), path=reply.path, id=id)
            self._mark(reply.path)
        if reply.att is None:
            return reply
        return evolve(reply, att=HookedStream(reply.att, lambda: self._mark(message.path)))

    def _mark(self, path: Path) -> None:
        """Remember that what the path names may have changed."""
        self._marks += 1
        match path:
            case (collection, reference, *_) if collection == MIRRORED:
                if found := self.find(reference):
                    self._dirty.update({row.id: self._marks for row in found})
                elif len(reference) == 64:
                    self._dirty[reference] = self._marks
                else:
                    self._dirty_all = self._marks
            case () | ("containers",):
                self._dirty_all = self._marks

    async def refresh(self) -> bool:
        """Fetch what is marked, or wait for the first listing; not of a lost host, nor past `FETCH_DEADLINE`.

        Returns whether all that was sent before this call has been read; of a lost host there is nothing to read.
        """
        asked = self._marks
        with trio.move_on_after(FETCH_DEADLINE):
            while not self.synced and self.why_lost() is None:
                await self._changed.wait()
            while self.why_lost() is None and self._unread(asked):
                async with self._lock:
                    if self._unread(asked):
                        try:
                            await self._fetch()
                        except SwarmError as error:
                            log.debug("%s: cannot read what was written: %s", self.name, error)
                            return False
        return self.why_lost() is not None or (self.synced and not self._unread(asked))

    def _unread(self, mark: int) -> bool:
        """Tell whether something was marked, up to a mark, that has not been fetched since."""
        return 0 < self._dirty_all <= mark or any(made <= mark for made in self._dirty.values())

    async def _fetch(self) -> None:
        mark = self._marks
        asked = set(self._dirty)
        if self._dirty_all or len(asked) > FETCHED_AT_ONCE:
            asked |= await self._find_changed()
        if asked:
            await self._fetch_rows(asked)
        self._dirty = {id: made for id, made in self._dirty.items() if made > mark}
        self._dirty_all = self._dirty_all if self._dirty_all > mark else 0

    async def _find_changed(self) -> set[str]:
        """List everything, which is cheap, and return the ids whose detail must be fetched, which is not."""
        reply = await self._inner(Message(Verb.LS, (MIRRORED,)))
        stamp = int(reply.get("stamp", 0))
        rows = [Row.from_plain(plain) for plain in reply.get("rows", ())]
        for id in set(self.replica.rows) - {row.id for row in rows}:
            self._remove(id, stamp)
        return {row.id for row in rows if not _alike(row, self.replica.rows.get(row.id))}

    async def _fetch_rows(self, ids: set[str]) -> None:
        for some in _batches(sorted(ids), FETCHED_AT_ONCE):
            reply = await self._inner(Message(Verb.LS, (MIRRORED,), {"detail": True, "ids": list(some)}))
            stamp = int(reply.get("stamp", 0))
            rows = [Row.from_plain(plain) for plain in reply.get("rows", ())]
            for row in rows:
                self._put(row, stamp)
            for id in set(some) - {row.id for row in rows}:
                self._remove(id, stamp)

    def _put(self, row: Row, stamp: int) -> None:
        self._created.pop(row.id, None)
        if self.replica.put(row, stamp):
            self._tell(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain(), "stamp": stamp}))

    def _remove(self, id: str, stamp: int) -> None:
        self._created.pop(id, None)
        if self.replica.remove(id, stamp):
            self._tell(Message(Verb.WATCH, (MIRRORED, id), {"kind": "gone", "stamp": stamp}))

    # -- watching -------------------------------------------------------------------------------------------------

    def _watch(self, message: Message) -> Message:
        """Subscribe to the replica: what it holds, then what changes. One watch behind serves all."""
        sender, receiver = open_channel(len(self.replica.rows) + len(self.nodes) + 4096)
        documents = bool(message.get("documents", True))
        for row in self.nodes.values():
            sender.offer(Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}))
        if documents:
            for row in self.replica.rows.values():
                sender.offer(Message(Verb.WATCH, row.path, {"kind": "have", "row": row.to_plain()}))
        for member, lost in self.lost.items():
            sender.offer(_lost_message(member, lost.reason, lost.seen))
        if self.synced or not documents:
            sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
        self._watchers[sender] = documents
        return ack(ret=receiver)

    def _tell(self, message: Message) -> None:
        document = message.get("kind") in ("have", "put", "gone") and message.path[:1] == (MIRRORED,)
        for sender, documents in list(self._watchers.items()):
            if (documents or not document) and not sender.offer(message):
                del self._watchers[sender]
        self._changed.set()
        self._changed = trio.Event()

    async def run(self) -> None:
        """Keep the replica for ever: subscribe, follow, and subscribe again when the watch ends."""
        while True:
            try:
                reply = await self._inner(Message(Verb.WATCH))
                assert isinstance(reply.ret, Receiver)
                self.replica.forget_stamps()
                async with reply.ret as channel:
                    await self._follow(channel)
                self._break("it ended the watch")
            except SwarmError as error:
                log.debug("%s: the watch ended: %s", self.name, error)
                self._break(error.message)
            await trio.sleep(RESUBSCRIBE_SECONDS)

    def _break(self, reason: str) -> None:
        """Take note that nothing more is heard of the service behind; each host beneath is lost with it."""
        self.broken = reason
        for row in self.nodes.values():
            self._tell(_lost_message(row.member, reason, self.synced))

    async def _follow(self, channel: Receiver) -> None:
        """Apply a watch. What it does not list before it is in step is gone."""
        listed: set[str] | None = set()
        last = 0
        async for message in channel:
            stamp = int(message.get("stamp", 0))
            last = max(last, stamp)
            if message.get("kind") == "have" and listed is not None:
                listed.add(message.path[-1])
            if message.get("kind") == "synced" and listed is not None:
                for id in set(self.replica.rows) - listed:
                    self._remove(id, last)
                listed = None
            self._apply(message, stamp)

    def _apply(self, message: Message, stamp: int) -> None:
        kind, path = message.get("kind"), message.path
        if kind in ("have", "put"):
            row = Row.from_plain(message["row"])
            if path[:1] == ("nodes",):
                self.nodes[path] = row
                self._tell(message)
            elif path[:1] == (MIRRORED,):
                self._put(row, stamp)
        elif kind == "gone":
            if path[:1] == ("nodes",):
                self.nodes.pop(path, None)
                self._tell(message)
            elif path[:1] == (MIRRORED,):
                self._remove(path[-1], stamp)
        elif kind == "event":
            self._tell(message)
        else:
            self._apply_state(str(kind), message)

    def _apply_state(self, kind: str, message: Message) -> None:
        member = str(message.get("member", ""))
        if kind == "lost":
            seen = self.synced if member == "" else bool(message.get("seen", True))
            self.lost[member] = Lost(str(message.get("reason")), seen)
            message = _lost_message(member, self.lost[member].reason, seen)
        elif kind == "back":
            self.lost.pop(member, None)
        elif kind == "synced":
            if self.broken is not None:
                for row in self.nodes.values():
                    self._tell(Message(Verb.WATCH, (), {"kind": "back", "member": row.member}))
            self.broken, self.synced = None, True
            self.lost.pop("", None)
        self._tell(message)

    def end_watchers(self, error: SwarmError) -> None:
        """End all subscriptions with an error."""
        for sender in self._watchers:
            sender.end(error)
        self._watchers.clear()


def _lost_message(member: str, reason: str, seen: bool) -> Message:
    return Message(Verb.WATCH, (), {"kind": "lost", "member": member, "reason": reason, "seen": seen})


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
    """Open a mirror of a host; it follows the host until the block ends."""
    async with open_instance() as nursery:
        mirror = Mirror(inner, name)
        nursery.start_soon(mirror.run)
        yield mirror
