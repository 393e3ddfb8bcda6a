"""What every service does, whatever is behind it. The verbs' meaning for hosts and sources is not here."""

from __future__ import annotations

import secrets

import trio

from ..channel import open_channel
from ..errors import Code, SwarmError
from ..message import Message, Verb
from ..service import Service, close_ends
from ..streams import open_pipe
from .check import Check, check
from .expect import SOON, equal, refused, true, within
from .leftovers import Leftovers
from .subjects import Subject

_REQUESTS = tuple(verb for verb in Verb if verb not in (Verb.ACK, Verb.ERROR))
_NOT_HERE = (Code.NOT_FOUND, Code.NOT_IMPLEMENTED, Code.INVALID)

CALLS_AT_ONCE = 20
CANCELLED_AFTER = 12
"""Checkpoints after which a call is cancelled, at most; each smaller number is tried, too."""


@check
async def unknown_path_is_refused(subject: Subject) -> None:
    """Every verb on a path that is not there raises a SwarmError: not_found, not_implemented or invalid, naming it."""
    async with subject.open() as service:
        for verb in _REQUESTS:
            name = f"nothing-{secrets.token_hex(4)}"
            error = await refused(service, Message(verb, (name,)), *_NOT_HERE)
            true(name in error.message, f"the refusal of {verb.name} must say what was asked ({name}): {error.message}")


@check
async def reply_verbs_are_refused(subject: Subject) -> None:
    """ACK and ERROR are replies; sent as requests they are not implemented."""
    async with subject.open() as service:
        for verb in (Verb.ACK, Verb.ERROR):
            await refused(service, Message(verb), Code.NOT_IMPLEMENTED, Code.INVALID)


@check
async def reply_is_an_ack(subject: Subject) -> None:
    """The reply to a request that is done has the verb ACK, and arguments that are plain values."""
    async with subject.open() as service:
        reply = await service(Message(Verb.LS))
        equal(reply.verb, Verb.ACK, "the verb of the reply to LS")
        _check_plain(reply.args, "the arguments of the reply to LS")


def _check_plain(value: object, what: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            true(isinstance(key, str), f"{what}: the key {key!r} is no string")
            _check_plain(inner, f"{what}, {key}")
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, what)
    else:
        plain = value is None or type(value) in (bool, int, float, str, bytes)
        true(plain, f"{what}: {value!r} is no plain value")


@check
async def calls_are_independent(subject: Subject) -> None:
    """Many calls at once are all answered, as one alone would be."""
    async with subject.open() as service:
        alone = _names(await service(Message(Verb.LS)))
        replies: list[Message] = []

        async def call() -> None:
            replies.append(await service(Message(Verb.LS)))

        with within(SOON, f"{CALLS_AT_ONCE} calls of LS at once"):
            async with trio.open_nursery() as nursery:
                for _ in range(CALLS_AT_ONCE):
                    nursery.start_soon(call)
        equal([_names(reply) for reply in replies], [alone] * CALLS_AT_ONCE, "what calls at once are answered")


@check
async def a_watch_holds_up_no_call(subject: Subject) -> None:
    """While a subscription is open and nobody reads it, other calls are answered."""
    async with subject.open() as service:
        reply = await _or_refusal(service, Message(Verb.WATCH))
        try:
            with within(SOON, "LS beside an open WATCH"):
                await service(Message(Verb.LS))
        finally:
            await close_ends(reply)


@check
async def cancelling_a_call_leaves_the_service_usable(subject: Subject) -> None:
    """A call may be cancelled at any point; the calls after it are answered as before."""
    async with subject.open() as service:
        before = _names(await service(Message(Verb.LS)))
        for verb in (Verb.LS, Verb.GET, Verb.WATCH):
            for checkpoints in range(CANCELLED_AFTER):
                await _cancel_after(service, Message(verb), checkpoints)
        with within(SOON, "LS after cancelled calls"):
            equal(_names(await service(Message(Verb.LS))), before, "LS after cancelled calls")


async def _cancel_after(service: Service, message: Message, checkpoints: int) -> None:
    async def call() -> None:
        await close_ends(await _or_refusal(service, message))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        for _ in range(checkpoints):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


@check
async def unused_streams_are_closed(subject: Subject) -> None:
    """A request's byte stream that the service has no use for is closed, whether it answers or refuses."""
    async with subject.open() as service:
        for verb, path in _useless():
            sender, receiver = open_pipe()
            await close_ends(await _or_refusal(service, Message(verb, path, att=receiver)))
            with within(SOON, f"the stream carried by {verb.name} on {'/'.join(path) or 'the service'} closed"):
                await sender.wait_reader_gone()


@check
async def unused_channels_are_closed(subject: Subject) -> None:
    """A request's channel that the service has no use for is closed, whether it answers or refuses."""
    async with subject.open() as service:
        for verb, path in _useless():
            sender, receiver = open_channel()
            await close_ends(await _or_refusal(service, Message(verb, path, ret=receiver)))
            with within(SOON, f"the channel carried by {verb.name} on {'/'.join(path) or 'the service'} closed"):
                await sender.wait_closed()


def _useless() -> list[tuple[Verb, tuple[str, ...]]]:
    """Return requests that no service takes an end of: LS, and every verb where there is nothing."""
    return [(Verb.LS, ()), *((verb, (f"nothing-{secrets.token_hex(4)}",)) for verb in _REQUESTS)]


@check
async def closing_ends_watches_with_an_error(subject: Subject) -> None:
    """A channel whose service is closed ends with an error, unavailable, not as if all had been said."""
    async with subject.open() as service:
        reply = await _or_refusal(service, Message(Verb.WATCH))
    if reply.ret is None:
        return  # it watches nothing, and has said so
    channel = reply.ret
    try:
        with within(SOON, "the end of the channel of a closed service"):
            async for _ in channel:  # type: ignore[union-attr]
                pass
    except SwarmError as error:
        equal(error.code, Code.UNAVAILABLE, "the code that the channel ended with")
        return
    raise AssertionError("the channel of a closed service ended as if nothing were missing")


@check
async def closing_leaves_nothing_behind(subject: Subject) -> None:
    """When the block of an instance ends, its tasks and its file descriptors are gone, whatever was left open."""
    await _use(subject)  # what is loaded and opened once for all is no leak
    leftovers = Leftovers.now()
    await _use(subject)
    equal(leftovers.excess(), "", "what the closed instance left")


async def _use(subject: Subject) -> None:
    async with subject.open() as service:
        await service(Message(Verb.LS))
        await _or_refusal(service, Message(Verb.WATCH))
        await _or_refusal(service, Message(Verb.GET))


async def _or_refusal(service: Service, message: Message) -> Message:
    """Return the reply, or where it is refused with a `SwarmError` an ERROR that says so."""
    try:
        with within(SOON, f"an answer to {message}"):
            return await service(message)
    except SwarmError as error:
        return Message(Verb.ERROR, args={"code": error.code.value})


def _names(reply: Message) -> list[str]:
    return sorted(row["name"] for row in reply.get("rows", ()))


SERVICE_CHECKS: tuple[Check[Subject], ...] = (
    unknown_path_is_refused,
    reply_verbs_are_refused,
    reply_is_an_ack,
    calls_are_independent,
    a_watch_holds_up_no_call,
    cancelling_a_call_leaves_the_service_usable,
    unused_streams_are_closed,
    unused_channels_are_closed,
    closing_ends_watches_with_an_error,
    closing_leaves_nothing_behind,
)
"""The checks for any service that answers LS on itself."""
