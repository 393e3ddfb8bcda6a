"""How a check fails, whatever its subject does."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from swarmkit.errors import NotFound
from swarmkit.testing import ListSource, Subject, check

SUBJECT = Subject(name="mine", open=ListSource().open)


async def _failure(rule: object) -> str:
    with pytest.raises(AssertionError) as caught:
        await rule(SUBJECT)  # type: ignore[operator]
    return str(caught.value)


async def test_failure_names_check_subject_and_rule() -> None:
    """A failure says which check, on what, what was seen, and the rule."""

    @check
    async def is_good(subject: Subject) -> None:
        """It is good."""
        raise AssertionError("it is bad")

    assert await _failure(is_good) == "is_good fails for mine: it is bad\nThe rule: It is good."


async def test_foreign_exception_is_a_failure() -> None:
    """Whatever a subject raises is a failure of the check, and said."""

    @check
    async def is_found(subject: Subject) -> None:
        """It is found."""
        raise NotFound("no such thing")

    assert "NotFound: no such thing" in await _failure(is_found)


async def test_failure_within_a_nursery_is_told_plainly() -> None:
    """A failure in a task of the check is told without the group around it."""

    @check
    async def is_good(subject: Subject) -> None:
        """It is good."""

        async def look() -> None:
            raise AssertionError("it is bad")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)

    assert "is_good fails for mine: it is bad" in await _failure(is_good)


async def test_hanging_check_fails(autojump_clock: MockClock) -> None:
    """A check that hangs fails at its deadline."""

    @check
    async def ends(subject: Subject) -> None:
        """It ends."""
        await trio.sleep_forever()

    assert "ends fails for mine: not done in 60 s" in await _failure(ends)


async def test_cancelling_a_check_is_no_failure() -> None:
    """A check that is cancelled from outside is cancelled, and has not failed."""

    @check
    async def ends(subject: Subject) -> None:
        """It ends."""
        await trio.sleep_forever()

    with trio.CancelScope() as scope:
        scope.cancel()
        await ends(SUBJECT)
    assert scope.cancelled_caught
