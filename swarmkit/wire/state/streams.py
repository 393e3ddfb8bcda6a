"""Byte streams: those that we write and those that we read (section 5, "A stream")."""

from __future__ import annotations

from attrs import define

from ...errors import SwarmError, Unavailable
from ..events import Credited, Cut, DataReceived, EofReceived, Stopped
from ..frames import Type
from ..limits import MOST
from ..payloads import decode_credit, decode_error, encode_error
from ..violations import Misuse, Violation
from .core import Core, check_new, check_room, find, received, widened
from .numbers import Numbered, Thing
from .outbox import CHUNK
from .tables import STREAM, State


@define(eq=False)
class Written(Thing):
    """A stream that we write: what may be sent, and what in the outbox it is to be behind."""

    window: int
    ticket: int


@define(eq=False)
class Read(Thing):
    """A stream that we read: what may still come."""

    window: int


class Streams:
    """All streams of a connection."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.written: Numbered[Written] = Numbered("stream", core.side)
        self.read: Numbered[Read] = Numbered("stream", core.side.other)

    # --- writing

    def next(self) -> int:
        """Return the number of the next stream that we give; raise `Unavailable` where the other takes none."""
        check_room(self.written, self._core.theirs.streams)
        return self.written.next()

    def give(self, ticket: int) -> None:
        """Begin a stream, behind the message that brings it."""
        self.written.add(Written(self._core.theirs.stream_bytes, ticket))

    def room(self, number: int) -> int:
        """Return how many bytes may be sent at once."""
        stream = find(self.written, number)
        return 0 if stream is None else min(stream.window, self._core.theirs.frame, CHUNK)

    def send_data(self, number: int, data: bytes | memoryview) -> None:
        """Send a DATA."""
        stream = find(self.written, number)
        if stream is None:
            return
        size = len(data)
        if not 0 < size <= self.room(number):
            raise Misuse(f"{size} bytes of data, where there is room for 1 to {self.room(number)}")
        stream.window -= size
        stream.ticket = self._core.outbox.put(Type.DATA, number, data, after=stream.ticket)

    def send_eof(self, number: int) -> None:
        """End a stream well."""
        if find(self.written, number) is not None:
            self._core.outbox.put(Type.EOF, number, after=self.written.end(number).ticket)

    def reset(self, number: int, error: SwarmError) -> None:
        """Cut a stream."""
        if find(self.written, number) is not None:
            payload = encode_error(error, self._core.theirs, self._core.outbox.frame)
            self._core.outbox.put(Type.RESET, number, payload, after=self.written.end(number).ticket)

    def credited(self, number: int, payload: bytes) -> None:
        """Take a CREDIT."""
        more = decode_credit(payload, self._core.ours)
        stream = received(STREAM, self.written, number, Type.CREDIT)
        if stream is None:
            return
        try:
            stream.window = widened(stream.window, more)
        except OverflowError as error:
            raise Violation(f"CREDIT for stream {number}: {error}") from None
        self._core.events.append(Credited(number))

    def stopped(self, number: int) -> None:
        """Take a STOP, and end the stream."""
        stream = received(STREAM, self.written, number, Type.STOP)
        if stream is not None:
            self.reset(number, Unavailable("its reader has stopped it"))
            self._core.events.append(Stopped(number))

    # --- reading

    def check_new(self, number: int) -> None:
        """Raise `Violation` where the other peer may not give this."""
        check_new(self.read, number, self._core.ours.streams)

    def admit(self, number: int) -> None:
        """Take a stream that the other peer gives."""
        self.read.admit(number, Read(self._core.ours.stream_bytes))

    def data(self, number: int, payload: bytes) -> None:
        """Take a DATA."""
        stream = self._reading(number, Type.DATA)
        if not payload:
            raise Violation(f"DATA without a byte for stream {number}")
        if len(payload) > stream.window:
            raise Violation(f"{len(payload)} bytes of data for stream {number}, which has credit for {stream.window}")
        stream.window -= len(payload)
        if stream.state is State.OPEN:
            self._core.events.append(DataReceived(number, payload))

    def eof(self, number: int) -> None:
        """Take an EOF."""
        if self._ended(number, Type.EOF):
            self._core.events.append(EofReceived(number))

    def was_reset(self, number: int, payload: bytes) -> None:
        """Take a RESET."""
        error = decode_error(payload, self._core.ours)
        if self._ended(number, Type.RESET):
            self._core.events.append(Cut(number, error))

    def _reading(self, number: int, kind: Type) -> Read:
        stream = received(STREAM, self.read, number, kind)
        assert stream is not None  # what is over takes no frame of its writer
        return stream

    def _ended(self, number: int, kind: Type) -> bool:
        """Let a stream be over; tell whether anybody is to know."""
        stream = self._reading(number, kind)
        self.read.end(number)
        self._core.outbox.retract(Type.CREDIT, number)
        self._core.outbox.retract(Type.STOP, number)
        return stream.state is State.OPEN

    def stop(self, number: int) -> None:
        """Give a stream up."""
        stream = find(self.read, number)
        if stream is not None and stream.state is State.OPEN:
            stream.state = State.GIVEN_UP
            self._core.outbox.retract(Type.CREDIT, number)
            self._core.outbox.flow(Type.STOP, number)

    def credit(self, number: int, size: int) -> None:
        """Let more come."""
        stream = find(self.read, number)
        if stream is None or stream.state is not State.OPEN:
            return
        if not 0 < size <= MOST - stream.window:
            raise Misuse(f"a credit of {size} to a window of {stream.window}")
        stream.window += size
        self._core.outbox.flow(Type.CREDIT, number, size)

    # --- the end

    def end(self, error: SwarmError) -> None:
        """Let all be over, and tell."""
        events = self._core.events
        events += (Cut(number, error) for number, stream in self.read.live.items() if stream.state is State.OPEN)
        events += (Stopped(number) for number in self.written.live)
        self.read.live.clear()
        self.written.live.clear()
