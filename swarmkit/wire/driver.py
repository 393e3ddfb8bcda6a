"""What runs a connection: its machine, between the byte stream that is read and written here and what acts on events.

Two tasks run as long as the connection lasts: one reads and acts on what the machine tells, one writes. Reading never
waits for anybody: what comes in is put where its owner takes it, within the windows that were granted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import trio

from ..errors import SwarmError, Unavailable
from ..message import Message
from ..service import Service
from ..streams import CHUNK
from . import events
from .calls import CallsMade, CallsTaken
from .carrying import Carrier
from .connection import Connection
from .events import Event
from .limits import Limits
from .state.numbers import Side
from .writing import Writer

log = logging.getLogger(__name__)

QUIET_SECONDS = 10.0
"""After so much silence the other peer is asked whether it is there, and after as much again it is given up."""

STUCK_SECONDS = 30.0
"""A write that takes so long, or at most twice that, until it is seen, ends the connection: a peer always reads."""

READ = CHUNK + 4096
"""Bytes that one read asks for: a frame of bulk comes with its header in one, and short ones with it."""

LAST_WORDS_SECONDS = 1.0
"""How long a connection that ends may take to write what the other peer is to know of that, and for it to end, too."""

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class Driver:
    """Run one connection. Calls that come in, and what goes out, have tasks in `nursery`."""

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        side: Side,
        nursery: trio.Nursery,
        *,
        offers: Service | None,
        limits: Limits,
    ) -> None:
        self._stream = stream
        self._machine = Connection(side, limits, root=offers is not None, agent=_agent())
        self._writer = Writer(self._machine, stream)
        self._carrier = Carrier(self._machine, self._writer, nursery, limits, offers)
        self._taken = CallsTaken(self._machine, self._writer, self._carrier, nursery)
        self.made = CallsMade(self._machine, self._writer, self._carrier)
        self.hello: events.HelloReceived | None = None
        self.error: SwarmError | None = None
        self.greeted, self.leaving, self.over = trio.Event(), trio.Event(), trio.Event()
        self.closed = trio.Event()
        self._heard = trio.current_time()
        self._acts = self._table()

    # -- the tasks ------------------------------------------------------------------------------------------------

    async def run(self, head: bytes = b"") -> None:
        """Read (`head` has been read already) and write until the connection is over, then close the stream.

        Nothing but `close` ends it, not even being cancelled: what is to be said at last is said to the end.
        """
        try:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._keep_alive)
                    nursery.start_soon(self._watch_writes)
                    nursery.start_soon(self._read, head, ended := trio.Event())
                    await self.over.wait()
                    with trio.move_on_after(LAST_WORDS_SECONDS):
                        await self._say_last_words(ended)
                    nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)
            self.closed.set()

    async def _say_last_words(self, ended: trio.Event) -> None:
        await self._writer.wait_drained()
        with suppress(*_BROKEN):
            await self._stream.send_eof()
            await ended.wait()  # closing with unread input would reset what was written last

    async def _read(self, head: bytes, ended: trio.Event) -> None:
        data = head
        try:
            while True:
                events = self._machine.receive_data(data) if data else []
                self._writer.crowded = len(events) > 1
                self._act(events)
                data = bytes(await self._stream.receive_some(READ))
                self._heard = trio.current_time()
                if not data:
                    break
            self._act(self._machine.receive_data(b""))
        except _BROKEN as error:
            self._break(error)
        ended.set()

    async def _write(self) -> None:
        try:
            await self._writer.run()
        except _BROKEN as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        self._act(self._machine.lost(Unavailable(f"the connection broke: {_reason(error)}")))

    async def _keep_alive(self) -> None:
        await self.greeted.wait()
        while True:
            before = self._heard
            await trio.sleep_until(before + QUIET_SECONDS)
            if self._heard != before:
                continue
            self._machine.ping()
            self._writer.wake()
            await trio.sleep_until(before + 2 * QUIET_SECONDS)
            if self._heard == before:
                reason = f"nothing was heard from it for {2 * QUIET_SECONDS:g} s"
                self._act(self._machine.lost(Unavailable(reason)))
                return

    async def _watch_writes(self) -> None:
        """End the connection with who asks and takes no answer: silence, which `_keep_alive` hears, is not all."""
        while True:
            before = self._writer.writes
            await trio.sleep(STUCK_SECONDS)
            if self._writer.busy and self._writer.writes == before:
                reason = f"it has not read what was written to it for {STUCK_SECONDS:g} s"
                self._act(self._machine.lost(Unavailable(reason)))
                return

    # -- what others want -----------------------------------------------------------------------------------------

    def leave(self, error: SwarmError) -> None:
        """Take no more calls and make none, and say why; when all that goes on is over, so is the connection."""
        if not self.over.is_set():
            self._machine.go_away(error)
            self.leaving.set()
            self._writer.finish()

    async def close(self, error: SwarmError) -> None:
        """End the connection and all that goes on there, and say why; wait until the stream is closed. Idempotent."""
        if self.greeted.is_set() and not self.over.is_set():
            self._machine.go_away(error)
            self._writer.pause()
            self._writer.wake()
            with trio.move_on_after(LAST_WORDS_SECONDS):
                await self._writer.wait_drained()
        self._act(self._machine.lost(error))
        await self.closed.wait()

    # -- what the machine tells -----------------------------------------------------------------------------------

    def _act(self, told: Iterable[Event]) -> None:
        for event in told:
            self._acts[type(event)](event)
        self._writer.wake()

    def _inward(self, event: events.Called | events.Replied | events.ItemReceived) -> Message:
        return self._carrier.inward(event.message, event.ends, self.made.call)

    def _table(self) -> dict[type[Event], Callable[[Any], None]]:
        """Return what is done about each event."""
        inlets, pumps = self._carrier.inlets, self._carrier.pumps
        return {
            events.HelloReceived: self._greet,
            events.Called: lambda event: self._taken.take(event, self._inward(event)),
            events.Cancelled: lambda event: self._taken.cancel(event.call),
            events.Replied: lambda event: self.made.answered(event.call, self._inward(event)),
            events.Failed: lambda event: self.made.answered(event.call, event.error),
            events.Released: lambda event: self._carrier.given.released(event.ref),
            events.ItemReceived: lambda event: inlets.put_item(event.channel, self._inward(event), event.size),
            events.ChannelEnded: lambda event: inlets.end_channel(event.channel, event.error),
            events.ChannelClosed: lambda event: pumps.closed(event.channel),
            events.Granted: lambda event: pumps.granted(event.channel),
            events.DataReceived: lambda event: inlets.put_data(event.stream, event.data),
            events.EofReceived: lambda event: inlets.end_stream(event.stream),
            events.Cut: lambda event: inlets.end_stream(event.stream, event.error),
            events.Stopped: lambda event: pumps.stopped(event.stream),
            events.Credited: lambda event: pumps.credited(event.stream),
            events.PongReceived: lambda _: None,  # to have heard it is enough
            events.GoingAway: self._go_away,
            events.Violated: lambda event: None,  # why, is said by `Ended`
            events.Ended: self._end,
        }

    def _greet(self, event: events.HelloReceived) -> None:
        self.hello = event
        self.greeted.set()

    def _go_away(self, event: events.GoingAway) -> None:
        self.error = event.error
        self.leaving.set()

    def _end(self, event: events.Ended) -> None:
        self.error = event.error or self.error
        self.leaving.set()
        self.over.set()
        self._writer.end()
        self.made.end()


def _reason(error: Exception) -> str:
    """Say why a transport broke: its own words, else the system's."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno is not None:
        return os.strerror(cause.errno).lower()
    return str(error) or str(cause or "") or "the other side has gone"


def _agent() -> str:
    try:
        return f"swarmd/{version('swarmd')}"
    except PackageNotFoundError:
        return "swarmd/0"
