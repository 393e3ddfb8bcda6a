"""Services handed over: those that we gave, which the other peer calls, and those that we hold (section 5, "A ref")."""

from __future__ import annotations

from ...errors import NotFound, Unavailable
from ..events import Released
from ..frames import Type
from .core import Core, check_new, check_room, find, received
from .numbers import Numbered, Thing
from .tables import REF, State


class Refs:
    """All refs of a connection. One that was released here counts until the RELEASE has been written."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.given: Numbered[Thing] = Numbered("ref", core.side)
        self.held: Numbered[Thing] = Numbered("ref", core.side.other)

    # --- ours

    def next(self) -> int:
        """Return the number of the next service that we give; raise `Unavailable` where the other takes none."""
        check_room(self.given, self._core.theirs.refs)
        return self.given.next()

    def check_called(self, ref: int) -> None:
        """Raise `Violation` where the other peer may not call this."""
        if ref == 0 and self._core.root_given:
            return
        received(REF, self.given, ref, Type.CALL)

    def released(self, ref: int) -> None:
        """Take a RELEASE."""
        received(REF, self.given, ref, Type.RELEASE)
        self.given.end(ref)
        self._core.events.append(Released(ref))

    def give(self) -> None:
        """Begin a service."""
        self.given.add(Thing())

    # --- the other's

    def check_new(self, number: int) -> None:
        """Raise `Violation` where the other peer may not give this."""
        check_new(self.held, number, self._core.ours.refs)

    def admit(self, ref: int) -> None:
        """Take a service that the other peer gives."""
        self.held.admit(ref, Thing())

    def check_callable(self, ref: int) -> None:
        """Raise what the caller is to see where a service cannot be called."""
        if ref == 0:
            if not self._core.root_offered:
                raise NotFound("the other peer offers no service")
            return
        held = find(self.held, ref)
        if held is None or held.state is not State.OPEN:
            raise Unavailable("this service of the other peer has been released")

    def release(self, ref: int) -> None:
        """Give a service up, behind the calls to it that wait to be written."""
        held = find(self.held, ref)
        if held is not None and held.state is State.OPEN:
            held.state = State.GIVEN_UP
            self._core.outbox.queue(Type.RELEASE, ref, done=lambda: self._forget(ref))

    def _forget(self, ref: int) -> None:
        self.held.end(ref)

    def end(self) -> None:
        """Let all be over, and tell of those that we gave."""
        self._core.events += (Released(ref) for ref in self.given.live)
        self.given.live.clear()
        self.held.live.clear()
