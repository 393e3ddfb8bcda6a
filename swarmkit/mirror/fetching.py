"""Read your writes: what was marked by a write is fetched before the next read.

Fetching is a task of its own, so that the work outlives the reader who asked for it and serves all who wait. A read
never waits for an event, because what changes nothing sends none.
"""

from __future__ import annotations

import logging

import trio
from attrs import define, field

from ..errors import SwarmError
from ..message import Message, Verb
from ..rows import Listing, Row
from ..service import Service
from .collections import COLLECTIONS
from .learning import Learner
from .marks import Marks
from .replica import key_of
from .watchers import Watchers

log = logging.getLogger(__name__)

FETCH_DEADLINE = 1.0
"""Seconds that a read waits for what must be fetched first; after that it answers with what is known."""

FETCHED_AT_ONCE = 200
"""Ids that one request names at most."""


@define(eq=False)
class _Fetch:
    """One fetch of what is marked, for all who wait for it."""

    done: trio.Event = field(factory=trio.Event)
    failed: bool = False


class Fetcher:
    """Keep marks on what of a collection may have changed, and have it fetched when it is asked for; `run` does that.

    Each collection has its own: who reads one waits for no other.
    """

    def __init__(self, name: str, collection: str, inner: Service, known: Learner, watchers: Watchers) -> None:
        self._name = name
        self._collection = COLLECTIONS[collection]
        self._inner = inner
        self._known = known
        self._watchers = watchers
        self._marks = Marks()
        self._doubted = False
        self._wanted = trio.Event()
        self._running: _Fetch | None = None
        self._next = _Fetch()

    @property
    def settled(self) -> bool:
        """Whether nothing is marked."""
        return not self._marks

    def mark(self, reference: str | None) -> None:
        """Remember that what this means may have changed; where that is not known, or nothing is said, everything.

        None is what the rows show of another collection.
        """
        if reference is None and not self._shows_others():
            return
        found: set[str] = set()
        if self._collection.by_id and reference:
            found = {row.id for row in self._known.find(reference)}
            if not found and len(reference) == 64:  # an id of what was never listed
                found = {reference}
        self._marks.mark(found) if found else self._marks.mark_all()

    def doubt(self) -> None:
        """Have everything listed anew before the next read, also by the mirrors that may be behind this one."""
        self._doubted = True
        self._marks.mark_all()

    def _shows_others(self) -> bool:
        """Tell whether the rows show anything of another collection; an engine makes all of them alike."""
        shows = self._collection.shows
        row = next(iter(self._known.replicas[self._collection.name].rows.values()), None)
        return shows is None or (row is not None and shows(row.document))

    async def refresh(self) -> bool:
        """Have what is marked fetched, or wait for the first listing; not of a lost host, nor past `FETCH_DEADLINE`.

        Returns whether all that was sent before this call has been read; of a lost host there is nothing to read.
        """
        known, asked = self._known, self._marks.last
        with trio.move_on_after(FETCH_DEADLINE):
            while not known.synced and known.why_lost() is None:
                await self._watchers.wait_change()
            while known.why_lost() is None and self._marks.unread(asked):
                fetch = self._running or self._next
                self._wanted.set()
                await fetch.done.wait()
                if fetch.failed:
                    break
        return known.why_lost() is not None or (known.synced and not self._marks.unread(asked))

    async def run(self) -> None:
        """Fetch what is marked whenever a reader asks, for ever."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            self._running, self._next = self._next, _Fetch()
            try:
                await self._fetch()
            except SwarmError as error:
                log.debug("%s: cannot read what was written: %s", self._name, error)
                self._running.failed = True
            except Exception:
                log.exception("%s: a listing makes no sense", self._name)
                self._running.failed = True
            self._running.done.set()
            self._running = None

    async def _fetch(self) -> None:
        number, asked = self._marks.last, set(self._marks.ids)
        if self._marks.all is not None or len(asked) > FETCHED_AT_ONCE:
            asked |= await self._fetch_list()
        for some in _batches(sorted(asked), FETCHED_AT_ONCE):
            await self._fetch_rows(some)
        self._marks.read(number)

    async def _fetch_list(self) -> set[str]:
        """List everything, which is cheap, and return the ids whose detail must be fetched, which is not."""
        known = self._known.keys(self._collection.name)  # before asking: what comes meanwhile may not be in the answer
        reply = await self._list()
        listing, stamp = Listing.of(reply), int(reply.get("stamp", 0))
        self._remove_unlisted(known, listing, stamp)
        rows = self._known.replicas[self._collection.name].rows
        changed = [row for row in listing if not _alike(row, rows.get(key_of(row.path)))]
        if self._collection.by_id:
            return {row.id for row in changed}
        for row in changed:
            self._known.put(row, stamp)
        return set()

    async def _list(self) -> Message:
        doubted, self._doubted = self._doubted, False
        try:
            return await self._inner(Message(Verb.LS, (self._collection.name,), {"anew": True} if doubted else {}))
        except BaseException:
            self._doubted |= doubted
            raise

    async def _fetch_rows(self, ids: list[str]) -> None:
        args = {"detail": True, "ids": ids}
        reply = await self._inner(Message(Verb.LS, (self._collection.name,), args))
        listing, stamp = Listing.of(reply), int(reply.get("stamp", 0))
        for row in listing:
            self._known.put(row, stamp)
        self._remove_unlisted({key for id in ids for key in self._keys(id)}, listing, stamp)

    def _keys(self, id: str) -> list[str]:
        """Return by what a container of this id is held; one that is not has no more than its id."""
        return [key_of(row.path) for row in self._known.having(id)] or [id]

    def _remove_unlisted(self, keys: set[str], listing: Listing, stamp: int) -> None:
        """Remove what a listing lacks, unless it lacks all of that host."""
        silent = [gap.member for gap in listing.missing]
        rows = self._known.replicas[self._collection.name].rows
        for key in keys - {key_of(row.path) for row in listing}:
            member = rows[key].member if key in rows else key.partition(" ")[2]
            if not any(_beneath(member, host) for host in silent):
                self._known.remove(self._collection.name, key, stamp)


def _beneath(member: str, host: str) -> bool:
    """Tell whether a member is a host, or one of those beneath it; all are beneath `""`."""
    return host in ("", member) or member.startswith(f"{host}/")


def _batches(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _alike(new: Row, old: Row | None) -> bool:
    """Tell whether two rows differ at most in the text of a status, which changes with the time."""
    if old is None:
        return False
    return {**new.document, "Status": ""} == {**old.document, "Status": ""}
