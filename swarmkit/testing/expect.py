"""Expectations that fail with a readable text, without help from a test runner (and under `python -O`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio

from ..channel import Receiver
from ..errors import Code, SwarmError
from ..message import Message, Verb
from ..service import Service, close_ends

T = TypeVar("T")

SOON = 10.0
"""Seconds of trio's clock in which what needs no long work must have come about."""

POLL = 0.05
"""Seconds between two looks at what changes on its own."""


def equal(actual: object, expected: object, what: str) -> None:
    """Fail unless both are equal; `what` says what was looked at."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {_short(expected)}, got {_short(actual)}")


def true(condition: object, what: str) -> None:
    """Fail with `what` unless the condition holds."""
    if not condition:
        raise AssertionError(what)


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Fail where the block takes longer."""
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise AssertionError(f"{what}: not done in {seconds:g} s")


async def eventually(look: Callable[[], Awaitable[T]], accept: Callable[[T], bool], what: str) -> T:
    """Look again and again until what is seen is accepted; fail, saying what was seen last, when it takes too long."""
    give_up = trio.current_time() + SOON
    while not accept(seen := await look()):
        if trio.current_time() > give_up:
            raise AssertionError(f"{what}: not so after {SOON:g} s; last seen: {_short(seen)}")
        await trio.sleep(POLL)
    return seen


async def refused(service: Service, message: Message, *codes: Code) -> SwarmError:
    """Send what must be refused; fail unless a `SwarmError` with one of the codes is raised."""
    with within(SOON, f"the refusal of {message}"):
        try:
            reply = await service(message)
        except SwarmError as error:
            if error.code not in codes:
                wanted = " or ".join(code.value for code in codes)
                raise AssertionError(
                    f"{message} must be refused as {wanted}, not as {error.code.value}: {error}"
                ) from error
            return error
        except Exception as error:
            raise AssertionError(f"{message} must be refused with a SwarmError, not {error!r}") from error
        await close_ends(reply)
        raise AssertionError(f"{message} must be refused; the answer was {reply}")
    raise AssertionError("unreachable: `within` fails first")


async def subscribe(service: Service, **options: object) -> Receiver:
    """Send WATCH and return its channel, which the caller closes."""
    reply = await service(Message(Verb.WATCH, (), options))
    if not isinstance(reply.ret, Receiver):
        raise AssertionError(f"the reply to WATCH must carry the receiving end of a channel, not {reply.ret!r}")
    return reply.ret


async def await_message(channel: Receiver, accept: Callable[[Message], bool], what: str) -> list[Message]:
    """Receive until a message is accepted; return all that came, that one the last."""
    came: list[Message] = []
    with trio.move_on_after(SOON):
        async for message in channel:
            came.append(message)
            if accept(message):
                return came
        raise AssertionError(f"the channel ended before {what}")
    kinds = ", ".join(f"{message.get('kind')} {'/'.join(message.path)}" for message in came[-10:])
    raise AssertionError(f"{what}: not received in {SOON:g} s; the last that came: {kinds or 'nothing'}")


def _short(value: object, limit: int = 400) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
