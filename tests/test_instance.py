from collections.abc import Awaitable, Callable

import pytest
import trio

from swarmkit import NotFound, Unavailable, open_instance
from swarmkit.instance import errors_within


async def fail(error: Exception) -> None:
    """Raise."""
    raise error


async def fail_beside(block: Callable[[], Awaitable[None]]) -> None:
    """Open an instance with a block and a task that fails."""
    async with open_instance() as nursery:
        nursery.start_soon(fail, Unavailable("task"))
        await block()


async def test_tasks_are_cancelled_when_the_block_ends(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody waits for what a finished instance was doing."""
    async with open_instance() as nursery:
        nursery.start_soon(trio.sleep, 1000)
    assert trio.current_time() < 1000


async def test_an_exception_of_the_block_is_in_no_group() -> None:
    """What the block raises leaves as it is, however many instances are around it."""
    error = NotFound("x")
    with pytest.raises(NotFound) as raised:
        async with open_instance(), open_instance():
            raise error
    assert raised.value is error


async def test_a_failing_task_is_a_group() -> None:
    """What a task raises ends the block, and leaves as trio has it."""
    with pytest.raises(ExceptionGroup) as raised:
        await fail_beside(trio.sleep_forever)
    assert [str(error) for error in errors_within(raised.value)] == ["task"]


async def test_where_task_and_block_fail_neither_is_lost() -> None:
    """The block's exception is in the group of the task that made it fail."""

    async def block() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise NotFound("block")

    with pytest.raises(ExceptionGroup) as raised:
        await fail_beside(block)
    assert [str(error) for error in errors_within(raised.value)] == ["block", "task"]


async def test_cancelling_from_outside_ends_it_quietly() -> None:
    """A cancelled block is no failure."""
    with trio.CancelScope() as scope:
        async with open_instance() as nursery:
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught


A, B = Unavailable("a"), NotFound("b")


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (A, [A]),
        (ExceptionGroup("", [A]), [A]),
        (ExceptionGroup("", [ExceptionGroup("", [A]), B]), [A, B]),
        (ValueError(), []),
        (ExceptionGroup("", [A, ValueError()]), []),
        (ExceptionGroup("", [ExceptionGroup("", [ValueError()]), A]), []),
        (BaseExceptionGroup("", [A, KeyboardInterrupt()]), []),
    ],
)
def test_what_was_foreseen_is_told_from_a_bug(error: BaseException, found: list[Exception]) -> None:
    """All that a group holds must be the toolkit's errors, else it is none."""
    assert errors_within(error) == found
