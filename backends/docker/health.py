"""Whether an engine answers: a state, the reason for it, and the task that finds out.

A ping on a connection of its own tells dead (refused, reset) and hung (no answer in time) from busy (a request of ours
takes long, the ping does not). `traffic` tells hung from behind a full way, and `breaker` when a host is taken back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from enum import Enum

import trio

from swarmkit.backoff import Backoff

from .breaker import Breaker
from .traffic import Traffic

log = logging.getLogger(__name__)

PING_INTERVAL = 1.0
"""Seconds between two pings of a healthy engine."""

PING_DEADLINE = 2.0
"""Seconds that a ping may take before the engine counts as hung, where nothing else comes of it meanwhile."""

RETRY_FIRST, RETRY_LAST = 0.5, 5.0
"""Seconds before an unhealthy engine is tried again: the first wait, and the longest. Up to a quarter is added."""


class State(Enum):
    """What is known of an engine."""

    CONNECTING = "connecting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Health:
    """The present state; `wait_change` lets others follow it.

    `since` is when it began by trio's clock, `since_time` by the wall's, in nanoseconds since the Unix epoch. `traffic`
    is told of by whoever has connections to the engine.
    """

    def __init__(self) -> None:
        self.traffic = Traffic()
        self.state = State.CONNECTING
        self.reason = "not reached yet"
        self.since, self.since_time = trio.current_time(), time.time_ns()
        self._breaker = Breaker()
        self.settled = trio.Event()
        self._changed = trio.Event()
        self._suspect = trio.Event()
        self._hope = trio.Event()
        self._when_lost: list[Callable[[str], None]] = []

    @property
    def healthy(self) -> bool:
        return self.state is State.HEALTHY

    def when_lost(self, told: Callable[[str], None]) -> None:
        """Have `told` called, with the reason, each time the engine becomes unhealthy."""
        self._when_lost.append(told)

    def suspect(self) -> None:
        """Ask for a ping now: somebody's connection has just failed."""
        self._suspect.set()

    def hope(self) -> None:
        """Have an engine that did not answer tried now: the way to it has just opened."""
        self._hope.set()

    def mark(self, state: State, reason: str = "") -> bool:
        """Set the state; return whether it is another than before."""
        changed, said = state is not self.state, reason != self.reason
        if changed:
            self.since, self.since_time = trio.current_time(), time.time_ns()
        self.state, self.reason = state, reason
        self.settled.set()
        if changed or said:
            self.announce()
        if changed and state is State.UNHEALTHY:
            for told in self._when_lost:
                told(reason)
        return changed

    def announce(self) -> None:
        """Wake those who wait for a change: what is known of the engine has changed, though not its state."""
        self._changed.set()
        self._changed = trio.Event()

    async def wait_change(self) -> None:
        """Wait until the state is another, or something else is known of the engine."""
        await self._changed.wait()

    async def wait_healthy(self) -> None:
        """Wait until the engine answers."""
        while not self.healthy:
            await self._changed.wait()

    async def wait_lost(self) -> None:
        """Wait until the engine is known not to answer."""
        while self.state is not State.UNHEALTHY:
            await self._changed.wait()

    async def watch(self, name: str, ping: Callable[[bool], Awaitable[str | None]]) -> None:
        """Ping for ever and keep the state; `ping` returns why the engine does not answer, or None.

        It is told whether to ask on a new connection: where there is doubt, an old one that works proves little.
        """
        backoff = Backoff(RETRY_FIRST, RETRY_LAST)
        while True:
            anew = self._suspect.is_set() or not self.healthy
            self._suspect, self._hope = trio.Event(), trio.Event()
            failure = await self._ask(ping, anew)
            self._note(name, self._breaker.judge(trio.current_time(), failure))
            if failure is None:
                backoff.reset()
                with trio.move_on_after(PING_INTERVAL):
                    await self._suspect.wait()
                continue
            with trio.move_on_after(backoff.wait()):
                await self._hope.wait()

    async def _ask(self, ping: Callable[[bool], Awaitable[str | None]], anew: bool) -> str | None:
        began = trio.current_time()
        try:
            return await self.traffic.patiently(PING_DEADLINE, lambda: ping(anew))
        except trio.TooSlowError:
            return f"no answer to a ping in {int(max(PING_DEADLINE, trio.current_time() - began))} s"

    def _note(self, name: str, reason: str | None) -> None:
        if reason is None:
            if self.mark(State.HEALTHY):
                log.info("%s is healthy", name)
        elif self.mark(State.UNHEALTHY, reason):
            log.warning("%s is unhealthy: %s", name, reason)
