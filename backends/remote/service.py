"""The far end as a service: what it answers while it is there, and that it is not while it is not."""

from __future__ import annotations

from collections.abc import Sequence

import trio
from attrs import evolve

from swarmkit.errors import SwarmError, Timeout, Unavailable, host_down
from swarmkit.message import Message, Verb, ack
from swarmkit.rows import Listing, Row
from swarmkit.service import close_ends
from swarmkit.wire import Peer

from .keeping import Keeper, State

FIRST_SECONDS = 2.0
"""How long calls wait for the first attempt to connect; after it none waits for any."""

_NODES = ("nodes",)


class RemoteService:
    """Call the far end. Nothing is asked twice: what a lost connection has left open fails, and says how."""

    def __init__(self, name: str, address: str, keeper: Keeper) -> None:
        self.name = name
        self._address = address
        self._keeper = keeper
        self._nodes: Sequence[Row] = ()  # as they were seen last

    async def __call__(self, message: Message, /) -> Message:
        peer = await self._connected(message)
        asks_nodes = message.verb is Verb.LS and message.path == _NODES
        if peer is None:
            await close_ends(message)
            if asks_nodes:
                return ack(Listing(tuple(self._lost_nodes())).to_args())
            raise host_down(self.name, self._keeper.reason)
        try:
            reply = await peer.root(message)
        except (Unavailable, Timeout) as error:
            raise self._named(error, peer) from error
        if asks_nodes:
            self._nodes = Listing.of(reply).rows
        return reply

    async def _connected(self, message: Message) -> Peer | None:
        if not self._keeper.settled.is_set():
            try:
                with trio.move_on_after(FIRST_SECONDS):
                    await self._keeper.settled.wait()
            except BaseException:
                with trio.CancelScope(shield=True):
                    await close_ends(message)
                raise
        return self._keeper.peer

    def _named(self, error: SwarmError, peer: Peer) -> SwarmError:
        """Return an error as one of this host, if it is one of the connection and not of what is behind it."""
        if not peer.leaving or error.details:
            return error
        reason = str(peer.error or error)
        if isinstance(error, Timeout):
            return Timeout(f"host {self.name}: {error.message}", host=self.name, reason=reason)
        return host_down(self.name, reason)

    def _lost_nodes(self) -> list[Row]:
        """Return the hosts that were seen last, or one in their place, as lost."""
        keeper = self._keeper
        state = {
            "State": (State.DOWN if self._nodes else keeper.state).value,
            "Reason": keeper.reason,
            "StateSeconds": round(trio.current_time() - keeper.since, 3),
        }
        here = {"Name": self.name, "Address": self._address}
        # A row with a member: whoever asks takes this for many hosts, which it may turn out to be, and not for one.
        rows = self._nodes or [Row(name=self.name, path=("nodes", self.name), member=self.name, document=here)]
        return [evolve(row, lost=keeper.reason, document={**row.document, **state}) for row in rows]
