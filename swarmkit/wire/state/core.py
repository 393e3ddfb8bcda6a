"""What all parts of a connection's state use: the limits of both sides, what is to be told, and what is to be sent."""

from __future__ import annotations

from attrs import define, field

from ...errors import SwarmError, Unavailable
from ..events import Event
from ..frames import Type
from ..limits import MOST, Limits
from ..violations import Misuse, Violation
from .numbers import Numbered, Side, T
from .outbox import Outbox
from .tables import CONNECTION, Phase, State, Step, Table


@define(eq=False)
class Core:
    """The state of one connection that is not of one call, ref, channel or stream."""

    side: Side
    ours: Limits
    """What we take."""
    theirs: Limits = field(factory=Limits)
    """What the other is sent: what it takes, of refs, channels and streams no more than we do; first the defaults."""
    root_given: bool = False
    root_offered: bool = False
    greeting: bytes = b""
    """The first bytes, until they are written: before all that is in the outbox, whatever becomes of that."""
    outbox: Outbox = field(factory=Outbox)
    events: list[Event] = field(factory=list)
    phase: Phase = Phase.PREFACE
    error: SwarmError | None = None
    """Why no more calls can be made."""

    def step(self, step: Step) -> None:
        """Go to the phase that a step leads to; `Misuse` where it leads nowhere."""
        phase = CONNECTION[self.phase].get(step)
        if phase is None:
            raise Misuse(f"not possible {self.phase.value}: {step.value}")
        self.phase = phase

    @property
    def is_open(self) -> bool:
        """Whether the other peer has come, and has not gone."""
        return self.phase not in (Phase.PREFACE, Phase.HELLO, Phase.OVER)

    def check_open(self) -> None:
        """Raise `Misuse` before the other peer's HELLO has come: nothing may be sent."""
        if self.phase in (Phase.PREFACE, Phase.HELLO):
            raise Misuse("the other peer has not come yet")

    def start_events(self) -> list[Event]:
        """Return a new list, into which the events go from now on."""
        self.events = []
        return self.events


def received(table: Table, things: Numbered[T], number: int, kind: Type) -> T | None:
    """Return what a frame of the other peer is about, None if that is over; `Violation` where it may not come."""
    thing = things.live.get(number)
    state = things.state_without(number) if thing is None else thing.state
    if kind not in table[state]:
        raise Violation(f"{kind.name} for {things.kind} {number}, which {state.value}")
    return thing


def find(things: Numbered[T], number: int) -> T | None:
    """Return what lives with a number, None if it is over; `Misuse` for a number that never was."""
    thing = things.live.get(number)
    if thing is None and things.state_without(number) is State.UNKNOWN:
        raise Misuse(f"there never was a {things.kind} {number}")
    return thing


def check_room(things: Numbered[T], limit: int) -> None:
    """Raise `Unavailable` where the other peer is given no more of our things."""
    if len(things.live) >= limit:
        raise Unavailable(f"the other peer has {limit} {things.kind}s, and is given no more at a time")


def check_new(things: Numbered[T], number: int, limit: int) -> None:
    """Raise `Violation` where the other peer may not give a thing with this number, or has given all that we take."""
    things.check_new(number)
    if len(things.live) >= limit:
        raise Violation(f"a {things.kind} more than the {limit} that are taken")


def widened(have: int, more: int) -> int:
    """Return a window with so much more; raise OverflowError above what a window may be."""
    if have + more > MOST:
        raise OverflowError(f"a window of {have + more}, where {MOST} is the most")
    return have + more
