"""Channels of messages: those that we send in and those that we receive from (section 5, "A channel").

The bytes of a window may go below zero: a message may be sent while one is left, and the next grants pay for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from ...errors import SwarmError
from ..events import ChannelClosed, ChannelEnded, Granted, ItemReceived
from ..frames import NULL, Type
from ..limits import MOST
from ..messages import NO_ENDS, Ends, WireMessage
from ..payloads import decode_end, decode_grant, decode_item, encode_error
from ..violations import Misuse, Violation
from .core import Core, check_new, check_room, find, received, widened
from .numbers import Numbered, Thing
from .tables import CHANNEL, State

if TYPE_CHECKING:
    from .handover import Handover


@define(eq=False)
class Window(Thing):
    """How many messages, and bytes of them, may be sent in a channel; and where its receiving end stands."""

    messages: int
    size: int

    @property
    def is_open(self) -> bool:
        return self.messages > 0 and self.size > 0

    def spend(self, size: int) -> None:
        self.messages -= 1
        self.size -= size

    def widen(self, messages: int, size: int) -> None:
        self.messages, self.size = widened(self.messages, messages), widened(self.size, size)


class Channels:
    """All channels of a connection."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.given: Numbered[Window] = Numbered("channel", core.side)
        self.taken: Numbered[Window] = Numbered("channel", core.side.other)

    # --- those that we send in

    def next(self) -> int:
        """Return the number of the next channel that we give; raise `Unavailable` where the other takes none."""
        check_room(self.given, self._core.theirs.channels)
        return self.given.next()

    def give(self) -> None:
        """Begin a channel. All that is sent in it is behind the message that brings it, being messages."""
        self.given.add(Window(self._core.theirs.channel_messages, self._core.theirs.channel_bytes))

    def has_room(self, number: int) -> bool:
        """Tell whether an item may be sent."""
        window = find(self.given, number)
        return window is not None and window.is_open

    def send_item(self, number: int, message: WireMessage, handover: Handover) -> Ends | None:
        """Send an ITEM."""
        window = find(self.given, number)
        if window is None:
            return None
        if not window.is_open:
            raise Misuse(f"an item for channel {number}, which has no room")
        ends, payload = handover.encode(message)
        window.spend(len(payload))
        ticket = self._core.outbox.queue(Type.ITEM, number, payload, carries=ends != NO_ENDS)
        handover.commit(message, ends, ticket)
        return ends

    def finish(self, number: int, error: SwarmError | None) -> None:
        """Send the END."""
        if find(self.given, number) is not None:
            self.given.end(number)
            theirs = self._core.theirs
            payload = NULL if error is None else encode_error(error, theirs, theirs.message)
            self._core.outbox.queue(Type.END, number, payload)

    def granted(self, number: int, payload: bytes) -> None:
        """Take a GRANT."""
        messages, size = decode_grant(payload, self._core.ours)
        window = received(CHANNEL, self.given, number, Type.GRANT)
        if window is None:
            return
        try:
            window.widen(messages, size)
        except OverflowError as error:
            raise Violation(f"GRANT for channel {number}: {error}") from None
        self._core.events.append(Granted(number))

    def closed(self, number: int) -> None:
        """Take a CLOSE, and send the END."""
        window = received(CHANNEL, self.given, number, Type.CLOSE)
        if window is not None:
            self.finish(number, None)
            self._core.events.append(ChannelClosed(number))

    # --- those that we receive from

    def check_new(self, number: int) -> None:
        """Raise `Violation` where the other peer may not give this."""
        check_new(self.taken, number, self._core.ours.channels)

    def admit(self, number: int) -> None:
        """Take a channel that the other peer gives."""
        self.taken.admit(number, Window(self._core.ours.channel_messages, self._core.ours.channel_bytes))

    def item(self, number: int, payload: bytes, handover: Handover) -> None:
        """Take an ITEM; one that comes after the CLOSE is dropped with what it carries."""
        window = self._receiving(number, Type.ITEM)
        if not window.is_open:
            raise Violation(f"an ITEM for channel {number} beyond what was granted")
        window.spend(len(payload))
        message, ends = decode_item(payload, self._core.ours)
        handover.take(message, ends)
        if window.state is State.OPEN:
            self._core.events.append(ItemReceived(number, message, ends, len(payload)))
        else:
            handover.drop(message, ends)

    def ended(self, number: int, payload: bytes) -> None:
        """Take an END."""
        error = decode_end(payload, self._core.ours)
        window = self._receiving(number, Type.END)
        self.taken.end(number)
        self._core.outbox.retract(Type.GRANT, number)
        self._core.outbox.retract(Type.CLOSE, number)
        if window.state is State.OPEN:
            self._core.events.append(ChannelEnded(number, error))

    def _receiving(self, number: int, kind: Type) -> Window:
        window = received(CHANNEL, self.taken, number, kind)
        assert window is not None  # what is over takes no frame of its sender
        return window

    def close(self, number: int) -> None:
        """Give a channel up."""
        window = find(self.taken, number)
        if window is not None and window.state is State.OPEN:
            window.state = State.GIVEN_UP
            self._core.outbox.retract(Type.GRANT, number)
            self._core.outbox.flow(Type.CLOSE, number)

    def grant(self, number: int, messages: int, size: int) -> None:
        """Let more come."""
        window = find(self.taken, number)
        if window is None or window.state is not State.OPEN:
            return
        if messages < 0 or size < 0 or window.messages + messages > MOST or window.size + size > MOST:
            raise Misuse(f"a grant of {messages} messages and {size} bytes to {window}")
        window.widen(messages, size)
        self._core.outbox.flow(Type.GRANT, number, messages, size)

    # --- the end

    def end(self, error: SwarmError) -> None:
        """Let all be over, and tell."""
        events = self._core.events
        events += (ChannelEnded(number, error) for number, it in self.taken.live.items() if it.state is State.OPEN)
        events += (ChannelClosed(number) for number in self.given.live)
        self.taken.live.clear()
        self.given.live.clear()
