"""One collection of an engine as a watch tells it: listed as a whole, and again what events mark.

When that is done, and what a failure means, is `watch`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import trio

from swarmkit.channel import Sender
from swarmkit.engine.image_rows import counts_users
from swarmkit.message import Message, Path, Verb
from swarmkit.rows import Row

from .listing import EngineListing, Snapshot

FETCHED_AT_ONCE = 200
"""Containers that one request names at most: it names them in its target."""

UNSETTLED_SECONDS = 0.02
"""Wait before a container whose row lags is fetched again; each is twice as long as the one before, up to a minute.

An engine (20.10) tells a pause a moment before its list has it, and a renaming before it lets go of the old name.
"""

REST = 3.0
"""Rest after a whole listing that events asked for, in times that it took: many events cost an engine no more."""


class Tracked:
    """What has been said of a collection, and what of it has been marked as changed since.

    What changes is said as `put` and `gone`, to begin with as `have`. Sending raises `trio.BrokenResourceError` where
    nobody listens any more.
    """

    def __init__(self, collection: str, listing: EngineListing, sender: Sender) -> None:
        self.collection = collection
        self.counts_users = False
        """Whether the rows say how many containers use each (images, from API 1.51 on)."""
        self._listing = listing
        self._sender = sender
        self._rows: dict[str, Row] = {}
        self._compared = False
        self._dirty: set[str] = set()
        self._unsettled: set[str] = set()  # of containers
        self._again = 0  # times that they were fetched again
        self._woken = trio.Event()

    def mark(self, id: str) -> None:
        """Take note that a row has changed; `""` is any row."""
        self._dirty.add(id)
        self._woken.set()

    async def compare(self) -> None:
        """List all there is, and say what differs from what has been said."""
        snapshot = await self._list()
        kind = "put" if self._compared else "have"
        now = {row.id: row for row in snapshot.rows}
        for row in now.values():
            if row != self._rows.get(row.id):
                args = {"kind": kind, "row": row.to_plain(), "stamp": snapshot.stamp}
                # Waiting for room: there may be very many.
                await self._sender.send(Message(Verb.WATCH, row.path, args))
        for gone in self._rows.keys() - now.keys():
            self._offer("gone", (self.collection, gone), stamp=snapshot.stamp)
        self._rows, self._compared = now, True
        self._unsettled = set(_unsettled(snapshot.rows))
        self.counts_users = self.collection == "images" and any(counts_users(row.document) for row in snapshot.rows)

    async def _list(self) -> Snapshot:
        if self.collection == "containers":
            return await self._listing.containers(detail=True)
        return await self._listing.whole(self.collection)

    async def follow(self) -> None:
        """Fetch what is marked, many at a time, for ever."""
        while True:
            with trio.move_on_after(self._patience()):
                await self._woken.wait()
            self._woken = trio.Event()
            ids, self._dirty = sorted(self._dirty | self._unsettled), set()
            if "" in ids:
                began = trio.current_time()
                ids = sorted({*ids, *await self._list_anew()} - {""})
                await trio.sleep(REST * (trio.current_time() - began))
            for start in range(0, len(ids), FETCHED_AT_ONCE):
                await self._fetch(ids[start : start + FETCHED_AT_ONCE])

    def _patience(self) -> float:
        """Return how long to wait for an event: for ever, unless a row lags."""
        self._again = min(self._again + 1, 12) if self._unsettled else 0
        return min(UNSETTLED_SECONDS * 2.0 ** (self._again - 1), 60.0) if self._unsettled else math.inf

    async def _list_anew(self) -> set[str]:
        """Compare with a new list; return the ids of containers that differ, whose detail is not in the list."""
        if self.collection != "containers":
            await self.compare()
            return set()
        rows = (await self._listing.containers()).rows
        known = {id: _lasting(row) for id, row in self._rows.items()}
        return {row.id for row in rows if _lasting(row) != known.get(row.id)} | (
            known.keys() - {row.id for row in rows}
        )

    async def _fetch(self, ids: Sequence[str]) -> None:
        snapshot = await self._listing.containers(ids=ids, detail=True)
        self._unsettled = (self._unsettled - set(ids)) | set(_unsettled(snapshot.rows))
        for row in snapshot.rows:
            self._rows[row.id] = row
            self._offer("put", row.path, row=row.to_plain(), stamp=snapshot.stamp)
        for gone in set(ids) - {row.id for row in snapshot.rows}:
            self._rows.pop(gone, None)
            self._offer("gone", (self.collection, gone), stamp=snapshot.stamp)

    def _offer(self, kind: str, path: Path, **args: Any) -> None:
        self._sender.offer(Message(Verb.WATCH, path, {"kind": kind, **args}))


def _lasting(row: Row) -> dict[str, Any]:
    """Return a container's document without the text of its status, which changes with the time."""
    return {**row.document, "Status": ""}


def _unsettled(rows: Iterable[Row]) -> list[str]:
    """Return the ids of containers that have two names of their own, lag behind their inspect, or are going."""
    return [row.id for row in rows if row.path[0] == "containers" and (len(row.names) > 1 or _lags(row))]


def _lags(row: Row) -> bool:
    if not row.detail:
        return True
    state = (row.detail.get("State") or {}).get("Status")
    return bool(state) and state != row.document.get("State")
