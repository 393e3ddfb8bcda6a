"""Machines to test: one with a scripted peer, which writes its frames by hand, or two joined back to back."""

from __future__ import annotations

import struct
from typing import Any

import cbor2

from swarmkit.message import Verb
from swarmkit.wire.connection import Connection, Side
from swarmkit.wire.events import Ended, Event, Violated
from swarmkit.wire.frames import Frame, FrameReader, Type
from swarmkit.wire.limits import Limits
from swarmkit.wire.messages import Ret, WireMessage

PREFACE = b"SWMKIT\r\n"
HELLO: dict[str, Any] = {"versions": [1, 1], "agent": "script", "root": True, "features": [], "limits": {}}
GET = WireMessage(Verb.GET)
ACK = WireMessage(Verb.ACK)


def raw(kind: int, number: int, value: Any = None) -> bytes:
    """Write a frame by hand; a value that is no bytes is written as CBOR."""
    payload = value if isinstance(value, bytes) else cbor2.dumps(value)
    return struct.pack(">IBI", len(payload), kind, number) + payload


def message(verb: str, ret: Any = None, att: int | None = None, **args: Any) -> list[Any]:
    """Write a message as the protocol has it."""
    return [verb, [], args, ret, att]


class Script:
    """A machine, and the peer at its other end, written by hand. The machine accepts unless told otherwise."""

    def __init__(self, limits: Limits | None = None, side: Side = Side.ACCEPTOR, hello: bytes | None = None) -> None:
        self.machine = Connection(side, limits or Limits(), root=True, agent="under test")
        self.events: list[Event] = []
        self._reader = FrameReader(2**31)
        self._reader.feed(joined(self.machine)[len(PREFACE) :])
        self.greeting = self._reader.next()
        if hello is None:
            self.machine.receive_data(PREFACE + raw(Type.HELLO, 0, HELLO))
        elif hello:
            self.send(hello)

    def send(self, *frames: bytes) -> list[Event]:
        """Let frames arrive; return the events of these."""
        events = self.machine.receive_data(b"".join(frames))
        self.events += events
        return events

    def sent(self) -> list[Frame]:
        """Return the frames that the machine sends now."""
        self._reader.feed(joined(self.machine))
        frames = []
        while (frame := self._reader.next()) is not None:
            frames.append(frame)
        return frames

    @property
    def violation(self) -> str:
        """What the peer did wrong, empty if nothing."""
        return next((event.error.message for event in self.events if isinstance(event, Violated)), "")

    @property
    def over(self) -> bool:
        return any(isinstance(event, Ended) for event in self.events)

    # --- things in it, by their numbers

    def take_call(self, number: int = 1, **carried: Any) -> int:
        """Let the peer call."""
        self.send(raw(Type.CALL, number, [0, message("get", **carried)]))
        return number

    def take_stream(self) -> int:
        self.take_call(att=1)
        return 1

    def take_channel(self) -> int:
        self.take_call(ret=["channel", 1])
        return 1

    def take_ref(self) -> int:
        self.take_call(ret=["service", 1])
        return 1

    def make_call(self, ret: Ret | None = None, att: bool = False) -> int:
        """Let the machine call; written."""
        sent = self.machine.call(0, WireMessage(Verb.GET, ret=ret, att=att))
        self.sent()
        return sent.call

    def give_stream(self) -> int:
        self.make_call(att=True)
        return 2

    def give_channel(self) -> int:
        self.make_call(ret=Ret.CHANNEL)
        return 2

    def give_ref(self) -> int:
        self.make_call(ret=Ret.SERVICE)
        return 2


def joined(machine: Connection) -> bytes:
    """Return all that a machine sends now, as one piece."""
    pieces: list[bytes] = []
    while out := machine.data_to_send():
        pieces += map(bytes, out)
    return b"".join(pieces)


def open_pair(limits: Limits | None = None, other: Limits | None = None) -> tuple[Connection, Connection]:
    """Return two machines that have greeted each other; both offer a root."""
    initiator = Connection(Side.INITIATOR, limits or Limits(), root=True, agent="initiator")
    acceptor = Connection(Side.ACCEPTOR, other or limits or Limits(), root=True, agent="acceptor")
    exchange(initiator, acceptor)
    return initiator, acceptor


def exchange(one: Connection, other: Connection) -> tuple[list[Event], list[Event]]:
    """Carry bytes both ways until there are none; return the events of each."""
    events: tuple[list[Event], list[Event]] = ([], [])
    while True:
        there, back = joined(one), joined(other)
        if not there and not back:
            return events
        if there:
            events[1].extend(other.receive_data(there))
        if back:
            events[0].extend(one.receive_data(back))
