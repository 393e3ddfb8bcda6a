"""The receiving side of a connection: which frame is for which part of the state, and how it all ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve

from ...errors import Invalid, SwarmError, Unavailable, Unimplemented
from ..events import Ended, GoingAway, HelloReceived, PongReceived, Violated
from ..frames import NULL, Frame, FrameReader, Type
from ..hello import PREFACE, Hello, agree, decode_hello
from ..limits import Limits
from ..payloads import decode_goaway, encode_goaway
from ..violations import Violation
from .calls import Calls
from .core import Core
from .handover import Handover
from .outbox import CHUNK
from .parts import Parts
from .tables import Phase, Step

PING = 8
"""Bytes of a PING."""

FIRST_LINE = 72
"""Bytes that are shown of what a stranger says, besides the first eight."""


class Inbound:
    """What takes the bytes of the other peer."""

    def __init__(self, core: Core, hello: Hello) -> None:
        self._core = core
        self._hello = hello
        self.handover = Handover(core)
        self.calls = Calls(core, self.handover)
        self._preface = b""
        self._reader = FrameReader(core.ours.frame)
        self._parts = Parts(core.ours.message)
        self._pings = 0
        handover = self.handover
        self._ours = (self.calls.made, handover.refs.given, handover.channels.given, handover.streams.written)
        self._messages, self._frames, self._bare = self._routes()

    def _routes(self) -> tuple[_Routes, _Routes, Mapping[Type, Callable[[int], None]]]:
        """Return who takes which: messages, which may come in parts; frames; and frames that say all by their type."""
        calls, handover = self.calls, self.handover
        channels, streams = handover.channels, handover.streams
        messages: _Routes = {
            Type.CALL: calls.called,
            Type.REPLY: calls.replied,
            Type.ERROR: calls.failed,
            Type.ITEM: lambda number, payload: channels.item(number, payload, handover),
            Type.END: channels.ended,
        }
        frames: _Routes = {
            Type.DATA: streams.data,
            Type.CREDIT: streams.credited,
            Type.GRANT: channels.granted,
            Type.RESET: streams.was_reset,
            Type.PART: self._parts.add,
            Type.PING: self._pinged,
            Type.PONG: self._ponged,
            Type.GOAWAY: self._left,
        }
        bare = {
            Type.EOF: streams.eof,
            Type.STOP: streams.stopped,
            Type.CLOSE: channels.closed,
            Type.CANCEL: calls.cancelled,
            Type.RELEASE: handover.refs.released,
        }
        return messages, frames, bare

    @property
    def held(self) -> int:
        """Bytes that have come and have not been told of."""
        return len(self._preface) + self._reader.held + self._parts.held

    @property
    def is_busy(self) -> bool:
        """Whether a call, a channel or a stream is open."""
        channels, streams = self.handover.channels, self.handover.streams
        things = (self.calls.made, self.calls.taken, channels.given, channels.taken, streams.written, streams.read)
        return any(thing.live for thing in things)

    @property
    def _is_used_up(self) -> bool:
        """Whether there is a kind of thing of which no more can be numbered here: a new connection is needed."""
        calls, refs, channels, streams = self._ours
        return calls.used_up or refs.used_up or channels.used_up or streams.used_up

    # --- bytes

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes. A violation ends the connection here, with an event."""
        try:
            if self._core.phase is Phase.PREFACE:
                data = self._take_preface(data)
            self._reader.feed(data)
            while (frame := self._reader.next()) is not None:
                self._take(frame)
            if self._is_used_up:
                self.end(Unavailable("its numbers are used up"))
        except _Stranger as stranger:
            self._violated(Invalid(str(stranger)))
        except Violation as violation:
            self._violated(Invalid(f"the other peer broke the protocol: {violation}"))
        except Unimplemented as error:
            self._violated(error)

    def _take_preface(self, data: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        """Take the first eight bytes, and return what is behind them."""
        missing = len(PREFACE) - len(self._preface)
        self._preface += bytes(data[:missing])
        if len(self._preface) == len(PREFACE):
            if self._preface != PREFACE:
                said = self._preface + bytes(data[missing : missing + FIRST_LINE])
                raise _Stranger(f"what is there does not speak the wire protocol: it said {_shown(said)}")
            self._core.step(Step.PREFACE)
            self._preface = b""
        return data[missing:]

    def _take(self, frame: Frame) -> None:
        kind, number, payload, last = frame
        if self._core.phase is Phase.HELLO:
            self._greeted(frame)
        elif (take := self._frames.get(kind)) is not None:
            take(number, payload)
        elif (take := self._messages.get(kind)) is not None:
            take(number, self._parts.whole(kind, payload) if last else payload)
        elif (take_bare := self._bare.get(kind)) is not None:
            if payload != NULL:
                raise Violation(f"{kind.name} with a payload that is not null")
            take_bare(number)
        else:
            raise Violation("a second HELLO")

    # --- frames about the connection itself

    def _greeted(self, frame: Frame) -> None:
        if frame.type is not Type.HELLO or frame.id:
            raise Violation(f"{frame.type.name} of {frame.id} comes before HELLO")
        theirs = decode_hello(frame.payload)
        version = agree(self._hello, theirs)
        core = self._core
        core.theirs, core.root_offered = _bounded(theirs.limits, core.ours), theirs.root
        core.outbox.frame = min(theirs.limits.frame, CHUNK)
        core.step(Step.HELLO)
        core.events.append(HelloReceived(version, theirs.agent, theirs.root, theirs.limits))

    def _pinged(self, number: int, payload: bytes) -> None:
        _check_ping(Type.PING, number, payload)
        self._core.outbox.pong(payload)

    def _ponged(self, number: int, payload: bytes) -> None:
        _check_ping(Type.PONG, number, payload)
        if payload == self._pings.to_bytes(PING, "big"):
            self._core.events.append(PongReceived())

    def ping(self) -> None:
        """Send a PING."""
        self._core.check_open()
        if self._core.phase is not Phase.OVER:
            self._pings += 1
            self._core.outbox.put(Type.PING, 0, self._pings.to_bytes(PING, "big"))

    def _left(self, number: int, payload: bytes) -> None:
        error = decode_goaway(payload, self._core.ours)
        self.calls.refuse_above(number, error)
        self._core.step(Step.LEFT)
        self._core.error = self._core.error or error
        self._core.events.append(GoingAway(error))

    # --- the end

    def end_of_stream(self) -> None:
        """End because the other peer closed its sending side; well, if one had said so and nothing was open."""
        said = self._core.phase in (Phase.LEAVING, Phase.LEFT, Phase.PARTING)
        if said and not self.is_busy and not self.held:
            self._core.step(Step.END)
            self._core.events.append(Ended(None))
        elif self._core.phase in (Phase.PREFACE, Phase.HELLO):
            words = f"it said {_shown(self._preface)}, and " if self._preface else ""
            self.end(Unavailable(f"{words}it ended the connection without a hello"))
        else:
            self.end(Unavailable("the other peer closed the connection"))

    def _violated(self, error: SwarmError) -> None:
        foreign = self._preface if self._core.phase is Phase.PREFACE else b""
        self._core.events.append(Violated(error, foreign))
        self.end(error)
        if foreign:  # a stranger is spoken to in another way, or not at all
            self._core.greeting = b""
        else:
            self._core.outbox.put(Type.GOAWAY, self.calls.taken.highest, encode_goaway(error, self._core.theirs))

    def end(self, error: SwarmError) -> None:
        """End now: all that is open is over, and what waits to be written is not written."""
        core = self._core
        core.step(Step.END)
        core.error = error
        core.outbox.clear()
        self._reader, self._parts = FrameReader(0), Parts(0)
        self.calls.end(error.message)
        cut = Unavailable(f"the connection ended: {error.message}")
        self.handover.channels.end(cut)
        self.handover.streams.end(cut)
        self.handover.refs.end()
        core.events.append(Ended(error))


class _Stranger(Exception):
    """What is at the other end is no peer at all."""


def _shown(said: bytes) -> str:
    """Return the first line that is not empty, quoted."""
    line = said.strip().partition(b"\n")[0].rstrip()
    return repr(line.decode("utf-8", "backslashreplace"))


def _bounded(theirs: Limits, ours: Limits) -> Limits:
    """Return what the other peer takes, or we do where that is less, of the things that take memory at both ends."""
    return evolve(
        theirs,
        refs=min(theirs.refs, ours.refs),
        channels=min(theirs.channels, ours.channels),
        streams=min(theirs.streams, ours.streams),
    )


_Routes = Mapping[Type, Callable[[int, bytes], None]]


def _check_ping(kind: Type, number: int, payload: bytes) -> None:
    if number or len(payload) != PING:
        raise Violation(f"{kind.name} of {number} with {len(payload)} bytes, not of 0 with {PING}")
