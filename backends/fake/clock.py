"""The engine's wall clock, driven by trio's: under a virtual clock hours pass in no time, and timestamps say so."""

from __future__ import annotations

import time

import trio

from swarmkit.engine.times import SECOND


class Clock:
    """Wall time in nanoseconds since the Unix epoch, from an instant given (by default: now) onwards."""

    def __init__(self, epoch: int | None = None) -> None:
        self._epoch = time.time_ns() if epoch is None else epoch
        self._started = trio.current_time()
        self._last = 0

    def now(self) -> int:
        """Return the time; it may be the same twice."""
        return self._epoch + int((trio.current_time() - self._started) * SECOND)

    def stamp(self) -> int:
        """Return a time later than every stamp before: what happens in order is dated in order.

        A virtual clock stands still between two waits, and an engine's events are told apart by their times.
        """
        self._last = max(self.now(), self._last + 1000)
        return self._last
