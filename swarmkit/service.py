"""A service: one async function from a message to its reply. Everything else is built on that line."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import trio

from .errors import Unimplemented
from .message import Message, Verb


@runtime_checkable
class Service(Protocol):
    """Answer one message, or raise a `SwarmError`.

    Calls are independent: a service takes the next one while earlier ones wait. Cancelling a call gives up its reply;
    whether the work was done is then unknown to the caller. The service owns the request's ends (`att`, `ret`) from
    the moment it is called and closes those it does not use; the caller owns those of the reply.
    """

    async def __call__(self, message: Message, /) -> Message: ...


class VerbService:
    """A service written as one method for each verb it knows; the others are not implemented.

    The method is named after the verb (`async def ls(self, message)`), takes the message and returns the reply. The
    ends of a request are closed for it, unless it is for one of the verbs in `takes_ends`, whose methods do that
    themselves where they succeed.
    """

    name: str = ""
    takes_ends: frozenset[Verb] = frozenset()

    async def __call__(self, message: Message, /) -> Message:
        handler = getattr(self, message.verb.value, None)
        kept = False
        try:
            if handler is None or message.verb in (Verb.ACK, Verb.ERROR):
                raise self.unimplemented(message)
            reply = await handler(message)
            assert isinstance(reply, Message)
            kept = message.verb in self.takes_ends
        finally:
            if not kept:
                with trio.CancelScope(shield=True):
                    await close_ends(message)
        return reply

    def unimplemented(self, message: Message) -> Unimplemented:
        """Make the error that names the verb, the path and this service."""
        where = "/".join(message.path) or "itself"
        return Unimplemented(f"{self.name or type(self).__name__} does not implement {message.verb.name} on {where}")


async def close_ends(message: Message) -> None:
    """Close the ends that a message carries and that nobody will use."""
    try:
        if message.att is not None:
            await message.att.aclose()
    finally:
        closing = getattr(message.ret, "aclose", None)
        if closing is not None:
            await closing()
