"""Much at once through one ssh connection a host: nothing is lost, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from swarmkit import read_whole
from swarmkit.frames import FrameDecoder

from .asking import ask, ask_json, connected, settle
from .looking import wait_up
from .processes import descriptors
from .ssh_hosts import SshHost
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

REQUESTS = 200
WRITERS, FOLLOWERS = 10, 10
"""Containers that write a log, and followers of each log."""

IDLE = 8.0
"""Seconds after which connections that nobody uses are closed."""

HALF = 1000
"""Lines that a log has before its followers are there, and as many afterwards."""

SCRIPT = f"seq {HALF}; until [ -e /go ]; do sleep 0.1; done; seq {HALF + 1} {2 * HALF}; sleep 600"
"""It stays: an engine of 20.10 loses the end of a log that is followed where the container ends right after it."""

LOG = "".join(f"{number}\n" for number in range(1, 2 * HALF + 1)).encode()


class Follower:
    """Read a log as `docker logs -f` does, and keep all of it."""

    def __init__(self, path: Path, container: str) -> None:
        self._path = path
        self._container = container
        self.halfway, self.complete = trio.Event(), trio.Event()
        self.log = bytearray()

    async def run(self) -> None:
        """Read to the end of the log, which comes with the container's."""
        decoder = FrameDecoder()
        async with connected(self._path) as connection:
            reply = await ask(connection, "GET", f"/containers/{self._container}/logs?follow=1&stdout=1")
            assert reply.head.status == 200, await read_whole(reply.body)
            while data := await reply.body.receive_some():
                for record in decoder.feed(data):
                    self.log += record.data
                for event, last in (self.halfway, HALF), (self.complete, 2 * HALF):
                    if self.log.endswith(b"\n%d\n" % last):
                        event.set()
        assert decoder.clean


async def start_writers(path: Path, hosts: list[SshHost]) -> list[str]:
    """Start containers that write, on all hosts alike; return their names."""
    spec = {"Image": "busybox", "Cmd": ["sh", "-c", SCRIPT]}
    names = [f"{hosts[number % len(hosts)].engine.name}/writer{number}" for number in range(WRITERS)]
    async with connected(path) as connection:
        for name in names:
            await ask_json(connection, "POST", f"/containers/create?name={name}", spec)
            await ask_json(connection, "POST", f"/containers/{name}/start")
    return names


async def let_go(path: Path, container: str) -> None:
    """Have a container write the rest of its log."""
    async with connected(path) as connection:
        created = await ask_json(connection, "POST", f"/containers/{container}/exec", {"Cmd": ["touch", "/go"]})
        await ask_json(connection, "POST", f"/exec/{created['Id']}/start", {"Detach": True})


async def remove(path: Path, names: list[str]) -> None:
    """Remove containers that run."""
    async with connected(path) as connection:
        for name in names:
            await ask_json(connection, "DELETE", f"/containers/{name}?force=1")


async def inspect_at_once(path: Path, names: list[str]) -> list[Any]:
    """Send as many requests as are wanted at the same time, each on a connection of its own; return the answers."""
    answers: list[Any] = []
    ready = trio.Event()
    waiting = 0

    async def inspect(name: str) -> None:
        nonlocal waiting
        async with connected(path) as connection:
            waiting += 1
            await ready.wait()
            answers.append(await ask_json(connection, "GET", f"/containers/{name}/json"))

    async with trio.open_nursery() as nursery:
        for number in range(REQUESTS):
            nursery.start_soon(inspect, names[number % len(names)])
        while waiting < REQUESTS:
            await trio.sleep(0.01)
        ready.set()
    return answers


async def test_200_requests_and_100_followed_logs_lose_nothing_and_leave_nothing(
    ssh_hosts: list[SshHost], tmp_path: Path
) -> None:
    """While 100 logs are followed 200 requests are answered, over one connection a host; then all is as before."""
    path, hosts = tmp_path / "swarm.sock", ssh_hosts[:2]
    stages = {host.engine.name: host.stage for host in hosts}

    def left(swarmd: Swarmd) -> list[list[str]]:
        return [descriptors(pid) for pid in (swarmd.pid, *swarmd.children(), *hosts[0].sshd.pids())]

    with serving(path, over([host.engine for host in hosts], **stages)) as swarmd:
        await trio.to_thread.run_sync(wait_up, swarmd)
        names = await start_writers(path, hosts)
        await trio.sleep(IDLE)
        before, children = left(swarmd), swarmd.children()
        assert len(children) == len(hosts)
        followers = [Follower(path, name) for name in names for _ in range(FOLLOWERS)]
        async with trio.open_nursery() as nursery:
            for follower in followers:
                nursery.start_soon(follower.run)
            for follower in followers:
                await follower.halfway.wait()
            answers = await inspect_at_once(path, names)
            assert [host.connections() for host in hosts] == [1, 1]
            assert swarmd.children() == children
            for name in names:
                nursery.start_soon(let_go, path, name)
            for follower in followers:
                await follower.complete.wait()
            await remove(path, names)
        assert sorted(answer["Name"] for answer in answers) == sorted(
            f"/{name.partition('/')[2]}" for name in names for _ in range(REQUESTS // WRITERS)
        )
        assert [bytes(follower.log) for follower in followers] == [LOG] * len(followers)
        assert await settle(lambda: left(swarmd), before) == before
    assert [host.wait_connections(0, 10) for host in hosts] == [0, 0]
