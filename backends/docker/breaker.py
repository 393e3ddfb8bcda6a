"""The breaker: a host that comes and goes is kept out until it has stayed. Pure state, no I/O; times are given.

Each change of a host's state changes what everybody sees. The first two losses heal with the first answer, since most
hosts that are lost are lost once.
"""

from __future__ import annotations

from collections import deque

LOSSES, WINDOW = 3, 60.0
"""So many losses in so many seconds are one too many."""

HOLD_FIRST, HOLD_LAST = 5.0, 60.0
"""Seconds for which the host then has to answer every ping: at first, and at most. They double with each loss."""

FORGET = 300.0
"""Seconds of health after which it all begins anew."""


class Breaker:
    """Judge each answer, or the lack of one. In any 60 seconds a host's state changes at most 12 times."""

    def __init__(self) -> None:
        self._up = False
        self._back = 0.0  # when it was last taken for healthy
        self._recent: deque[float] = deque(maxlen=LOSSES)
        self._hold = 0.0  # seconds to answer for; none while losses are few
        self._first, self._count = 0.0, 0  # of the losses that brought it here
        self._steady: float | None = None  # since when it has answered every ping
        self._failure = ""

    def judge(self, now: float, failure: str | None) -> str | None:
        """Take what a ping has shown at a time in seconds: why there was no answer, or None.

        Return why the host counts as unhealthy; None where it is healthy.
        """
        if failure is not None:
            if self._up:
                self._lose(now)
            self._up, self._steady, self._failure = False, None, failure
        elif self._steady is None:
            self._steady = now
        if not self._up and self._hold and not self._stayed(now):
            return self._words()
        if failure is None and not self._up:
            self._up, self._back = True, now
        return failure

    def _lose(self, now: float) -> None:
        if now - self._back >= FORGET:
            self._hold = 0.0
            self._recent.clear()
        self._recent.append(now)
        if self._hold:
            self._count += 1
            self._hold = min(2 * self._hold, HOLD_LAST)
        elif len(self._recent) == LOSSES and now - self._recent[0] <= WINDOW:
            self._first, self._count, self._hold = self._recent[0], LOSSES, HOLD_FIRST

    def _stayed(self, now: float) -> bool:
        return self._steady is not None and now - self._steady >= self._hold

    def _words(self) -> str:
        lost = f"lost {self._count} times in {self._recent[-1] - self._first:.0f} s"
        return (
            f"it comes and goes ({lost}): taken back when it has answered for {self._hold:g} s; last: {self._failure}"
        )
