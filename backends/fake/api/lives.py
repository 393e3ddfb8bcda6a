"""Operations that are the steps of a container's life: start, stop, kill, restart, pause, unpause, remove."""

from __future__ import annotations

from swarmkit.errors import Invalid, SwarmError, error_of
from swarmkit.http import Response
from swarmkit.streams import read_whole

from .. import lifecycle
from ..signals import parse_signal
from .replies import empty_reply
from .routing import Call


async def start(call: Call) -> Response:
    if await read_whole(call.request.body):
        text = "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"
        raise Invalid(text)
    started = await lifecycle.start(call.engine, call.container)
    return empty_reply(204 if started else 304)


def _grace(call: Call) -> int | None:
    return call.number("t", status=500) if call.query.get("t") else None


async def stop(call: Call) -> Response:
    seconds = _grace(call)
    stopped = await lifecycle.stop(call.engine, call.container, seconds)
    return empty_reply(204 if stopped else 304)


async def kill(call: Call) -> Response:
    signal = call.query.get("signal", "")
    if signal:
        parse_signal(signal)
    try:
        await lifecycle.kill(call.engine, call.container, signal)
    except SwarmError as error:
        text = f"Cannot kill container: {call.parts['name']}: {error.message}"
        raise error_of(error.code, text, **error.details) from error
    return empty_reply()


async def restart(call: Call) -> Response:
    seconds = _grace(call)
    await lifecycle.restart(call.engine, call.container, seconds)
    return empty_reply()


async def pause(call: Call) -> Response:
    await lifecycle.pause(call.engine, call.container)
    return empty_reply()


async def unpause(call: Call) -> Response:
    await lifecycle.unpause(call.engine, call.container)
    return empty_reply()


async def remove(call: Call) -> Response:
    container = call.container
    await lifecycle.remove(call.engine, container, force=call.flag("force"), volumes=call.flag("v"))
    return empty_reply()
