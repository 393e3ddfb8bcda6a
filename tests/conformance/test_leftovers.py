"""What the kit takes for left behind."""

from __future__ import annotations

import trio

from swarmkit.testing.leftovers import Leftovers


async def test_nothing_is_left_of_what_has_ended() -> None:
    """What was opened and closed, and tasks that have ended, are no leftovers."""
    before = Leftovers.now()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 0)
    for end in trio.socket.socketpair():
        end.close()
    assert before.excess() == ""


async def test_running_task_is_left() -> None:
    """A task that runs is named."""
    before = Leftovers.now()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        assert before.excess() == "tasks are left: trio.sleep_forever"
        nursery.cancel_scope.cancel()


async def test_open_descriptor_is_left() -> None:
    """A descriptor that is open is counted."""
    before = Leftovers.now()
    one, two = trio.socket.socketpair()
    with one, two:
        assert before.excess() == "2 file descriptors are left open"
