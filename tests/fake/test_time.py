"""Time in a fake engine is trio's."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from backends.fake import FakeEngine
from swarmkit.engine.times import parse_time

from .client import Client


async def test_status_tells_virtual_time(client: Client, autojump_clock: MockClock) -> None:
    """Hours pass in no time, and the list says so."""
    await client.start("sleep", "100000", name="web")
    await trio.sleep(3 * 3600)
    assert [row["Status"] for row in await client.get("/containers/json")] == ["Up 3 hours"]


async def test_epoch_is_the_time_at_the_start(autojump_clock: MockClock) -> None:
    """An engine begins at the wall time it is given."""
    async with FakeEngine("fake", epoch=parse_time("2030-01-02T03:04:05Z")).run() as engine:
        info = await Client(engine.dial).get("/info")
        assert info["SystemTime"].startswith("2030-01-02T03:04:05")


async def test_stamps_are_told_apart(client: Client, autojump_clock: MockClock) -> None:
    """Containers made at one moment of the virtual clock are listed newest first all the same."""
    for name in ("one", "two", "three"):
        await client.create("true", name=name)
    assert [row["Names"] for row in await client.get("/containers/json?all=1")] == [["/three"], ["/two"], ["/one"]]


async def test_restarts_wait_longer_each_time(client: Client, autojump_clock: MockClock) -> None:
    """A container that fails at once is started again after 0.1, 0.2, 0.4... seconds, until its limit."""
    policy = {"Name": "on-failure", "MaximumRetryCount": 4}
    await client.start("false", name="web", HostConfig={"RestartPolicy": policy})
    before = trio.current_time()
    assert await client.wait("web") == 1
    assert 1.5 <= trio.current_time() - before < 1.6
    assert (await client.get("/containers/web/json"))["RestartCount"] == 4


async def test_stop_ends_the_waiting_for_a_restart(client: Client, autojump_clock: MockClock) -> None:
    """A container that is to be restarted can be stopped, and stays so."""
    await client.start("false", name="web", HostConfig={"RestartPolicy": {"Name": "always"}})
    await trio.sleep(0.05)
    assert (await client.get("/containers/web/json"))["State"]["Status"] == "restarting"
    assert (await client.ask("POST", "/containers/web/stop")).status == 204
    await trio.sleep(100)
    assert (await client.get("/containers/web/json"))["State"]["Status"] == "exited"


async def test_paused_container_does_nothing(client: Client, autojump_clock: MockClock) -> None:
    """A paused container's process waits; what it writes comes when it goes on."""
    await client.start("sh", "-c", "sleep 1; echo done", name="web")
    await client.ask("POST", "/containers/web/pause")
    await trio.sleep(60)
    assert (await client.ask("GET", "/containers/web/logs?stdout=1")).body == b""
    await client.ask("POST", "/containers/web/unpause")
    assert await client.wait("web") == 0
    assert (await client.ask("GET", "/containers/web/logs?stdout=1")).output == {1: b"done\n"}


async def test_followed_log_comes_as_it_is_written(client: Client, autojump_clock: MockClock) -> None:
    """A followed log delivers a line when it is written, and ends with the run."""
    await client.start("sh", "-c", "for i in 1 2 3; do echo $i; sleep 10; done", name="web")
    times = []
    async with client.opened("GET", "/containers/web/logs?stdout=1&follow=1") as reply:
        before = trio.current_time()
        while await reply.body.receive_some():
            times.append(round(trio.current_time() - before))
    assert times == [0, 10, 20]
    assert round(trio.current_time() - before) == 30


async def test_wait_says_so_before_it_waits(client: Client, autojump_clock: MockClock) -> None:
    """The head of a wait's answer comes at once, the exit code with the exit."""
    await client.start("sh", "-c", "sleep 100; exit 4", name="web")
    before = trio.current_time()
    async with client.opened("POST", "/containers/web/wait") as reply:
        assert trio.current_time() == before
        assert b'"StatusCode":4' in await reply.body.receive_some()
    assert round(trio.current_time() - before) == 100


async def test_slow_reader_slows_the_process(client: Client, autojump_clock: MockClock) -> None:
    """A container whose attached client does not read writes no more than the buffers hold."""
    container_id = await client.create("yes", "x" * 1000)
    async with client.conversation(f"/containers/{container_id}/attach?stream=1&stdout=1"):
        await client.ask("POST", f"/containers/{container_id}/start")
        await trio.sleep(60)
        log = await client.ask("GET", f"/containers/{container_id}/logs?stdout=1")
    assert 0 < len(log.body) < 16 * 1024 * 1024
