"""`swarmd drain`: what it tells the source, and what it says where that cannot be done."""

from __future__ import annotations

import tomllib
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click
import pytest
import trio
from trio.testing import MockClock

from swarmkit import Missing, NotFound, Role, Service, Stage, Unavailable
from swarmkit.commands.drain import drain, set_drained
from swarmkit.pipeline import Pipeline
from swarmkit.source import Roster, open_roster
from swarmkit.testing import ListSource

from .running import exit_code_of


def availability(source: ListSource, name: str) -> str:
    """Return what a source says of a member."""
    (row,) = [row for row in source.rows() if row.name == name]
    return str(row.document.get("Availability", "active"))


async def test_a_member_is_drained_and_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    """By SET of its source; what that means is said."""
    source = ListSource({"a": "fake"})
    await set_drained(Pipeline((source,)), "a", drained=True)
    assert availability(source, "a") == "drain"
    await set_drained(Pipeline((source,)), "a", drained=False)
    assert availability(source, "a") == "active"
    assert capsys.readouterr().out.splitlines() == [
        "a is drained: it takes no new containers, and those that it has go on",
        "a is active: it takes new containers again",
    ]


async def test_a_source_may_take_a_moment_to_list(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """A member that it lists only then is drained all the same."""
    source = ListSource()

    async def add() -> None:
        await trio.sleep(1)
        await source.add("late", "fake")

    nursery.start_soon(add)
    await set_drained(Pipeline((source,)), "late", drained=True)
    assert availability(source, "late") == "drain"


async def test_who_is_not_listed_is_not_drained(autojump_clock: MockClock) -> None:
    """The error names those who are, at once where there are any."""
    with pytest.raises(NotFound, match="list lists no member called 'c'; it lists a, b"):
        await set_drained(Pipeline((ListSource({"a": "fake", "b": "fake"}),)), "c", drained=True)
    assert trio.current_time() == 0
    with pytest.raises(NotFound, match="list lists no member called 'c'; it lists nobody"):
        await set_drained(Pipeline((ListSource(),)), "c", drained=True)


async def test_a_source_that_lists_nobody_for_a_reason_says_that(autojump_clock: MockClock) -> None:
    """And not that the member is unknown, which it may not be."""
    roster = Roster()
    roster.miss([Missing("etcd", "no endpoint answers")])

    class Silent(Stage):
        """A source that cannot read what it lists."""

        role, name = Role.SOURCE, "silent"

        def open(self, inner: Service | None) -> AbstractAsyncContextManager[Service]:
            return open_roster("silent", roster)

    with pytest.raises(Unavailable, match="silent does not list a now: etcd: no endpoint answers"):
        await set_drained(Pipeline((Silent(),)), "a", drained=True)


def test_contexts_cannot_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit code is 1, and the log says where else a member can be listed."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert exit_code_of(drain, "contexts", "default") == 1
    assert "contexts cannot take a host out of placement: list default in a file of hosts" in caplog.text


@pytest.mark.parametrize("words", [["fake", "a"], ["contexts"], ["nothing", "a"]])
def test_words_that_are_no_source_and_member_are_wrong_usage(words: list[str]) -> None:
    """Nothing is opened."""
    with pytest.raises(click.UsageError):
        drain.main(words, standalone_mode=False)


def test_a_file_of_hosts_is_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The member is drained in it, and put back by --undo."""
    path = tmp_path / "hosts.toml"
    path.write_text('[[host]]\nname = "a"\nstage = "fake"\n')
    assert exit_code_of(drain, f"hosts {path}", "a") == 0
    assert tomllib.loads(path.read_text())["host"][0]["drained"] is True
    assert exit_code_of(drain, f"hosts {path}", "a", "--undo") == 0
    assert not tomllib.loads(path.read_text())["host"][0].get("drained")
