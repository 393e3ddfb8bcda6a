"""How far ahead of its reader a sender may be, and when it is told to go on. Pure state, no I/O."""

from __future__ import annotations

from attrs import define, field

MOST_BYTES = 1024 * 1024
"""Bytes that a window grows to at most: at 20 ms of round trip that is 50 MB/s."""

MOST_MESSAGES = 1024
"""Messages that the window of a channel grows to at most."""

GROWTH = 16 * 1024 * 1024
"""Bytes by which all the windows of a connection may have grown together."""

MESSAGE_COST = 1024
"""Bytes that one message more in a window counts for: what a small one takes in memory."""


@define(eq=False)
class Allowance:
    """What the windows of one connection may still grow by."""

    left: int = GROWTH


@define(eq=False)
class Window:
    """The window of one stream, or of a channel in bytes or in messages.

    It is opened again when half of it has been taken, so that a grant goes with many reads. Where its reader has taken
    all there was, the window is what holds the sender up: it doubles, up to `most`. A unit of it costs the connection's
    allowance `cost`.
    """

    size: int
    most: int
    allowance: Allowance
    cost: int = 1
    _taken: int = field(default=0, init=False)
    _grown: int = field(default=0, init=False)

    def take(self, amount: int, *, emptied: bool) -> int:
        """Count what the reader has taken; return what the sender is to be granted now, 0 where nothing yet."""
        self._taken += amount
        if self._taken < self.size // 2:
            return 0
        granted, self._taken = self._taken, 0
        return granted + (self._grow() if emptied else 0)

    def _grow(self) -> int:
        more = max(0, min(self.size, self.most - self.size, self.allowance.left // self.cost))
        self.allowance.left -= more * self.cost
        self.size += more
        self._grown += more
        return more

    def close(self) -> None:
        """Give back what it has grown by. Idempotent."""
        self.allowance.left += self._grown * self.cost
        self._grown = 0
