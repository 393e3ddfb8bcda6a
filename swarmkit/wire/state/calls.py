"""Calls: those that we make and those that we take (section 5, "A call")."""

from __future__ import annotations

from functools import partial

from attrs import define

from ...errors import SwarmError, Timeout, Unavailable
from ..events import Called, Cancelled, Failed, Replied
from ..frames import NULL, Type
from ..messages import NO_ENDS, Ends, WireMessage
from ..payloads import decode_call, decode_error, decode_reply, encode_error
from ..violations import Misuse, Violation
from .core import Core, find, received
from .handover import Handover
from .numbers import Numbered, Thing
from .tables import CALL, Phase, State


@define(eq=False)
class Made(Thing):
    """A call that we made."""

    size: int
    sent: bool = False
    """Whether its last byte has been handed out, so that it may have been taken."""

    def mark_sent(self) -> None:
        self.sent = True


@define(eq=False)
class Taken(Thing):
    """A call that we took. Once answered (OVER) it counts until the answer has been written."""

    size: int


class Calls:
    """All calls of a connection."""

    def __init__(self, core: Core, handover: Handover) -> None:
        self._core = core
        self._handover = handover
        self.made: Numbered[Made] = Numbered("call", core.side)
        self.taken: Numbered[Taken] = Numbered("call", core.side.other)
        self._made_size = 0
        self._taken_size = 0
        self._dropped = 0

    # --- those that we make

    @property
    def has_room(self) -> bool:
        """Whether the other peer takes a call."""
        theirs = self._core.theirs
        return len(self.made.live) < theirs.calls and self._made_size < theirs.call_bytes

    def call(self, ref: int, message: WireMessage) -> tuple[int, Ends]:
        """Send a CALL."""
        self._handover.refs.check_callable(ref)
        if not self.has_room:
            raise Misuse("a call beyond what the other peer takes")
        ends, payload = self._handover.encode(message, ref)
        made = Made(len(payload))
        number = self.made.add(made)
        self._made_size += made.size
        ticket = self._core.outbox.queue(Type.CALL, number, payload, made.mark_sent, carries=ends != NO_ENDS)
        self._handover.commit(message, ends, ticket)
        return number, ends

    def cancel(self, number: int) -> None:
        """Send a CANCEL."""
        made = find(self.made, number)
        if made is not None and made.state is State.OPEN:
            made.state = State.GIVEN_UP
            self._core.outbox.queue(Type.CANCEL, number, NULL)

    def replied(self, number: int, payload: bytes) -> None:
        """Take a REPLY; one that nobody waits for is dropped with what it carries."""
        made = self._waiting(number, Type.REPLY)
        message, ends = decode_reply(payload, self._core.ours)
        self._handover.take(message, ends)
        self._end_made(number)  # not before: a violation is to find it open, and to fail it
        if made.state is State.OPEN:
            self._core.events.append(Replied(number, message, ends))
        else:
            self._handover.drop(message, ends)

    def failed(self, number: int, payload: bytes) -> None:
        """Take an ERROR."""
        made = self._waiting(number, Type.ERROR)
        error = decode_error(payload, self._core.ours)
        self._end_made(number)
        if made.state is State.OPEN:
            self._core.events.append(Failed(number, error))

    def _waiting(self, number: int, kind: Type) -> Made:
        made = received(CALL, self.made, number, kind)
        if made is None or not made.sent:
            raise Violation(f"{kind.name} for call {number}, which has not been sent")
        return made

    def _end_made(self, number: int) -> Made:
        made = self.made.end(number)
        self._made_size -= made.size
        return made

    def refuse_above(self, last: int, error: SwarmError) -> None:
        """Fail the calls that the other peer, leaving, will not answer."""
        highest = self.made.highest
        if last and (last > highest or last % 2 != self._core.side.value % 2):
            raise Violation(f"a GOAWAY that names call {last}, where {highest} is the last")
        for number in [number for number in self.made.live if number > last]:
            made = self._end_made(number)
            if made.state is State.OPEN:
                reason = f"the other peer is leaving and takes no more calls: {error.message}"
                self._core.events.append(Failed(number, Unavailable(reason)))

    # --- those that we take

    def called(self, number: int, payload: bytes) -> None:
        """Take a CALL; one that comes after our GOAWAY is dropped with what it carries."""
        ours = self._core.ours
        if len(self.taken.live) + self._dropped >= ours.calls:
            raise Violation(f"a call more than the {ours.calls} that are taken at a time")
        if self._taken_size >= ours.call_bytes:
            raise Violation(f"a call beyond the {ours.call_bytes} bytes that are taken at a time")
        ref, message, ends = decode_call(payload, ours)
        self._handover.refs.check_called(ref)
        self.taken.check_new(number)
        self._handover.take(message, ends)
        if self._core.phase in (Phase.LEAVING, Phase.PARTING):
            self.taken.skip(number)
            self._dropped += 1
            self._handover.drop(message, ends)
            return
        self.taken.admit(number, Taken(len(payload)))
        self._taken_size += len(payload)
        self._core.events.append(Called(number, ref, message, ends))

    def cancelled(self, number: int) -> None:
        """Take a CANCEL; one for a call that has been answered has crossed the answer."""
        taken = received(CALL, self.taken, number, Type.CANCEL)
        if taken is not None and taken.state is State.OPEN:
            taken.state = State.GIVEN_UP
            self._core.events.append(Cancelled(number))

    def reply(self, number: int, message: WireMessage) -> Ends | None:
        """Send a REPLY."""
        taken = self._to_be_answered(number)
        if taken is None:
            return None
        ends, payload = self._handover.encode(message)
        ticket = self._answer(number, taken, Type.REPLY, payload, carries=ends != NO_ENDS)
        self._handover.commit(message, ends, ticket)
        return ends

    def fail(self, number: int, error: SwarmError) -> None:
        """Send an ERROR."""
        taken = self._to_be_answered(number)
        if taken is not None:
            theirs = self._core.theirs
            self._answer(number, taken, Type.ERROR, encode_error(error, theirs, theirs.message))

    def _to_be_answered(self, number: int) -> Taken | None:
        taken = find(self.taken, number)
        return None if taken is None or taken.state is State.OVER else taken

    def _answer(self, number: int, taken: Taken, kind: Type, payload: bytes, *, carries: bool = False) -> int:
        taken.state = State.OVER
        return self._core.outbox.queue(kind, number, payload, partial(self._forget, number), carries=carries)

    def _forget(self, number: int) -> None:
        self._taken_size -= self.taken.end(number).size

    # --- the end

    def end(self, reason: str) -> None:
        """Let all be over, and tell."""
        events = self._core.events
        for number, made in self.made.live.items():
            if made.state is State.OPEN:
                events.append(Failed(number, _unanswered(made, reason)))
        events += (Cancelled(number) for number, taken in self.taken.live.items() if taken.state is State.OPEN)
        self.made.live.clear()
        self.taken.live.clear()
        self._made_size = self._taken_size = 0


def _unanswered(made: Made, reason: str) -> SwarmError:
    if made.sent:
        return Timeout(f"no answer came before the connection ended, and the outcome is unknown: {reason}")
    return Unavailable(f"the connection ended before the call was sent: {reason}")
