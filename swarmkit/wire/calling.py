"""Calls: those that are made of the other peer, and those that it makes of us."""

from __future__ import annotations

import logging

import trio
from attrs import define
from trio.lowlevel import ParkingLot

from ..errors import Internal, SwarmError, Unavailable
from ..instance import errors_within
from ..message import Message
from ..service import Service
from .carrying import Carrier
from .connection import Connection, Sent
from .events import Called
from .messages import Ends
from .pumps import close_given
from .writing import Writer

log = logging.getLogger(__name__)


@define(eq=False)
class _Waiting:
    """A caller of ours, and what it is told."""

    task: trio.lowlevel.Task
    told: Message | SwarmError | None = None


class CallsMade:
    """What is asked of the other peer."""

    def __init__(self, machine: Connection, writer: Writer, carrier: Carrier) -> None:
        self._machine = machine
        self._writer = writer
        self._carrier = carrier
        self._waiting: dict[int, _Waiting] = {}
        self._room = ParkingLot()  # those for whom there are too many calls already

    async def call(self, ref: int, message: Message) -> Message:
        """Call a service and wait for its answer; cancelled, say so to the other peer.

        Raises what the service answers; `Unavailable` where the call was not sent, `Timeout` where it may be done.
        """
        sent = await self._send(ref, message)
        waiting = self._waiting[sent.call] = _Waiting(trio.lowlevel.current_task())

        def give_up(_: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
            del self._waiting[sent.call]
            self._machine.cancel(sent.call)
            self._writer.wake()
            self._make_room()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        if isinstance(waiting.told, Message):
            return waiting.told
        raise waiting.told or Internal("a call was ended without an answer")

    async def _send(self, ref: int, message: Message) -> Sent:
        sent: Sent | None = None
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            await self._writer.turn()
            while not self._machine.can_call:
                await self._room.park()
                await self._writer.turn()
            sent = self._machine.call(ref, self._carrier.outward(message))
        finally:
            self._make_room()
            if sent is None:
                await close_given(message)
        self._carrier.carry(message, sent.ends)
        self._writer.wake()
        return sent

    def _make_room(self) -> None:
        """Let in the next caller, if there is one and there is room."""
        if self._room and self._machine.can_call:
            self._room.unpark()

    def answered(self, call: int, told: Message | SwarmError) -> None:
        """Wake the caller whose call is over."""
        waiting = self._waiting.pop(call)
        waiting.told = told
        trio.lowlevel.reschedule(waiting.task)
        self._make_room()

    def end(self) -> None:
        """Take note that the connection is over: nobody waits for room any more."""
        self._room.unpark_all()


class CallsTaken:
    """What the other peer asks of us: each call is answered by a task of its own."""

    def __init__(self, machine: Connection, writer: Writer, carrier: Carrier, nursery: trio.Nursery) -> None:
        self._machine = machine
        self._writer = writer
        self._carrier = carrier
        self._nursery = nursery
        self._running: dict[int, trio.CancelScope] = {}

    def take(self, event: Called, message: Message) -> None:
        """Begin to answer a call."""
        service = self._carrier.given.begin(event.ref)
        scope = self._running[event.call] = trio.CancelScope()
        self._nursery.start_soon(self._answer, event, service, message, scope)

    def cancel(self, call: int) -> None:
        """Give up a call that nobody waits for any more."""
        if (scope := self._running.get(call)) is not None:
            scope.cancel()

    async def _answer(self, event: Called, service: Service, message: Message, scope: trio.CancelScope) -> None:
        error: SwarmError | None = Unavailable("the call was cancelled")
        try:
            with scope:
                error = await self._reply(event.call, service, message)
            if error is not None:
                self._machine.fail(event.call, error)
        finally:
            del self._running[event.call]
            self._carrier.given.finish(event.ref)
            self._writer.wake()

    async def _reply(self, call: int, service: Service, message: Message) -> SwarmError | None:
        """Ask a service and send what it answers; return the error where that is one, for it to be sent."""
        try:
            reply = await service(message)
        except Exception as error:
            await self._writer.turn()
            return _foreseen(error, message)
        ends: Ends | None = None
        try:
            await self._writer.turn()
            ends = self._machine.reply(call, self._carrier.outward(reply))
        except SwarmError as error:  # it is too long for the other peer, or carries too much
            return error
        finally:
            if ends is None:
                await close_given(reply)
        if ends is not None:
            self._carrier.carry(reply, ends)
        return None


def _foreseen(error: Exception, message: Message) -> SwarmError:
    """Return the error that a service raised; what nobody foresaw is logged, and not told in full."""
    if found := errors_within(error):
        return found[0]
    log.error("a service failed at %s", message, exc_info=error)
    return Internal(f"the service failed: {type(error).__name__}; its log says why")
