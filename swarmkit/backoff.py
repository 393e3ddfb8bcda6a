"""How long to wait before what was lost is tried again."""

from __future__ import annotations

import random


class Backoff:
    """Waits in seconds, each twice as long as the one before, from the `first` up to the `longest`.

    Up to a quarter is added, so that many do not come at once.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def wait(self, *, lasted: float = 0.0, settled: bool = False) -> float:
        """Return the seconds to wait, after a connection that `lasted` so long, or none at all.

        One that has lasted longer than the longest wait makes them short again. Where it is `settled` that we are not
        let in, the wait is the longest: who tries more often is banned.
        """
        if lasted > self._longest:
            self.reset()
        wait = self._longest if settled else self._next
        self._next = min(self._next * 2, self._longest)
        return wait * random.uniform(1, 1.25)

    def reset(self) -> None:
        """Begin with the first wait again: all is well."""
        self._next = self._first
