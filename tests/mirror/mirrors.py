"""A mirror of a scripted host, opened for a test, and what the tests ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from swarmkit import Listing, Message, Receiver, Verb
from swarmkit.mirror import Mirror, open_mirror

from ..aggregate.scripted import ScriptedHost, full_id

LS = Message(Verb.LS, ("containers",))
WEB = ("containers", full_id("web"))


@asynccontextmanager
async def mirror_of(host: ScriptedHost) -> AsyncIterator[Mirror]:
    """Open a mirror that is in step, and forget the calls that it took."""
    async with open_mirror(host, host.name) as mirror:
        await trio.testing.wait_all_tasks_blocked()
        host.calls.clear()
        yield mirror


async def states(mirror: Mirror) -> dict[str, Any]:
    """List, and return each container's state."""
    return {each.name: each.document["State"] for each in Listing.of(await mirror(LS))}


def heard(channel: Receiver) -> list[tuple[str, tuple[str, ...]]]:
    """Return what waits in a watch: kinds and paths."""
    return [(message["kind"], message.path) for message in waiting(channel)]


def waiting(channel: Receiver) -> list[Message]:
    """Return the messages that wait in a watch."""
    return list(iter(channel.receive_nowait, None))


async def watch(mirror: Mirror, **args: Any) -> Receiver:
    """Subscribe."""
    reply = await mirror(Message(Verb.WATCH, (), args))
    assert isinstance(reply.ret, Receiver)
    return reply.ret


def hold(host: ScriptedHost, verb: Verb) -> trio.Event:
    """Hold back a verb until the event that this returns is set."""
    released = trio.Event()

    async def before(message: Message) -> None:
        if message.verb is verb:
            await released.wait()

    host.before = before
    return released
