"""Channels of messages: one sending and one receiving end, bounded, ended cleanly or with an error.

A watch is such a channel. The sender chooses what a full channel means: `send` waits, while `offer` never does and ends
the channel of a receiver that has fallen behind, so that one slow watcher holds up nobody.
"""

from __future__ import annotations

from collections import deque

import trio
from attrs import define, field
from trio.lowlevel import ParkingLot

from .errors import SwarmError, Unavailable
from .message import Message
from .service import close_ends

DEFAULT_BOUND = 4096
"""Messages that may wait in a channel."""


class EndOfChannel(Exception):
    """The sender has ended the channel; nothing was lost."""


@define(eq=False)
class _State:
    bound: int
    queue: deque[Message] = field(factory=deque)
    ended: bool = False
    error: SwarmError | None = None
    closed: bool = False
    # Parking lots, not events: a message wakes one waiter and makes no object.
    receivers: ParkingLot = field(factory=ParkingLot)
    senders: ParkingLot = field(factory=ParkingLot)
    watchers: ParkingLot = field(factory=ParkingLot)  # those who wait for the end

    def take(self) -> Message:
        message = self.queue.popleft()
        self.senders.unpark()
        return message

    def wake_all(self) -> None:
        for waiters in (self.receivers, self.senders, self.watchers):
            waiters.unpark_all()


class Sender:
    """The sending end."""

    def __init__(self, state: _State) -> None:
        self._state = state

    @property
    def closed(self) -> bool:
        """Whether sending is useless: the receiver is gone, or this end has ended."""
        return self._state.closed or self._state.ended

    def offer(self, message: Message) -> bool:
        """Send at once or not at all; return False where the channel is over.

        A receiver whose channel is full is ended with `Unavailable` after what it already holds.
        """
        state = self._state
        if self.closed:
            return False
        if len(state.queue) >= state.bound:
            self.end(Unavailable(f"the receiver fell {state.bound} messages behind; subscribe again"))
            return False
        state.queue.append(message)
        state.receivers.unpark()
        return True

    async def send(self, message: Message) -> None:
        """Send, waiting for room; raise trio.BrokenResourceError where the channel is over.

        A cancelled `send` has sent nothing.
        """
        state = self._state
        await trio.lowlevel.checkpoint()
        while not self.closed and len(state.queue) >= state.bound:
            await state.senders.park()
            try:
                await trio.lowlevel.checkpoint_if_cancelled()
            except BaseException:
                state.senders.unpark()  # the room that was for this one is another's
                raise
        if not self.offer(message):
            raise trio.BrokenResourceError("the channel is over")

    def end(self, error: SwarmError | None = None) -> None:
        """End the channel, cleanly or with an error that the receiver meets after all that was sent. Idempotent."""
        state = self._state
        if not state.ended:
            state.ended = True
            state.error = error
            state.wake_all()

    async def wait_closed(self) -> None:
        """Wait until the receiver is gone or this end has ended."""
        await trio.lowlevel.checkpoint()
        while not self.closed:
            await self._state.watchers.park()


class Receiver:
    """The receiving end; iterate over it. Closing it tells the sender to stop."""

    def __init__(self, state: _State) -> None:
        self._state = state

    async def receive(self) -> Message:
        """Wait for the next message; raise `EndOfChannel` at its end, or the error it was ended with.

        A cancelled `receive` has taken nothing.
        """
        state = self._state
        await trio.lowlevel.checkpoint()
        while not state.queue:
            if state.closed:
                raise trio.ClosedResourceError
            if state.ended:
                raise state.error if state.error is not None else EndOfChannel
            await state.receivers.park()
        return state.take()

    def receive_nowait(self) -> Message | None:
        """Return the next message if one is there."""
        return self._state.take() if self._state.queue else None

    def __aiter__(self) -> Receiver:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.receive()
        except EndOfChannel:
            raise StopAsyncIteration from None

    @property
    def ended(self) -> bool:
        """Whether the sender has ended the channel; what waits in it can still be received."""
        return self._state.ended

    def close(self) -> None:
        """Give the channel up; what waits in it is dropped. Idempotent.

        It cannot close what these messages carry: where they may carry something, use `aclose`, or the block.
        """
        self._state.closed = True
        self._state.queue.clear()
        self._state.wake_all()

    async def aclose(self) -> None:
        """Do as `close` does, and close what the dropped messages carry, with a checkpoint."""
        await self._close_whole()
        await trio.lowlevel.checkpoint()

    async def _close_whole(self) -> None:
        """Close, with what the dropped messages carry; a receiver over another one need not do more than `close`."""
        self.close()

    async def __aenter__(self) -> Receiver:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close_whole()


class _MemoryReceiver(Receiver):
    """The receiving end of a channel in memory."""

    async def _close_whole(self) -> None:
        dropped = tuple(self._state.queue)
        self.close()
        with trio.CancelScope(shield=True):
            for message in dropped:
                await close_ends(message)


def open_channel(bound: int = DEFAULT_BOUND) -> tuple[Sender, Receiver]:
    """Make a channel that holds at most `bound` messages, one at least."""
    if bound < 1:
        raise ValueError(f"a channel holds one message at least, not {bound}")
    state = _State(bound)
    return Sender(state), _MemoryReceiver(state)
