"""Messages and what they carry, between the services of this process and the machine."""

from __future__ import annotations

import trio

from ..channel import Receiver
from ..message import Message
from ..service import Service
from .connection import Connection
from .given import GivenServices
from .inlets import Inlets
from .limits import Limits
from .messages import Ends, Ret, WireMessage
from .proxy import Call, Proxy
from .pumps import Pumps, close_given
from .writing import Writer


class Carrier:
    """Turn messages into those of the wire and back. What a message carries is set going, or ended with it."""

    def __init__(
        self, machine: Connection, writer: Writer, nursery: trio.Nursery, limits: Limits, root: Service | None
    ) -> None:
        self.pumps = Pumps(machine, writer, nursery)
        self.inlets = Inlets(machine, writer, limits)
        self.given = GivenServices(root, nursery)
        self._machine = machine
        self._writer = writer

    def outward(self, message: Message) -> WireMessage:
        """Return a message as it is sent."""
        ret = None
        if message.ret is not None:
            ret = Ret.CHANNEL if isinstance(message.ret, Receiver) else Ret.SERVICE
        return WireMessage(message.verb, message.path, message.args, ret, message.att is not None)

    def carry(self, message: Message, ends: Ends) -> None:
        """Hand over what a message carries that has just been sent, under the numbers that it got."""
        if message.att is not None and ends.att is not None:
            self.pumps.start_stream(ends.att, message.att)
        if message.ret is None or ends.ret is None:
            return
        if isinstance(message.ret, Receiver):
            self.pumps.start_channel(ends.ret, message.ret, self.send_item)
        else:
            self.given.give(ends.ret, message.ret)

    async def send_item(self, channel: int, message: Message) -> None:
        """Send a message in a channel that was given, and what it carries; raise a `SwarmError` where it cannot be."""
        ends = None
        try:
            await self._writer.turn()
            ends = self._machine.send_item(channel, self.outward(message))
        finally:
            if ends is None:
                await close_given(message)
        if ends is not None:
            self.carry(message, ends)
            self._writer.wake()

    def inward(self, message: WireMessage, ends: Ends, call: Call) -> Message:
        """Return a message that came as our services know it."""
        ret: Service | Receiver | None = None
        if message.ret is Ret.SERVICE and ends.ret is not None:
            ret = Proxy(ends.ret, call, self._release)
        elif message.ret is Ret.CHANNEL and ends.ret is not None:
            ret = self.inlets.open_channel(ends.ret)
        att = self.inlets.open_stream(ends.att) if ends.att is not None else None
        return Message(message.verb, message.path, message.args, ret, att)

    def _release(self, ref: int) -> None:
        self._machine.release(ref)
        self._writer.wake()
