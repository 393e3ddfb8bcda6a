"""The roster tells its watchers what changed, and nothing else; the conformance kit checks the rest through sources."""

from __future__ import annotations

import pytest

from swarmkit import Message, Missing, Verb
from swarmkit.channel import open_channel
from swarmkit.errors import NotFound, Unavailable, Unimplemented
from swarmkit.source import Roster, member_row, open_roster
from swarmkit.testing.expect import subscribe


def told(roster: Roster, *changes: object) -> list[tuple[object, ...]]:
    """Return what a watcher is told that reads nothing until the end."""
    sender, receiver = open_channel()
    roster.follow(sender)
    for _ in roster.rows:
        receiver.receive_nowait()
    receiver.receive_nowait()
    for change in changes:
        assert callable(change)
        change()
    return [(each.get("kind"), *each.path) for each in iter(receiver.receive_nowait, None)]


def test_only_what_changed_is_told() -> None:
    """Of a new list, what is new or other is put, what is no more in it is gone, and the rest is not mentioned."""
    roster = Roster([member_row("a", "fake"), member_row("b", "fake"), member_row("c", "fake")])
    rows = [member_row("a", "fake"), member_row("b", "fake", {"zone": "x"}), member_row("d", "fake", lost="no")]
    assert told(roster, lambda: roster.update(rows)) == [("gone", "c"), ("put", "b"), ("put", "d")]
    assert sorted(row.name for row in roster.rows) == ["a", "b", "d"]
    assert told(roster, lambda: roster.put(member_row("a", "fake", drained=True))) == [("put", "a")]


def test_what_is_missing_is_logged_when_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    """A reason is logged when it is first missing, and again when it was mended meanwhile."""
    roster = Roster()
    for missing in ([Missing("a", "torn")], [Missing("a", "torn")], [], [Missing("a", "torn")]):
        roster.miss(missing)
    assert caplog.messages == ["a: torn", "a: torn"]
    assert roster.listing.missing == (Missing("a", "torn"),)


def test_what_is_missing_is_told_when_it_changes() -> None:
    """To who watches, all of it each time; to who comes later before `synced`, and not at all where it is nothing."""
    roster = Roster()
    sender, receiver = open_channel()
    roster.follow(sender)
    for missing in ([Missing("a", "torn")], [Missing("a", "torn")], []):
        roster.miss(missing)
    gap = {"member": "a", "reason": "torn"}
    said = [(each["kind"], each.get("missing")) for each in iter(receiver.receive_nowait, None)]
    assert said == [("synced", None), ("missing", [gap]), ("missing", [])]
    roster.miss([Missing("a", "torn")])
    sender, receiver = open_channel()
    roster.follow(sender)
    assert [each["kind"] for each in iter(receiver.receive_nowait, None)] == ["missing", "synced"]


async def test_a_source_has_nothing_beneath() -> None:
    """A path is the name of nothing that could be asked."""
    async with open_roster("mine", Roster([member_row("a", "fake")])) as service:
        with pytest.raises(NotFound, match="mine has nothing at 'a'"):
            await service(Message(Verb.LS, ("a",)))


async def test_a_source_that_cannot_drain_says_what_can_be_done() -> None:
    """It is not implemented, of a member that is listed; one that is not is not found."""
    async with open_roster("mine", Roster([member_row("a", "fake")])) as service:
        with pytest.raises(Unimplemented, match="mine cannot take a host out of placement: list a in a file of hosts"):
            await service(Message(Verb.SET, ("a",), {"drained": True}))
        with pytest.raises(NotFound, match="mine has nothing at 'b'"):
            await service(Message(Verb.SET, ("b",), {"drained": True}))


async def test_watches_end_with_the_instance_they_were_asked_of() -> None:
    """One roster is served twice: closing one ends its watches alone."""
    roster = Roster()
    async with open_roster("one", roster) as one:
        async with open_roster("two", roster) as two:
            first, second = await subscribe(one), await subscribe(two)
        roster.put(member_row("a", "fake"))
        async with first, second:
            assert [(await first.receive()).get("kind") for _ in range(2)] == ["synced", "put"]
            await second.receive()
            with pytest.raises(Unavailable, match="two has been closed"):
                await second.receive()
