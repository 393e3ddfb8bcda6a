"""What happens to a container from its start to its end: starting, signals, stopping, restarting, removal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from swarmkit.errors import Conflict, Internal, SwarmError

from . import connecting
from .container import Container
from .process import Surroundings
from .runs import begin, discard
from .signals import KILL, TERM, exists, parse_signal

if TYPE_CHECKING:
    from .engine import FakeEngine

DEFAULT_GRACE = 10
"""Seconds between the stop signal and the kill, where nobody says otherwise."""


async def start(engine: FakeEngine, container: Container) -> bool:
    """Start a container; return False where it runs already. Raises as the engine does."""
    state = container.state
    if state.status == "paused":
        raise Conflict("cannot start a paused container, try unpause instead")
    if state.status == "restarting":
        _end_restarting(container)
    elif state.running:
        return False
    container.manually_stopped = False
    try:
        await begin(engine, container)
    except SwarmError as error:
        state.error = error.message
        state.exit_code = int(error.details.get("exit_code", 128))
        connecting.leave_all(engine, container)
        if container.host_config["AutoRemove"]:
            discard(engine, container, volumes=True)
        raise
    return True


def _end_restarting(container: Container) -> None:
    """Let a container that waits to be restarted be stopped."""
    if container.run_scope is not None:
        container.run_scope.cancel()
        container.run_scope = None
    container.state.status = "exited"
    container.exits += 1
    container.announce()


def send_signal(engine: FakeEngine, container: Container, number: int) -> None:
    """Send a signal to a container's first process, and say so."""
    if container.process is not None:
        container.process.signal(number)
    engine.emit(container, "kill", signal=str(number))


async def kill(engine: FakeEngine, container: Container, name: str) -> None:
    """Send a signal; after a SIGKILL, wait for the end. Raises as the engine does."""
    number = parse_signal(name) if name else KILL
    if not exists(number):
        raise Internal(f"The linux daemon does not support signal {number}")
    if not container.state.running:
        raise Conflict(f"Container {container.id} is not running")
    container.manually_stopped = True
    if container.state.status == "restarting":
        _end_restarting(container)
        return
    if container.state.status == "paused":
        await unpause(engine, container)
    send_signal(engine, container, number)
    if number == KILL:
        await container.wait_until_stopped()


async def stop(engine: FakeEngine, container: Container, seconds: int | None) -> bool:
    """Stop a container: its stop signal, then a wait (without end if negative), then SIGKILL. False if it had ended."""
    if not container.state.running:
        return False
    container.manually_stopped = True
    if container.state.status == "restarting":
        _end_restarting(container)
    else:
        if container.state.status == "paused":
            await unpause(engine, container)
        grace = container.config.get("StopTimeout", DEFAULT_GRACE) if seconds is None else seconds
        wanted = container.config.get("StopSignal")
        send_signal(engine, container, parse_signal(wanted) if wanted else TERM)
        with trio.move_on_after(grace if grace >= 0 else math.inf):
            await container.wait_until_stopped()
        if container.state.running:
            send_signal(engine, container, KILL)
            await container.wait_until_stopped()
    engine.emit(container, "stop")
    return True


async def restart(engine: FakeEngine, container: Container, seconds: int | None) -> None:
    """Stop a container if it runs, and start it."""
    removes, container.host_config["AutoRemove"] = container.host_config["AutoRemove"], False
    try:
        await stop(engine, container, seconds)
    finally:
        container.host_config["AutoRemove"] = removes
    await start(engine, container)
    engine.emit(container, "restart")


async def pause(engine: FakeEngine, container: Container) -> None:
    """Hold a container's processes. Raises as the engine does."""
    if not container.state.running:
        raise Conflict(f"Container {container.id} is not running")
    if container.state.status == "paused":
        raise Conflict(f"Container {container.id} is already paused")
    if container.state.status == "restarting" or container.around is None:
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    container.around.gate.shut()
    container.state.status = "paused"
    container.announce()
    engine.emit(container, "pause")
    await trio.lowlevel.checkpoint()


async def unpause(engine: FakeEngine, container: Container) -> None:
    """Let a container's processes go on. Raises as the engine does."""
    if container.state.status != "paused" or container.around is None:
        raise Internal(f"Container {container.id} is not paused")
    container.around.gate.open()
    container.state.status = "running"
    container.announce()
    engine.emit(container, "unpause")
    await trio.lowlevel.checkpoint()


async def remove(engine: FakeEngine, container: Container, *, force: bool, volumes: bool) -> None:
    """Remove a container, and its volumes without a name if wanted. Raises as the engine does."""
    if container.state.running and not force:
        paused = container.state.status == "paused"
        how = "Unpause and then stop" if paused else "Stop"
        raise Conflict(
            f"You cannot remove a {container.state.status} container {container.id}. "
            f"{how} the container before attempting removal or force remove"
        )
    if container.state.running:
        await kill(engine, container, "KILL")
    discard(engine, container, volumes=volumes)


def require_running(container: Container) -> Surroundings:
    """Return what the processes of a container share. Raises Conflict where it does not run."""
    if not container.state.running or container.around is None:
        raise Conflict(f"Container {container.id} is not running")
    return container.around
