"""The connection to the far end: made, kept, and made again when it is lost; and what is known of that."""

from __future__ import annotations

import logging
from enum import Enum

import trio
from attrs import define, field

from swarmkit.backoff import Backoff
from swarmkit.errors import SwarmError, Unavailable
from swarmkit.transport import Dialer, dialling_reason
from swarmkit.wire import Peer, Side, open_peer

log = logging.getLogger(__name__)

DIAL_SECONDS = 10.0
"""How long an attempt to connect may take, the hello apart."""

RETRY_FIRST, RETRY_LAST = 0.5, 10.0
"""Seconds before a lost connection is made again: the first wait, and the longest. Up to a quarter is added."""


FAREWELL_SECONDS = 2.0
"""How long a far end that offers nothing may take to say why."""


class State(Enum):
    """What is known of a far end, in the words of an engine's."""

    CONNECTING = "connecting"
    UP = "healthy"
    DOWN = "unhealthy"


@define(eq=False)
class _Attempt:
    """One connection: why it takes no more calls, once that is so, and how long it took them."""

    reason: str = ""
    lasted: float = 0.0
    over: trio.Event = field(factory=trio.Event)

    def end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.over.set()


class Keeper:
    """Keep a connection up. `peer` is there while it is; `reason` says why it is not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.peer: Peer | None = None
        self.state = State.CONNECTING
        self.reason = "not reached yet"
        self.since = trio.current_time()
        self.settled = trio.Event()  # the first attempt is over
        self._hope = trio.Event()

    def hope(self) -> None:
        """Try now: the way to the far end has just opened."""
        self._hope.set()

    async def run(self, dialer: Dialer) -> None:
        """Connect, again and again, until cancelled."""
        backoff = Backoff(RETRY_FIRST, RETRY_LAST)
        async with trio.open_nursery() as nursery:
            while True:
                attempt = _Attempt()
                self._hope = trio.Event()
                nursery.start_soon(self._hold, dialer, attempt)
                await attempt.over.wait()
                self._mark_down(attempt.reason)
                with trio.move_on_after(backoff.wait(lasted=attempt.lasted)):
                    await self._hope.wait()

    async def _hold(self, dialer: Dialer, attempt: _Attempt) -> None:
        """Connect and hold the connection, after its last call for as long as something goes on there."""
        try:
            async with open_peer(await _dial(dialer), Side.INITIATOR) as peer:
                if not peer.offers:
                    raise await _why_nothing(peer)
                began = trio.current_time()
                self._mark_up(peer)
                await peer.wait_leaving()
                attempt.lasted = trio.current_time() - began
                attempt.end(str(peer.error or "it has ended the connection"))
                await peer.wait_ended()
        except SwarmError as error:
            attempt.end(error.message)

    def _mark_up(self, peer: Peer) -> None:
        log.info("%s is connected, with %s", self._name, peer.agent)
        self.peer = peer
        self._mark(State.UP, "")

    def _mark_down(self, reason: str) -> None:
        if self.state is not State.DOWN or reason != self.reason:  # else it has been said
            log.warning("%s is down: %s", self._name, reason)
        self.peer = None
        self._mark(State.DOWN, reason)

    def _mark(self, state: State, reason: str) -> None:
        if state is not self.state:
            self.since = trio.current_time()
        self.state, self.reason = state, reason
        self.settled.set()


async def _dial(dialer: Dialer) -> trio.abc.HalfCloseableStream:
    """Connect; raise `Unavailable` with the reason where that fails."""
    try:
        with trio.fail_after(DIAL_SECONDS):
            return await dialer()
    except trio.TooSlowError:
        raise Unavailable(f"no connection in {DIAL_SECONDS:g} s") from None
    except FileNotFoundError as error:
        raise Unavailable("there is no such socket; is there a `listen` on it?") from error
    except OSError as error:
        raise Unavailable(dialling_reason(error, dialer.address)) from error
    except trio.BrokenResourceError as error:
        raise Unavailable(str(error) or "the connection broke") from error


async def _why_nothing(peer: Peer) -> Unavailable:
    """Return why a far end offers no service, as it says itself if it does."""
    with trio.move_on_after(FAREWELL_SECONDS):
        await peer.wait_leaving()
    return Unavailable(str(peer.error or "it offers no service"))
