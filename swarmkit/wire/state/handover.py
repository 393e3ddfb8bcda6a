"""What messages carry: numbered where we give it; taken, or closed if nobody wants it, where the other peer does."""

from __future__ import annotations

from ..messages import NO_ENDS, Ends, Ret, WireMessage
from ..payloads import encode_call, encode_message
from .channels import Channels
from .core import Core
from .refs import Refs
from .streams import Streams


class Handover:
    """The ends in the messages of a connection."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.refs = Refs(core)
        self.channels = Channels(core)
        self.streams = Streams(core)

    def encode(self, message: WireMessage, ref: int | None = None) -> tuple[Ends, bytes]:
        """Return the numbers that a message's ends will have, and its payload: a CALL's if there is a `ref`.

        Nothing is changed yet: `commit` does that. Raises `Unavailable` and `Invalid`.
        """
        ends = self._numbers(message)
        limits = self._core.theirs
        if ref is None:
            return ends, encode_message(message, ends, limits)
        return ends, encode_call(ref, message, ends, limits)

    def _numbers(self, message: WireMessage) -> Ends:
        if message.ret is None and not message.att:
            return NO_ENDS
        ret = None
        if message.ret is not None:
            ret = self.refs.next() if message.ret is Ret.SERVICE else self.channels.next()
        return Ends(ret, self.streams.next() if message.att else None)

    def commit(self, message: WireMessage, ends: Ends, ticket: int) -> None:
        """Give the ends of a message that has been queued with this ticket."""
        if message.ret is Ret.SERVICE:
            self.refs.give()
        elif message.ret is Ret.CHANNEL:
            self.channels.give()
        if ends.att is not None:
            self.streams.give(ticket)

    def take(self, message: WireMessage, ends: Ends) -> None:
        """Take the ends of a message of the other peer, all or none: what is told at the end was told before."""
        things = self.refs if message.ret is Ret.SERVICE else self.channels
        if ends.ret is not None:
            things.check_new(ends.ret)
        if ends.att is not None:
            self.streams.check_new(ends.att)
            self.streams.admit(ends.att)
        if ends.ret is not None:
            things.admit(ends.ret)

    def drop(self, message: WireMessage, ends: Ends) -> None:
        """Close the ends of a message that nobody will use."""
        if ends.ret is not None:
            if message.ret is Ret.SERVICE:
                self.refs.release(ends.ret)
            else:
                self.channels.close(ends.ret)
        if ends.att is not None:
            self.streams.stop(ends.att)
