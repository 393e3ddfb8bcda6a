"""What comes in: the reading ends of streams and channels that the other peer gave.

They cost no task: whoever reads from the connection puts what came into them, and their windows are opened again as
their owners take it out.
"""

from __future__ import annotations

from collections import deque

import trio
from trio.lowlevel import ParkingLot

from ..channel import Receiver, open_channel
from ..errors import SwarmError
from ..message import Message
from ..streams import CHUNK
from .connection import Connection
from .limits import Limits
from .windows import MESSAGE_COST, MOST_BYTES, MOST_MESSAGES, Allowance, Window
from .writing import Writer


class InletStream(trio.abc.ReceiveStream):
    """A byte stream of the other peer's. Closing it tells the writer there to stop."""

    def __init__(self, stream: int, window: Window, inlets: Inlets) -> None:
        self._stream = stream
        self._window = window
        self._inlets = inlets
        self._buffer = bytearray()
        self._over = False
        self._error: SwarmError | None = None
        self._closed = False
        self._readers = ParkingLot()

    def put(self, data: bytes) -> None:
        """Take what came; the window bounds it."""
        self._buffer += data
        if self._readers:
            self._readers.unpark()

    def end(self, error: SwarmError | None) -> None:
        """Take note that no more comes, because all was written or because of an error."""
        self._over, self._error = True, error
        self._window.close()
        self._readers.unpark_all()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what is there, waiting for some; `b""` at the end of file, the reason after a cut."""
        await trio.lowlevel.checkpoint()
        while not self._buffer:
            if self._closed:
                raise trio.ClosedResourceError
            if self._error is not None:
                raise self._error
            if self._over:
                return b""
            await self._readers.park()
        return self._take(max_bytes or CHUNK)

    def _take(self, size: int) -> bytes:
        if size >= len(self._buffer):
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            data = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
        if not self._over and (granted := self._window.take(len(data), emptied=not self._buffer)):
            self._inlets.credit(self._stream, granted)
        return data

    def close(self) -> None:
        """Give the stream up. Idempotent."""
        if not self._closed:
            self._closed = True
            self._buffer.clear()
            self._window.close()
            self._readers.unpark_all()
            if not self._over:
                self._inlets.stop(self._stream)

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()


class InletChannel(Receiver):
    """The receiving end of a channel of the other peer's, which is granted more as it is read."""

    def __init__(self, channel: int, messages: Window, size: Window, inlets: Inlets) -> None:
        self._channel = channel
        self._messages = messages
        self._size = size
        self._inlets = inlets
        # The window bounds what waits, in messages and in bytes; an offer is never refused for want of room.
        self._sender, self._receiver = open_channel(MOST_MESSAGES + messages.size)
        self._sizes: deque[int] = deque()

    def put(self, message: Message, size: int) -> None:
        """Take a message that came."""
        self._sizes.append(size)
        self._sender.offer(message)

    def end(self, error: SwarmError | None) -> None:
        """Take note that no more comes, well or because of an error."""
        self._sender.end(error)
        self._close_windows()

    async def receive(self) -> Message:
        message = await self._receiver.receive()
        self._taken()
        return message

    def receive_nowait(self) -> Message | None:
        message = self._receiver.receive_nowait()
        if message is not None:
            self._taken()
        return message

    def _taken(self) -> None:
        size, emptied = self._sizes.popleft(), not self._sizes
        if not self._sender.closed:
            messages = self._messages.take(1, emptied=emptied)
            granted = self._size.take(size, emptied=emptied)
            if messages or granted:
                self._inlets.grant(self._channel, messages, granted)

    def close(self) -> None:
        if not self._sender.closed:
            self._inlets.close_channel(self._channel)
        while (message := self._receiver.receive_nowait()) is not None:
            abandon(message)
        self._sizes.clear()
        self._close_windows()
        self._receiver.close()

    def _close_windows(self) -> None:
        self._messages.close()
        self._size.close()


def abandon(message: Message) -> None:
    """Close at once the ends of a message that came in, and that nobody has seen."""
    for end in (message.ret, message.att):
        if end is not None:
            end.close()  # type: ignore[union-attr]  # all that comes in has it: streams, channels, services


class Inlets:
    """The streams and channels that come in on one connection, by number."""

    def __init__(self, machine: Connection, writer: Writer, limits: Limits) -> None:
        self._machine = machine
        self._writer = writer
        self._limits = limits
        self._allowance = Allowance()
        self._streams: dict[int, InletStream] = {}
        self._channels: dict[int, InletChannel] = {}

    def open_stream(self, stream: int) -> InletStream:
        """Make the end of a stream that was given to us."""
        window = Window(self._limits.stream_bytes, MOST_BYTES, self._allowance)
        found = self._streams[stream] = InletStream(stream, window, self)
        return found

    def open_channel(self, channel: int) -> InletChannel:
        """Make the end of a channel that was given to us."""
        messages = Window(self._limits.channel_messages, MOST_MESSAGES, self._allowance, MESSAGE_COST)
        size = Window(self._limits.channel_bytes, MOST_BYTES, self._allowance)
        found = self._channels[channel] = InletChannel(channel, messages, size, self)
        return found

    # -- what came ------------------------------------------------------------------------------------------------

    def put_data(self, stream: int, data: bytes) -> None:
        """Pass on bytes that came."""
        self._streams[stream].put(data)

    def end_stream(self, stream: int, error: SwarmError | None = None) -> None:
        """Pass on that a stream is over."""
        self._streams.pop(stream).end(error)

    def put_item(self, channel: int, message: Message, size: int) -> None:
        """Pass on a message that came."""
        self._channels[channel].put(message, size)

    def end_channel(self, channel: int, error: SwarmError | None) -> None:
        """Pass on that a channel is over."""
        self._channels.pop(channel).end(error)

    # -- what their owners say ------------------------------------------------------------------------------------

    def credit(self, stream: int, size: int) -> None:
        """Take so many bytes more."""
        self._machine.credit(stream, size)
        self._writer.wake()

    def stop(self, stream: int) -> None:
        """Give a stream up."""
        del self._streams[stream]
        self._machine.stop(stream)
        self._writer.wake()

    def grant(self, channel: int, messages: int, size: int) -> None:
        """Take so many messages and bytes more."""
        self._machine.grant(channel, messages, size)
        self._writer.wake()

    def close_channel(self, channel: int) -> None:
        """Give a channel up."""
        del self._channels[channel]
        self._machine.close_channel(channel)
        self._writer.wake()
