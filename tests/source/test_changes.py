"""Changes of files are noticed, each once, and not while they are being written."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from swarmkit.source import LOOK_SECONDS, follow_changes, mark_of


@asynccontextmanager
async def following(look: Callable[[], object]) -> AsyncIterator[list[object]]:
    """Follow what `look` returns; yield the list of what was seen when it was taken."""
    taken: list[object] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow_changes, look, lambda: taken.append(look()))
        yield taken
        nursery.cancel_scope.cancel()


async def test_a_change_is_taken_once(autojump_clock: MockClock) -> None:
    """What is there at first is taken once, and each change once, within twice the time between looks."""
    content = "a"
    async with following(lambda: content) as taken:
        await trio.sleep(5 * LOOK_SECONDS)
        content = "b"
        await trio.sleep(2.1 * LOOK_SECONDS)
        assert taken == ["a", "b"]
        await trio.sleep(5 * LOOK_SECONDS)
        assert taken == ["a", "b"]


async def test_what_is_being_written_is_not_taken(autojump_clock: MockClock) -> None:
    """What changes from look to look is taken when it has come to rest."""
    size = 0
    async with following(lambda: size) as taken:
        await trio.sleep(1.5 * LOOK_SECONDS)
        for _ in range(10):
            size += 1
            await trio.sleep(LOOK_SECONDS)
        assert taken == [0]
        await trio.sleep(2 * LOOK_SECONDS)
        assert taken == [0, 10]


async def test_what_is_gone_at_first_may_come(autojump_clock: MockClock, tmp_path: Path) -> None:
    """That there is no file is a state like others."""
    path = tmp_path / "f"
    async with following(lambda: mark_of(path)) as taken:
        await trio.sleep(3 * LOOK_SECONDS)
        path.write_text("x")
        await trio.sleep(3 * LOOK_SECONDS)
        assert taken == [None, mark_of(path)]


@pytest.mark.parametrize("change", ["write", "replace", "remove", "touch"])
def test_a_mark_is_another_for_another_content(tmp_path: Path, change: str) -> None:
    """Writing, putting another file in its place, removing and touching it are all seen."""
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_text("one")
    other.write_text("two")
    os.utime(other, ns=(0, mark_of(path)[0]))  # type: ignore[index]  # it is there
    before = mark_of(path)
    match change:
        case "write":
            path.write_text("three")
        case "replace":
            other.replace(path)
        case "remove":
            path.unlink()
        case "touch":
            os.utime(path, ns=(1, 1))
    assert mark_of(path) != before
