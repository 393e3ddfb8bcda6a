"""What a test can do to a fake engine."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from backends.fake import Exit, FakeEngine, Process

from .client import Client


async def test_frozen_engine_answers_once_thawed(engine: FakeEngine, client: Client, autojump_clock: MockClock) -> None:
    """A frozen engine accepts connections and answers nothing until it goes on."""
    engine.freeze()
    with trio.move_on_after(60) as waiting:
        await client.get("/version")
    assert waiting.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.get, "/version")
        await trio.sleep(1)
        engine.thaw()


async def test_containers_go_on_in_a_frozen_engine(
    engine: FakeEngine, client: Client, autojump_clock: MockClock
) -> None:
    """Freezing holds the daemon, not its containers."""
    await client.start("sh", "-c", "sleep 5; exit 3", name="web")
    engine.freeze()
    await trio.sleep(10)
    engine.thaw()
    state = (await client.get("/containers/web/json"))["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 3)


async def test_stopped_engine_refuses_and_breaks(engine: FakeEngine, client: Client) -> None:
    """A stopped engine breaks open connections and refuses new ones; its containers are there when it is back."""
    await client.start("sleep", "1000", name="web")
    stream = await engine.dial()
    await engine.stop()
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some(1)
    with pytest.raises(ConnectionRefusedError):
        await engine.dial()
    engine.start()
    assert [row["State"] for row in await client.get("/containers/json")] == ["running"]


async def test_own_command(engine: FakeEngine, client: Client) -> None:
    """A command of one's own reads, writes and exits as any other, in a shell, too."""

    async def double(process: Process) -> int:
        line = await process.stdin.read_line()
        await process.stdout.write(line * 2)
        raise Exit(5)

    engine.add_command("double", double)
    assert await client.run("sh", "-c", "echo x | double; echo $?") == (0, {1: b"x\nx\n5\n"})


async def test_own_command_handles_a_signal(engine: FakeEngine, client: Client, autojump_clock: MockClock) -> None:
    """A first process that handles SIGTERM ends well within the grace."""

    async def serve(process: Process) -> int:
        await process.catch(15).wait()
        await process.say("bye")
        return 0

    engine.add_command("serve", serve)
    await client.start("serve", name="web")
    before = trio.current_time()
    await client.ask("POST", "/containers/web/stop")
    assert trio.current_time() - before < 1
    assert (await client.ask("GET", "/containers/web/logs?stdout=1")).output == {1: b"bye\n"}


async def test_behind_the_back(engine: FakeEngine, client: Client) -> None:
    """What is done to the engine directly is seen, and told in events, as if another client had done it."""
    async with client.opened("GET", "/events") as events:
        engine.create_container("web", "sleep", "9", Labels={"a": "b"})
        await engine.start_container("web")
        await engine.kill_container("web")
        await engine.remove_container("web")
        seen = b""
        while b'"destroy"' not in seen:
            seen += await events.body.receive_some()
    actions = [word for word in (b"create", b"start", b"kill", b"die", b"destroy") if b'"Action":"%b"' % word in seen]
    assert actions == [b"create", b"start", b"kill", b"die", b"destroy"]


async def test_registry_lists_what_can_be_pulled() -> None:
    """With a registry, an image that it does not list cannot be pulled, and one that it lists can."""
    async with FakeEngine("fake", images=(), registry=["nginx:1.25"]).run() as engine:
        client = Client(engine.dial)
        assert (await client.ask("POST", "/images/create?fromImage=nginx&tag=1.25")).status == 200
        assert (await client.ask("POST", "/images/create?fromImage=nginx&tag=1.26")).status == 404
        assert [row["RepoTags"] for row in await client.get("/images/json")] == [["nginx:1.25"]]


async def test_leaving_ends_everything(autojump_clock: MockClock) -> None:
    """When the block ends, no container runs and every connection is broken."""
    async with FakeEngine("fake").run() as engine:
        await Client(engine.dial).start("sleep", "1000")
        stream = await engine.dial()
    assert await stream.receive_some(1) == b""
