"""The numbers of calls, refs, channels and streams: who chooses which, which live, which are over (section 1)."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

from attrs import define, field

from ...errors import Unavailable
from ..violations import Violation
from .tables import State


@define(eq=False)
class Thing:
    """What has a number: a call, a ref, a channel or a stream, seen from one end."""

    state: State = field(default=State.OPEN, kw_only=True)


T = TypeVar("T", bound=Thing)
LAST = 2**32 - 1


class Side(Enum):
    """Who connected, and who was connected to; the value is the first number that a side chooses."""

    INITIATOR = 1
    ACCEPTOR = 2

    @property
    def other(self) -> Side:
        return Side.ACCEPTOR if self is Side.INITIATOR else Side.INITIATOR


class Numbered(Generic[T]):
    """The things of one kind that one side numbers.

    Only those that live are kept: as numbers rise, one that is not above the highest and does not live is over.
    """

    def __init__(self, kind: str, side: Side) -> None:
        self.kind = kind
        self.live: dict[int, T] = {}
        self.highest = 0
        self._first = side.value

    def next(self) -> int:
        """Return the number that `add` takes now; raise `Unavailable` where they are used up."""
        if self.used_up:
            raise Unavailable(f"this connection has no number left for a {self.kind}, and is to be made anew")
        return self.highest + 2 if self.highest else self._first

    @property
    def used_up(self) -> bool:
        """Whether there is no number left: after two thousand million."""
        return self.highest > LAST - 2

    def add(self, thing: T) -> int:
        """Give a thing of our own its number."""
        self.highest = number = self.next()
        self.live[number] = thing
        return number

    def check_new(self, number: int) -> None:
        """Raise `Violation` for a number that the other peer may not choose."""
        if not self.highest < number <= LAST or number % 2 != self._first % 2:
            raise Violation(f"{self.kind} {number} is no new one after {self.highest}")

    def admit(self, number: int, thing: T) -> None:
        """Take a thing that the other peer numbered, as `check_new` allows."""
        self.skip(number)
        self.live[number] = thing

    def skip(self, number: int) -> None:
        """Take a number of the other peer's for a thing that is over at once."""
        self.highest = number

    def state_without(self, number: int) -> State:
        """Tell what state a number is in that does not live."""
        known = 0 < number <= self.highest and number % 2 == self._first % 2
        return State.OVER if known else State.UNKNOWN

    def end(self, number: int) -> T:
        """Let a thing that lives be over."""
        return self.live.pop(number)
