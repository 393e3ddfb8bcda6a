"""One end of a connection as a state machine: bytes in, events out; wishes in, bytes out. No I/O, no clock.

What calls, channels, streams and refs do is in their own modules; `inbound` has which frame is for which.
"""

from __future__ import annotations

from attrs import frozen

from ..errors import SwarmError, Unavailable
from .events import Event
from .frames import Type
from .hello import Hello, encode_greeting
from .limits import Limits
from .messages import Ends, WireMessage
from .payloads import encode_goaway
from .state.core import Core
from .state.inbound import Inbound
from .state.numbers import Side as Side
from .state.tables import Phase, Step


@frozen
class Sent:
    """A call that was made, and the numbers of what it carries."""

    call: int
    ends: Ends


class Connection:
    """The protocol for one connection (docs/protocol.md).

    Give it what arrives with `receive_data` and act on the events; ask for things with the other methods; after either
    write what `data_to_send` returns, until it returns nothing.

    A number that is over may have ended a moment ago at the other end: what is asked about one does nothing (and
    `send_item` and `reply` return None: the ends are still the caller's). `Misuse` is raised for a number that never
    was, for more than there is room for, and for whatever is asked before the `HelloReceived`.

    Held in memory at most: a frame that has not come whole, a message in parts, an answer for each call of the limit,
    a few bytes for each thing that is open, and what was asked to be sent and is not yet handed out (`backlog`), which
    is for the program to bound: it adds a message, or a frame of bulk, only while little is `pressing`.
    """

    def __init__(self, side: Side, limits: Limits, *, root: bool, agent: str) -> None:
        """Begin. `limits` are what is taken from the other peer, `root` is whether it may call ref 0."""
        hello = Hello(agent, root, limits)
        self._core = Core(side, limits, root_given=root, greeting=encode_greeting(hello))
        self._inbound = Inbound(self._core, hello)
        self._calls = self._inbound.calls
        self._channels = self._inbound.handover.channels
        self._streams = self._inbound.handover.streams
        self._refs = self._inbound.handover.refs

    # --- bytes

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take bytes that arrived, in any pieces; `b""` is the end of the stream. Raises nothing for what they say.

        After `Ended` all is ignored.
        """
        if self._core.phase is Phase.OVER:
            return []
        events = self._core.start_events()
        if data:
            self._inbound.receive(data)
        else:
            self._inbound.end_of_stream()
        return events

    def lost(self, error: SwarmError) -> list[Event]:
        """End the connection because the transport broke, or because nobody waits any longer; `error` says why."""
        if self._core.phase is Phase.OVER:
            return []
        events = self._core.start_events()
        self._core.greeting = b""
        self._inbound.end(error)
        return events

    def data_to_send(self) -> list[bytes | memoryview]:
        """Return what is to be written next, in this order; an empty list where there is nothing.

        At most about `CHUNK` bytes, whole frames: what is asked for until the next time may come before the rest of a
        long message. Bulk is not copied. A call whose last byte was returned counts as sent.
        """
        out = self._core.outbox.take()
        if self._core.greeting:
            out.insert(0, self._core.greeting)
            self._core.greeting = b""
        return out

    @property
    def backlog(self) -> int:
        """Bytes that were asked to be sent and have not been returned by `data_to_send`."""
        return len(self._core.greeting) + self._core.outbox.size

    @property
    def pressing(self) -> int:
        """Bytes of the `backlog` besides the rest of one long message, which what is asked for now may pass."""
        return self._core.outbox.pressing

    # --- calls

    @property
    def open_calls(self) -> int:
        """How many calls are open: ours until they are answered, the other peer's until the answer is handed out."""
        return len(self._calls.made.live) + len(self._calls.taken.live)

    @property
    def can_call(self) -> bool:
        """Whether a call may be made now; if not, an answer makes room (or the connection is over: `call` says so)."""
        return self._core.error is not None or (self._core.is_open and self._calls.has_room)

    def call(self, ref: int, message: WireMessage) -> Sent:
        """Call a service of the other peer: 0 for its root, or a ref that it gave.

        Raises `Unavailable` where the connection is over or either peer is leaving, or the other takes no more ends;
        `Invalid` for a message that it does not take: too long, too deep, not plain; `NotFound` where it has no root.
        Nothing has been done then.
        """
        self._core.check_open()
        if self._core.error is not None:
            raise Unavailable(f"no more calls can be made: {self._core.error.message}")
        return Sent(*self._calls.call(ref, message))

    def cancel(self, call: int) -> None:
        """Give up a call made here. There is no event for its answer; the ends of one are closed by themselves."""
        self._calls.cancel(call)

    def reply(self, call: int, message: WireMessage) -> Ends | None:
        """Answer a call of the other peer. Raises as `call` does; the call is then still to be answered."""
        return self._calls.reply(call, message)

    def fail(self, call: int, error: SwarmError) -> None:
        """Answer a call of the other peer with an error. Details that cannot be sent are left out."""
        self._calls.fail(call, error)

    def release(self, ref: int) -> None:
        """Give up a service of the other peer. Calls in flight are still answered."""
        self._refs.release(ref)

    # --- channels

    def channel_room(self, channel: int) -> bool:
        """Tell whether an item may be sent now in a channel that we gave; False also where it is over."""
        return self._channels.has_room(channel)

    def send_item(self, channel: int, message: WireMessage) -> Ends | None:
        """Send a message in a channel that we gave. Raises as `call` does."""
        return self._channels.send_item(channel, message, self._inbound.handover)

    def end_channel(self, channel: int, error: SwarmError | None = None) -> None:
        """End a channel that we gave, well or with an error."""
        self._channels.finish(channel, error)

    def close_channel(self, channel: int) -> None:
        """Give up a channel that was given to us. There are no more events of it; what still comes is dropped."""
        self._channels.close(channel)

    def grant(self, channel: int, messages: int, size: int) -> None:
        """Take so many messages and bytes more in a channel that was given to us. Several grants are sent as one."""
        self._channels.grant(channel, messages, size)

    # --- streams

    def room(self, stream: int) -> int:
        """Return how many bytes may be sent now in a stream that we gave, a frame at most; 0 where it is over."""
        return self._streams.room(stream)

    def send_data(self, stream: int, data: bytes | memoryview) -> None:
        """Send bytes, 1 to `room`, in a stream that we gave. They are not copied: leave them as they are."""
        self._streams.send_data(stream, data)

    def send_eof(self, stream: int) -> None:
        """Say that all was written in a stream that we gave."""
        self._streams.send_eof(stream)

    def reset(self, stream: int, error: SwarmError) -> None:
        """Cut a stream that we gave."""
        self._streams.reset(stream, error)

    def stop(self, stream: int) -> None:
        """Give up a stream that was given to us. There are no more events of it; what still comes is dropped."""
        self._streams.stop(stream)

    def credit(self, stream: int, size: int) -> None:
        """Take so many bytes more in a stream that was given to us. Several credits are sent as one."""
        self._streams.credit(stream, size)

    # --- the connection

    def ping(self) -> None:
        """Ask the other peer whether it is there; `PongReceived` says yes."""
        self._inbound.ping()

    def go_away(self, error: SwarmError) -> None:
        """Take no more calls and make none: say why. What goes on is finished; close when `idle`."""
        self._core.check_open()
        if self._core.phase in (Phase.LEAVING, Phase.PARTING, Phase.OVER):
            return
        self._core.step(Step.LEAVE)
        self._core.error = self._core.error or error
        self._core.outbox.queue(Type.GOAWAY, self._calls.taken.highest, encode_goaway(error, self._core.theirs))

    @property
    def held(self) -> int:
        """Bytes in memory: those that came and have not been told of, and the `backlog`."""
        return self._inbound.held + self.backlog

    @property
    def idle(self) -> bool:
        """Whether no call, channel or stream is open and nothing is to be sent."""
        return not self._core.outbox and not self._inbound.is_busy
