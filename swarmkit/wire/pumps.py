"""What goes out: each stream and each channel that was given to the other peer is read from, in a task of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field
from trio.lowlevel import ParkingLot

from ..channel import Receiver
from ..errors import Internal, SwarmError, Unavailable
from ..message import Message, ack
from ..service import close_ends
from .connection import Connection
from .writing import Writer

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long the closing of what was given away may take: it is another's code."""

AHEAD = 4096
"""Bytes that are read of a source though its reader takes none now: that it ends there, or breaks, is to be told."""

SendItem = Callable[[int, Message], Awaitable[None]]
"""Send one message in a channel, and own its ends."""


@define(eq=False)
class _Pump:
    """A task that sends: `scope` ends it, and in `room` it waits for its reader to grant more."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    room: ParkingLot = field(factory=ParkingLot)


class Pumps:
    """The streams and channels that go out on one connection, by number."""

    def __init__(self, machine: Connection, writer: Writer, nursery: trio.Nursery) -> None:
        self._machine = machine
        self._writer = writer
        self._nursery = nursery
        self._pumps: dict[int, _Pump] = {}
        self._channels: dict[int, _Pump] = {}

    def start_stream(self, stream: int, source: trio.abc.ReceiveStream) -> None:
        """Send a stream to its end; its source is closed then."""
        pump = self._pumps[stream] = _Pump()
        self._nursery.start_soon(self._run_stream, stream, source, pump)

    def start_channel(self, channel: int, source: Receiver, send: SendItem) -> None:
        """Send a channel to its end; its source is closed then."""
        pump = self._channels[channel] = _Pump()
        self._nursery.start_soon(self._run_channel, channel, source, send, pump)

    # -- what their readers say -----------------------------------------------------------------------------------

    def credited(self, stream: int) -> None:
        """Go on with a stream."""
        _go_on(self._pumps.get(stream))

    def stopped(self, stream: int) -> None:
        """End a stream that nobody reads any more."""
        _end(self._pumps.get(stream))

    def granted(self, channel: int) -> None:
        """Go on with a channel."""
        _go_on(self._channels.get(channel))

    def closed(self, channel: int) -> None:
        """End a channel that nobody reads any more."""
        _end(self._channels.get(channel))

    # -- streams --------------------------------------------------------------------------------------------------

    async def _run_stream(self, stream: int, source: trio.abc.ReceiveStream, pump: _Pump) -> None:
        try:
            with pump.scope:
                while data := await source.receive_some(max(self._machine.room(stream), AHEAD)):
                    await self._send(stream, data, pump)
                self._machine.send_eof(stream)
        except Exception as error:
            self._machine.reset(stream, _error_of(error, "stream"))
        finally:
            del self._pumps[stream]
            self._writer.wake()
            await close_given(ack(att=source))

    async def _send(self, stream: int, data: bytes | bytearray, pump: _Pump) -> None:
        rest = memoryview(data)
        while rest:
            while not self._machine.room(stream):
                await pump.room.park()
            await self._writer.turn()
            piece = rest[: self._machine.room(stream)]
            self._machine.send_data(stream, piece)
            self._writer.wake()
            rest = rest[len(piece) :]

    # -- channels -------------------------------------------------------------------------------------------------

    async def _run_channel(self, channel: int, source: Receiver, send: SendItem, pump: _Pump) -> None:
        try:
            with pump.scope:
                async for message in source:
                    await self._send_item(channel, message, send, pump)
                self._machine.end_channel(channel)
        except Exception as error:
            self._machine.end_channel(channel, _error_of(error, "channel"))
        finally:
            del self._channels[channel]
            self._writer.wake()
            await close_given(ack(ret=source))

    async def _send_item(self, channel: int, message: Message, send: SendItem, pump: _Pump) -> None:
        try:
            while not self._machine.channel_room(channel):
                await pump.room.park()
        except BaseException:
            await close_given(message)
            raise
        await send(channel, message)


def _go_on(pump: _Pump | None) -> None:
    if pump is not None:
        pump.room.unpark_all()


def _end(pump: _Pump | None) -> None:
    if pump is not None:
        pump.scope.cancel()


def _error_of(error: Exception, what: str) -> SwarmError:
    """Return how the reader is to meet what a source failed with."""
    if isinstance(error, SwarmError):
        return error
    if isinstance(error, (trio.BrokenResourceError, trio.ClosedResourceError)):
        return Unavailable(f"the source of this {what} broke: {error or type(error).__name__}")
    log.error("the source of a %s failed", what, exc_info=error)
    return Internal(f"the source of this {what} failed: {error!r}")


async def close_given(message: Message) -> None:
    """Close the ends of a message of ours, cancelled or not; what that fails with is logged."""
    with trio.move_on_after(CLOSE_SECONDS, shield=True) as closing:
        try:
            await close_ends(message)
        except Exception:
            log.exception("the ends of a message were not closed")
    if closing.cancelled_caught:
        log.warning("the ends of a message were not closed in %g s", CLOSE_SECONDS)
