"""A container's run: how it begins, and what follows from its end, a restart or the removal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from swarmkit.engine.times import SECOND
from swarmkit.errors import Invalid, SwarmError

from . import connecting
from .container import Container
from .output import StreamOf
from .process import Input, Process, Surroundings
from .programs import NotExecutable

if TYPE_CHECKING:
    from .engine import FakeEngine

FIRST_BACKOFF, LONGEST_BACKOFF, SETTLED = 0.1, 60.0, 10.0
"""Seconds before the first restart by policy, before any, and of a run after which the count begins anew."""


async def begin(engine: FakeEngine, container: Container) -> None:
    """Connect a container and run its process in a task of the engine's."""
    container.host_config.setdefault("Runtime", "runc")
    connecting.join_all(engine, container)
    container.prepared = True
    try:
        engine.programs.find(container.command[0], container.files, environment(container))
    except NotExecutable as error:
        text = f"runc create failed: unable to start container process: {error.text}: unknown"
        raise Invalid(f"failed to create shim task: OCI runtime create failed: {text}", exit_code=error.code) from error
    say_mounts(engine, container, "mount")
    await engine.nursery.start(_run, engine, container)


def say_mounts(engine: FakeEngine, container: Container, action: str) -> None:
    """Say that a container's volumes are mounted, or no more."""
    for mount in container.mounts:
        if mount.kind == "volume":
            access = str(not mount.read_only).lower()
            place = {"destination": mount.target, "propagation": "", "read/write": access} if action == "mount" else {}
            engine.events.emit("volume", action, mount.source, {"container": container.id, "driver": "local", **place})


def environment(container: Container) -> dict[str, str]:
    """Return the variables of a container's processes."""
    variables = [variable.partition("=")[::2] for variable in container.config["Env"] or []]
    terminal = {"TERM": "xterm"} if container.tty else {}
    home = "/root" if container.config["User"] in ("", "root", "0") else "/"
    paths = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    return {**paths, "HOSTNAME": container.config["Hostname"], **terminal, **dict(variables), "HOME": home}


async def _run(
    engine: FakeEngine, container: Container, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run the process to its end, and do what follows from it."""
    async with trio.open_nursery() as nursery:
        process = _first_process(engine, container, nursery)
        state = container.state
        state.status, state.pid, state.exit_code, state.error = "running", process.pid, 0, ""
        state.started_at = engine.clock.stamp()
        container.announce()
        engine.emit(container, "start")
        task_status.started()
        code = await process.execute()
        nursery.cancel_scope.cancel()  # the first process ends: so do the others
    await _ended(engine, container, code)


def _first_process(engine: FakeEngine, container: Container, nursery: trio.Nursery) -> Process:
    around = Surroundings(
        container.files, engine.programs, engine.clock, container.config["Hostname"], nursery, engine.new_pid
    )
    container.around = around
    config = container.config
    has_init = bool(container.host_config.get("Init"))
    container.process = Process(
        around,
        container.command,
        environment(container),
        Input(container.stdin_reader if config["OpenStdin"] else None),
        StreamOf(container.output, 1, container.tty),
        StreamOf(container.output, 1 if container.tty else 2, container.tty),
        cwd=config["WorkingDir"] or "/",
        user=config["User"],
        tty=container.tty,
        is_init=not has_init and container.host_config["PidMode"] != "host",
        pid=engine.new_pid(),
    )
    return container.process


async def _ended(engine: FakeEngine, container: Container, code: int) -> None:
    """Bring a container from running to whatever comes next."""
    state = container.state
    ran = engine.clock.now() - state.started_at
    state.status, state.pid, state.exit_code = "exited", 0, code
    state.finished_at = engine.clock.stamp()
    container.process = container.around = None
    container.execs.clear()
    again = _restarts_again(container, code)
    if again:
        state.status = "restarting"
    container.output.end()
    container.renew_stdin()
    engine.emit(container, "die", exitCode=str(code))
    connecting.leave_all(engine, container)
    say_mounts(engine, container, "unmount")
    if again:
        engine.nursery.start_soon(_restart_later, engine, container, ran)
        return
    container.exits += 1
    container.announce()
    if container.host_config["AutoRemove"]:
        discard(engine, container, volumes=True)


def _restarts_again(container: Container, code: int) -> bool:
    policy = container.host_config["RestartPolicy"]
    if container.manually_stopped:
        return False
    limit = policy["MaximumRetryCount"] or math.inf
    name = policy["Name"]
    return name in ("always", "unless-stopped") or (name == "on-failure" and code != 0 and container.restarts < limit)


async def _restart_later(engine: FakeEngine, container: Container, ran: int) -> None:
    """Start a container again by its policy, each time after a longer wait."""
    count = 0 if ran > SETTLED * SECOND else container.restarts
    container.restarts += 1
    with trio.CancelScope() as waiting:
        container.run_scope = waiting
        await trio.sleep(min(FIRST_BACKOFF * 2**count, LONGEST_BACKOFF))
    if waiting.cancelled_caught:
        return
    container.run_scope = None
    try:
        await begin(engine, container)
    except SwarmError as error:
        container.state.status, container.state.error = "exited", error.message
        container.exits += 1
        container.announce()


def discard(engine: FakeEngine, container: Container, *, volumes: bool) -> None:
    """Forget a container that does not run. Once is enough."""
    if container.removed:
        return
    container.state.status = "removing"
    container.removed = True
    engine.containers.discard(container)
    for exec_id in [exec_id for exec_id, each in engine.execs.items() if each.container is container]:
        del engine.execs[exec_id]
    anonymous = [mount.source for mount in container.mounts if mount.kind == "volume" and len(mount.source) == 64]
    for name in anonymous if volumes else ():
        engine.remove_volume(name)
    engine.emit(container, "destroy")
    container.announce()
