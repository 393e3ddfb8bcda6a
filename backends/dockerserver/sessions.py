"""Which host a build has gone to: all requests of one build must reach the same, and say so by its ids, if at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio
from attrs import define, evolve, field, frozen
from trio.lowlevel import ParkingLot

from swarmkit.message import Message, Path
from swarmkit.streams import HookedStream

Choose = Callable[[], Awaitable[Path]]


@define(eq=False)
class _Held:
    host: Path
    count: int = 0


@define(eq=False)
class BuildHosts:
    """The hosts of what is being built, by any of the ids that its requests carry.

    An id is known for as long as a request that has it goes on. `last` is the host that was chosen last.
    """

    last: Path | None = None
    _held: dict[str, _Held] = field(factory=dict, init=False)
    _waiting: ParkingLot = field(factory=ParkingLot, init=False)
    _choosing: trio.Lock = field(factory=trio.Lock, init=False)

    def find(self, id: str) -> Path | None:
        """Return the host of an id that is known."""
        held = self._held.get(id)
        return held.host if held is not None else None

    async def wait_for(self, id: str, seconds: float) -> Path | None:
        """Return the host of an id; wait for another request to make it known, `seconds` at most."""
        with trio.move_on_after(seconds):
            while id not in self._held:
                await self._waiting.park()
        return self.find(id)

    async def take(self, ids: Sequence[str], choose: Choose) -> Lease:
        """Return the host of the first of the ids that is known, else a chosen one, held for all of them.

        One at a time chooses, so that two requests with one id do not choose two hosts.
        """
        async with self._choosing:
            host = next((self._held[id].host for id in ids if id in self._held), None)
            if host is None:
                host = self.last = await choose()
            return self._hold([id for id in ids if self.find(id) in (None, host)], host)

    def _hold(self, ids: Sequence[str], host: Path) -> Lease:
        for id in ids:
            self._held.setdefault(id, _Held(host)).count += 1
        self._waiting.unpark_all()
        return Lease(self, host, tuple(ids))

    def give_back(self, ids: Sequence[str]) -> None:
        """Forget the ids that no other request has."""
        for id in ids:
            held = self._held[id]
            held.count -= 1
            if not held.count:
                del self._held[id]


@frozen(eq=False)
class Lease:
    """A host, held for some ids until it is given back, which is done once."""

    _hosts: BuildHosts
    host: Path
    _ids: tuple[str, ...]

    def give_back(self) -> None:
        """Hold it no longer."""
        self._hosts.give_back(self._ids)

    def until_ended(self, reply: Message) -> Message:
        """Return a reply whose stream gives it back when it ends."""
        if reply.att is None:
            self.give_back()
            return reply
        return evolve(reply, att=HookedStream(reply.att, self.give_back))
