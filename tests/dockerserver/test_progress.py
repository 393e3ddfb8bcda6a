"""The progress of several hosts, opened at once or in turn."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from backends.dockerserver.progress import MergedProgress
from swarmkit.errors import SwarmError
from swarmkit.message import Message, ack
from swarmkit.streams import open_pipe, read_whole


async def never_lost(host: str) -> SwarmError:
    """Wait for ever: no host is lost here."""
    return await trio.sleep_forever()


@pytest.mark.parametrize(("in_turn", "most"), [(False, 3), (True, 1)])
async def test_hosts_are_asked_at_once_or_in_turn(
    in_turn: bool, most: int, autojump_clock: trio.testing.MockClock
) -> None:
    """In turn, the next host is asked when the stream of the one before has ended; every host is asked."""
    going: set[str] = set()
    counts: list[int] = []

    async def host(name: str) -> Message:
        going.add(name)
        counts.append(len(going))
        sender, receiver = open_pipe()

        async def speak() -> None:
            await sender.send_all(b'{"status": "Pushing"}\n')
            await trio.sleep(1)
            going.discard(name)
            sender.send_eof()

        nursery.start_soon(speak)
        return ack({"status": 200, "headers": []}, att=receiver)

    async with trio.open_nursery() as nursery:
        opening = {name: partial(host, name) for name in "abc"}
        progress = MergedProgress(opening, never_lost, in_turn=in_turn)
        nursery.start_soon(progress.run)
        await progress.wait_begun()
        assert (await read_whole(progress.body)).count(b"Pushing") >= 1
    assert (len(counts), max(counts)) == (3, most)
