"""What the docker command does for a foreground `run`, 500 times: nothing is lost, and nothing is left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import trio

from swarmkit import open_pipeline, read_whole

from .asking import ask, ask_json, collect, connected, settle
from .engines import Engine
from .swarm import over

pytestmark = pytest.mark.engine

CYCLES = 500
AT_ONCE = 20


async def run_once(path: Path, number: int) -> None:
    """Create, attach with an immediate half-close, wait, start, on three connections; check every byte and the code."""
    size, code = 1000 + 37 * number, number % 7
    script = f"head -c {size} /dev/zero; echo e{number} >&2; exit {code}"
    # A network of its own would cost the engine more than all the rest of a container does.
    host_config = {"AutoRemove": True, "NetworkMode": "host"}
    spec = {"Image": "busybox", "Cmd": ["sh", "-c", script], "HostConfig": host_config}
    async with connected(path) as first, connected(path) as second, connected(path) as third:
        created = await ask_json(first, "POST", "/containers/create", spec)
        container = f"/containers/{created['Id']}"
        attached = await ask(second, "POST", f"{container}/attach?stderr=1&stdout=1&stream=1", raw=True)
        assert attached.head.status == 101
        await second.stream.send_eof()
        output: dict[int, bytes] = {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, attached, output)
            waiting = await ask(first, "POST", f"{container}/wait?condition=removed")
            assert (await ask(third, "POST", f"{container}/start")).head.status == 204
            result = json.loads(await read_whole(waiting.body))
    assert result["StatusCode"] == code
    assert output == {1: bytes(size), 2: f"e{number}\n".encode()}


def count_tasks() -> int:
    """Count all tasks of this run of trio, beneath the root task."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    tasks, total = [root], 0
    while tasks:
        task = tasks.pop()
        total += 1
        tasks.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return total


def descriptors() -> int:
    """Count the open descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def children() -> list[str]:
    """Return the processes that this process has started and that are there still."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


async def test_500_foreground_runs_lose_nothing_and_leave_nothing_behind(
    clean_engines: list[Engine], tmp_path: Path
) -> None:
    """500 cycles, 20 at a time: bytes and codes are right, and descriptors, children and tasks are those of before."""
    path = tmp_path / "swarm.sock"
    async with open_pipeline([f"dockerserver unix://{path}", over(clean_engines[:2])]) as host:
        await run_once(path, 0)  # what is opened once and kept is open now
        while (await host.ls()).rows:
            await trio.sleep(0.1)
        await trio.sleep(8)  # idle connections and lingering ends have closed
        before = (count_tasks(), descriptors(), children())
        limiter = trio.CapacityLimiter(AT_ONCE)

        async def run_limited(number: int) -> None:
            async with limiter:
                await run_once(path, number)

        async with trio.open_nursery() as nursery:
            for number in range(CYCLES):
                nursery.start_soon(run_limited, number)
        after = await settle(lambda: (count_tasks(), descriptors(), children()), before)
        assert after == before
        assert (await host.ls()).rows == ()
