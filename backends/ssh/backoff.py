"""How long to wait before a lost connection is made again."""

from __future__ import annotations

import random

RETRY_FIRST, RETRY_LAST = 1.0, 30.0
"""Seconds of the first wait, and of the longest. Up to a quarter is added, so that many do not come at once."""


class Backoff:
    """Waits, each twice as long as the one before. A connection that has lasted makes them short again."""

    def __init__(self) -> None:
        self._next = RETRY_FIRST

    def wait(self, *, lasted: float = 0.0, settled: bool = False) -> float:
        """Return the seconds to wait, after a connection that `lasted` so long, or none at all.

        Where it is `settled` that we are not let in, the wait is the longest: who tries more often is banned.
        """
        if lasted > RETRY_LAST:
            self._next = RETRY_FIRST
        wait = RETRY_LAST if settled else self._next
        self._next = min(self._next * 2, RETRY_LAST)
        return wait * random.uniform(1, 1.25)
