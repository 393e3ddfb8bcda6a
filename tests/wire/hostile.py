"""A peer that does what it likes: a proper one, which reads when it likes, with frames of its own making between.

For the tests of bounds, with numbers of chance, and for fuzzing, where a fuzzer chooses them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from swarmkit.wire.connection import Connection, Side
from swarmkit.wire.frames import Type
from swarmkit.wire.limits import Limits

from .machines import joined, raw
from .programs import Choose, Program

TIGHT = Limits(
    frame=1024,
    message=3500,
    values=200,
    depth=16,
    calls=6,
    call_bytes=4000,
    refs=5,
    channels=5,
    channel_messages=3,
    channel_bytes=900,
    streams=5,
    stream_bytes=700,
)
FRAME = 60
"""Bytes of a frame that a machine sends by itself, at most."""

BACKLOG, LONGEST = 2_000, 3_500
"""Bytes that wait when a program asks for something more, and that this takes, at most."""


class Attack:
    """A host, and the peer at it. The host's program writes only when it is told to."""

    def __init__(self, choose: Choose, wild: int = 0) -> None:
        self.choose = choose
        self.wild = wild
        """One frame in so many is of its own making; 0 for none."""
        self.host = Program(Connection(Side.ACCEPTOR, TIGHT, root=True, agent="host"), choose)
        self.peer = Program(Connection(Side.INITIATOR, TIGHT, root=True, agent="peer"), choose)
        self._unread = b""

    def run(self, more: Callable[[], bool]) -> None:
        """Go on until there is no more, or the connection is over; check after each step."""
        self._greet()
        while more() and not self.host.over:
            self.step()
            self.check()

    def _greet(self) -> None:
        first = joined(self.peer.machine)
        self.host.act(self.host.machine.receive_data(first))
        self.peer.act(self.peer.machine.receive_data(joined(self.host.machine)))

    def step(self) -> None:
        """Let one of both do something, or bytes go one way."""
        what = self.choose(8)
        if what < 2:
            if self.host.machine.backlog <= BACKLOG:
                self.host.wish()
        elif what < 5 and not self.peer.over:
            self.peer.wish()
            self._arrive(joined(self.peer.machine))
        elif what == 5:
            self._unread += joined(self.host.machine)
        elif what == 6 and self._unread:
            self.peer.act(self.peer.machine.receive_data(self._unread))
            self._unread = b""
        elif self.wild and not self.choose(self.wild):
            self._arrive(self.frame())

    def _arrive(self, data: bytes) -> None:
        if data:
            self.host.act(self.host.machine.receive_data(data))

    # --- frames of its own making

    def frame(self) -> bytes:
        """Make a frame that could be right, or something that is no frame."""
        what = self.choose(20)
        if what == 0:
            return bytes(self.choose(256) for _ in range(1 + self.choose(30)))
        kind = tuple(Type)[self.choose(len(Type))]
        if what == 1:
            return struct.pack(">IBI", self.choose(2**32), kind, self._number())
        return raw(kind, self._number(), self._payload(kind))

    def _number(self) -> int:
        return self.choose(2**32) if not self.choose(20) else self.choose(40)

    def _payload(self, kind: Type) -> Any:
        if not self.choose(4):
            return self._value(0)
        match kind:
            case Type.CALL:
                return [self._number(), self._message("get")]
            case Type.REPLY:
                return self._message("ack")
            case Type.ITEM:
                return self._message("watch")
            case Type.ERROR | Type.RESET | Type.END:
                return ["internal", "no", {}]
            case Type.GRANT:
                return [self.choose(5), self.choose(500)]
            case Type.CREDIT:
                return self.choose(500)
            case Type.DATA | Type.PART:
                return b"x" * self.choose(1024)
            case Type.PING | Type.PONG:
                return b"12345678"
            case Type.GOAWAY:
                return ["unavailable", "bye"]
        return None

    def _message(self, verb: str) -> list[Any]:
        ret = (None, None, ["service", self._number()], ["channel", self._number()])[self.choose(4)]
        return [verb, [], {"x": "y" * self.choose(200)}, ret, self._number() if not self.choose(3) else None]

    def _value(self, depth: int) -> Any:
        what = self.choose(8 if depth < 20 else 4)
        if what < 4:
            return (None, self.choose(2**32), "text", b"bytes")[what]
        if what < 6:
            return [self._value(depth + 1) for _ in range(self.choose(3))]
        return {str(number): self._value(depth + 1) for number in range(self.choose(3))}

    # --- what must hold

    def check(self) -> None:
        """Assert that the host's machine holds no more than its limits, and what its own program gave, allow."""
        machine = self.host.machine
        assert machine._inbound.held <= TIGHT.frame + 9 + TIGHT.message
        live = {
            "calls": len(machine._calls.taken.live),
            "refs": len(machine._refs.held.live),
            "channels": len(machine._channels.taken.live),
            "streams": len(machine._streams.read.live),
        }
        for name, count in live.items():
            assert count <= getattr(TIGHT, name), name
        assert len(machine._core.outbox._flow) <= TIGHT.channels + TIGHT.streams
        by_itself = (TIGHT.channels + TIGHT.streams) * FRAME + TIGHT.refs * FRAME
        assert machine.backlog <= BACKLOG + LONGEST + by_itself
