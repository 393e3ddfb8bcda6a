"""Containers that run to their end: output, exit codes, input."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from backends.fake import FakeEngine
from swarmkit.streams import BytesStream, read_whole

from .client import Client, split_frames


async def test_output_and_exit_code_are_those_of_the_command(client: Client) -> None:
    """What a container writes is in its log, by stream, and its exit code is the command's."""
    assert await client.run("sh", "-c", "echo a; echo b >&2; exit 3") == (3, {1: b"a\n", 2: b"b\n"})


async def test_piped_input_arrives_whole(client: Client) -> None:
    """An attached client's input reaches the process to the last byte, and its half-close ends it."""
    data = bytes(range(256)) * 4000
    container_id = await client.create("cat", OpenStdin=True, StdinOnce=True)
    target = f"/containers/{container_id}/attach?stream=1&stdin=1&stdout=1"
    async with client.conversation(target) as (connection, reply):
        await client.ask("POST", f"/containers/{container_id}/start")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.converse, BytesStream(data))
            output = await read_whole(reply.body)
    assert split_frames(output) == {1: data}


async def test_stop_waits_the_grace_and_kills(client: Client, autojump_clock: MockClock) -> None:
    """The first process of a container ignores SIGTERM as it does not handle it: it is killed after ten seconds."""
    container_id = await client.start("sleep", "1000")
    before = trio.current_time()
    await client.ask("POST", f"/containers/{container_id}/stop")
    assert round(trio.current_time() - before) == 10
    assert await client.wait(container_id) == 137


async def test_engines_are_independent(engine: FakeEngine, client: Client) -> None:
    """What one engine has, another has not."""
    await client.create("true", name="web")
    async with FakeEngine("other").run() as other:
        assert await Client(other.dial).get("/containers/json?all=1") == []
