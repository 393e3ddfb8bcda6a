"""`swarmd members` over members that live in memory, or nowhere."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trio
from trio.testing import MockClock

from swarmkit.commands import members as command
from swarmkit.commands.members import EXIT_UNANSWERED, NobodyReads, follow, members, show
from swarmkit.pipeline import Pipeline
from swarmkit.testing import ListSource

from .running import exit_code_of

DOWN = "docker unix:///nowhere.sock"


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """Give back the level of the log, which the command sets for its process."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Give a file of one host that answers."""
    path = tmp_path / "hosts.toml"
    path.write_text('[[host]]\nname = "a"\nstage = "fake"\n')
    return path


# -- as a command ------------------------------------------------------------------------------------------------------


def test_members_are_listed_with_their_state(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All answer: the exit code is 0. That a host is healthy is not logged besides."""
    assert exit_code_of(members, f"hosts {hosts}") == 0
    output = capsys.readouterr()
    head, line = output.out.splitlines()
    assert head.split() == ["NAME", "STATE", "AVAILABILITY", "ENGINE", "ADDRESS"]
    assert line.split()[:3] == ["a", "healthy", "active"]


def test_the_log_does_not_repeat_the_table(hosts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Unless more of it is asked for."""
    logging.getLogger().setLevel("INFO")
    exit_code_of(members, f"hosts {hosts}")
    assert caplog.messages == []
    logging.getLogger().setLevel("DEBUG")
    exit_code_of(members, f"hosts {hosts}")
    assert "a is healthy" in caplog.messages


@pytest.mark.parametrize("words", ["fake", "hosts", "nothing at all"])
def test_words_that_are_no_source_are_wrong_usage(words: str) -> None:
    """Whatever is wrong with them."""
    with pytest.raises(click.UsageError):
        members.main([words], standalone_mode=False)


def test_a_source_that_cannot_be_opened_is_a_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The exit code is 1, and the log says why."""
    assert exit_code_of(members, f"hosts {tmp_path}/none.toml") == 1
    assert "none.toml" in caplog.text


def test_it_ends_where_nobody_reads(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe is no fault of the program, and nothing is left to do."""
    monkeypatch.setattr(command, "say", lambda *lines: False)
    assert exit_code_of(members, "--watch", f"hosts {hosts}") == 1


# -- what it says ------------------------------------------------------------------------------------------------------


async def test_one_that_does_not_answer_is_told_by_the_exit_code(
    capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
) -> None:
    """It is 3, and the others are listed; as JSON each has a line."""
    source = ListSource({"a": "fake", "b": DOWN})
    assert await show(Pipeline((source,)), as_json=True) == EXIT_UNANSWERED
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["name"], one["state"], one["reason"]) == ("a", "healthy", "")
    assert (two["name"], two["state"], two["address"]) == ("b", "unhealthy", "unix:///nowhere.sock")
    assert two["reason"].startswith("there is no such socket")


async def test_nobody_listed_is_nobody_down(capsys: pytest.CaptureFixture[str], autojump_clock: MockClock) -> None:
    """It is said for people; for programs nothing is nothing."""
    assert await show(Pipeline((ListSource(),))) == 0
    assert await show(Pipeline((ListSource(),)), as_json=True) == 0
    assert capsys.readouterr().out == "list lists no member.\n"


async def test_a_stage_that_cannot_be_opened_is_shown_with_the_reason(
    capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
) -> None:
    """As the source has it."""
    assert await show(Pipeline((ListSource({"a": "dokcer unix:///x"}),))) == EXIT_UNANSWERED
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[:2] == ["a", "unhealthy"]
    assert "dokcer unix:///x: " in line
    assert "did you mean 'docker'?" in line


async def test_what_changes_is_a_line_with_its_time(
    capsys: pytest.CaptureFixture[str], autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Members that come, that are drained and put back, and that leave."""
    source = ListSource({"a": "fake"})
    nursery.start_soon(follow, Pipeline((source,)))
    await trio.sleep(2)
    await source.add("b", "fake")
    await trio.sleep(2)
    await source.drain("b", True)
    await trio.sleep(2)
    await source.remove("b")
    await trio.sleep(2)
    nursery.cancel_scope.cancel()
    _, _, *lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  b  ", line) for line in lines), lines
    assert [line.split("  ", 2)[2] for line in lines] == [
        "joined: healthy",
        "drained: it takes no new containers",
        "left",
    ]


async def test_changes_are_lines_of_json_for_a_program(
    capsys: pytest.CaptureFixture[str], autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """With the time, what has happened, and all that is known of the member."""
    source = ListSource({"a": "fake"})

    async def watch() -> None:
        await follow(Pipeline((source,)), as_json=True)

    nursery.start_soon(watch)
    await trio.sleep(2)
    await source.remove("a")
    await trio.sleep(2)
    nursery.cancel_scope.cancel()
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert "change" not in first
    assert (second["change"], second["name"], second["state"]) == ("left", "a", "healthy")
    assert second["time"].endswith("Z")


async def test_a_watch_ends_where_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """With the line that could not be written."""
    said: list[str] = []

    def say(*lines: str) -> bool:
        said.extend(lines)
        return len(said) <= 2

    monkeypatch.setattr(command, "say", say)
    source = ListSource({"a": "fake"})

    async def remove() -> None:
        await trio.sleep(2)
        await source.remove("a")

    nursery.start_soon(remove)
    with pytest.raises(NobodyReads):
        await follow(Pipeline((source,)))
    assert said[-1].endswith("  a  left")
