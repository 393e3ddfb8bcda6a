"""Keeping the roster in step with etcd: list, watch from there on, and start over whenever either fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import trio

from swarmkit.backoff import Backoff
from swarmkit.errors import SwarmError, Unavailable
from swarmkit.instance import open_instance
from swarmkit.rows import Missing
from swarmkit.source import Roster

from .client import EtcdClient
from .members import Members
from .messages import Change
from .watch import Watch, open_watch

log = logging.getLogger(__name__)

PROBE_INTERVAL = 3.0
"""Seconds between two looks at the endpoint of a watch. With the client's deadline, a frozen one is left within 8 s."""

RETRY_FIRST, RETRY_LAST = 0.25, 6.4
"""Seconds before all is listed again: the first wait, and the longest, which with its chance is 8."""

SETTLE_DEADLINE = 2.0
"""Seconds for which who asks at the beginning waits for etcd's first answer."""


class Follower:
    """What is listed in etcd, as a roster has it. Where etcd gives no answer, what was listed stays."""

    def __init__(self, client: EtcdClient, members: Members, roster: Roster, name: str) -> None:
        self._client = client
        self._members = members
        self._roster = roster
        self._name = name
        self._settled = trio.Event()
        self._failed = False  # whether the last listing did

    async def wait_settled(self) -> None:
        """Wait until etcd has answered for the first time, or is known not to, or has been silent for too long."""
        with trio.move_on_after(SETTLE_DEADLINE) as waiting:
            await self._settled.wait()
        if waiting.cancelled_caught and not self._settled.is_set():
            self._settle_without(f"no answer in {SETTLE_DEADLINE:g} s")

    def take(self, changes: Iterable[Change]) -> None:
        """Take what has changed, and list it so."""
        self._members.apply(changes)
        self._show()

    async def run(self) -> None:
        """Follow for ever."""
        backoff = Backoff(RETRY_FIRST, RETRY_LAST)
        while True:
            listed = trio.current_time()
            try:
                await self._list()
                listed = trio.current_time()
                await self._watch()
            except SwarmError as error:
                self._lost(error)
            await trio.sleep(backoff.wait(lasted=0 if self._failed else trio.current_time() - listed))

    async def _list(self) -> None:
        self._failed, failed = True, self._failed
        self._members.replace(await self._client.range(*self._members.keys.watched))
        self._failed = False
        self._settled.set()
        self._show()
        if failed:
            log.info("%s answers again", self._name)

    def _show(self) -> None:
        listing = self._members.listing()
        self._roster.update(listing.rows)
        self._roster.miss(listing.missing)

    def _lost(self, error: SwarmError) -> None:
        """Take note of why there is no listing, or none that is followed."""
        if not self._failed:
            log.info("%s: %s; all is listed again", self._name, error)
            return
        self._settle_without(error.message)

    def _settle_without(self, reason: str) -> None:
        """Say that etcd does not answer, and why."""
        self._settled.set()
        unread = self._members.listing().missing
        stays = "what was listed before stays, and " if self._members.revision else ""
        gap = Missing(self._name, f"{reason}; {stays}it is tried again")
        self._roster.miss([*unread, gap])

    async def _watch(self) -> None:
        """Follow the changes since the listing; there is no end but an error."""
        start, end = self._members.keys.watched
        async with (
            open_watch(self._client, start, end, self._members.revision + 1) as watch,
            open_instance() as nursery,
        ):
            nursery.start_soon(self._probe, watch)
            while True:
                self.take(await watch.receive())

    async def _probe(self, watch: Watch) -> None:
        """Look now and then whether a watch that says nothing has nothing to say; give it up where that is not so.

        Its endpoint must answer, which a frozen one does not, and have nothing that the watch has not said. Twice in
        turn, since what has just changed may be on its way. (etcd tells a watch of its progress every ten minutes, and
        takes no second request on the same POST.)
        """
        start, end = self._members.keys.watched
        lacked = -1
        while True:
            await trio.sleep(PROBE_INTERVAL)
            try:
                newest = await self._client.newest(watch.endpoint, start, end)
            except SwarmError as error:
                watch.give_up(error)
                return
            known = self._members.revision
            lacks = self._members.lacks(newest)
            if lacks and lacked == known:
                watch.give_up(Unavailable(f"the watch at {watch.endpoint.where} does not say what has changed"))
                return
            lacked = known if lacks else -1
