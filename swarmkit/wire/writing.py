"""Writing: one task hands the transport what the machine has to say, and lets in by turns what is long.

Short answers (credit, grants, ends) are given to the machine as they arise; there are no more of them than there are
calls, channels and streams. Whoever has a message or data to send waits for its turn first, so that no more than a
little lies between the machine and the transport. A call that is alone does not wait for the task, given a socket.
"""

from __future__ import annotations

import os

import trio
from trio.lowlevel import ParkingLot

from .connection import Connection

BACKLOG = 65536
"""Bytes that may wait in the machine, besides one long message, before whoever has more to send must wait."""


class Writer:
    """The writing half of a connection; `run` does the work."""

    def __init__(self, machine: Connection, stream: trio.abc.HalfCloseableStream) -> None:
        self._machine = machine
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._idle = ParkingLot()  # the task itself
        self._queue = ParkingLot()  # those who wait for their turn, in order
        self._let_in = False  # the first of them, which has not run yet
        self.busy = False
        """Whether a write goes on."""
        self.writes = 0
        """How many have been begun."""
        self._drained = ParkingLot()
        self._paused = False
        self._over = False
        self._stopped = False
        self._finishing = False
        self._rest = b""  # what `_write_now` was not rid of
        self.crowded = False
        """Whether several things came at once, so that several are about to be said: these are written in one go."""

    def wake(self) -> None:
        """Have what the machine was given written. It costs nothing where the task is at it already."""
        if self._idle and not self._write_now():
            self._idle.unpark()

    def _write_now(self) -> bool:
        """Write, for one call at most, what a socket takes at once; tell whether nothing is left for the task to do.

        It spares the call two steps of the task at each end. Where there are more calls the task is better: it writes
        for all of them in one go. What goes wrong here, the task meets again.
        """
        if self._socket is None or self.crowded or self._machine.open_calls > 1:
            return False
        if self._queue or self._finishing or self._over:
            return False
        data = b"".join(self._machine.data_to_send())
        self.writes += 1
        try:
            sent = os.write(self._socket.fileno(), data) if data else 0
        except OSError:
            sent = 0
        self._rest = data[sent:]
        self.busy = bool(self._rest)
        return not (self.busy or self._machine.backlog)

    async def turn(self) -> None:
        """Wait until there is room for a message or a frame of data, which the caller hands over before it waits again.

        First come, first served; there is no checkpoint where nobody has to wait. Once the connection is over nobody
        waits: the machine refuses what it is given.
        """
        if not self._over and (self._queue or self._let_in or not self._has_room):
            await self._queue.park()
            self._let_in = False
            self.wake()  # for the next one: it runs when this one waits again

    @property
    def _has_room(self) -> bool:
        return not self._paused and self._machine.pressing < BACKLOG

    def pause(self) -> None:
        """Let nobody in any more, so that what the machine has gets written."""
        self._paused = True

    def finish(self) -> None:
        """End the sending side as soon as nothing is open and all has been written."""
        self._finishing = True
        self.wake()

    def end(self) -> None:
        """Take note that the connection is over: nobody waits for a turn any more."""
        self._over = True
        self._queue.unpark_all()
        self.wake()

    async def wait_drained(self) -> None:
        """Wait until all that the machine was given has been written."""
        while not self._stopped and (self.busy or self._machine.backlog):
            await self._drained.park()

    async def run(self) -> None:
        """Write, until the end or until cancelled; raise trio.BrokenResourceError where the transport breaks."""
        try:
            await self._run()
        finally:
            self._stopped = True
            self._drained.unpark_all()

    async def _run(self) -> None:
        while True:
            pieces: list[bytes | memoryview] = [self._rest] if self._rest else self._machine.data_to_send()
            self._rest = b""
            self._admit()
            if pieces:
                self.busy = True
                self.writes += 1
                # Copying a piece to write it with its header costs less than a second call of the system.
                await self._stream.send_all(b"".join(pieces) if len(pieces) > 1 else pieces[0])
                self.busy = False
            elif self._finishing and self._machine.idle:
                await self._stream.send_eof()
                return
            else:
                self._drained.unpark_all()
                await self._idle.park()

    def _admit(self) -> None:
        if self._queue and not self._let_in and self._has_room:
            self._let_in = True
            self._queue.unpark()
