"""Listing many hosts: what answers is listed, and what does not is named."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Message, Missing, Unavailable
from swarmkit.aggregate.listing import LIST_DEADLINE
from swarmkit.errors import NotFound

from .scripted import ScriptedHost, ScriptedStage, full_id
from .whole import host_with, ls, whole_of, whole_of_stages

Clock = trio.testing.MockClock


async def test_rows_are_united(autojump_clock: Clock) -> None:
    """LS has the rows of all hosts, each with its host and a path that leads to it."""
    async with whole_of(host_with("a", "web"), host_with("b", "db")) as whole:
        rows = {each.qualified: each.path for each in await ls(whole)}
        assert rows == {
            "a/web": ("nodes", "a", "containers", full_id("web")),
            "b/db": ("nodes", "b", "containers", full_id("db")),
        }


async def test_lost_host_stays_listed(autojump_clock: Clock) -> None:
    """The rows of a lost host are listed as last known, with the reason, at once, and its node so, too."""
    a, b = host_with("a", "web"), host_with("b", "db")
    async with whole_of(a, b) as whole:
        a.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert {each.name: each.lost for each in await ls(whole)} == {"web": "frozen", "db": None}
        nodes = {each.name: (each.lost, each.document.get("State")) for each in await ls(whole, "nodes")}
        assert nodes == {"a": ("frozen", "unhealthy"), "b": (None, None)}
        assert trio.current_time() == 0
        a.tell("back")
        await trio.testing.wait_all_tasks_blocked()
        assert {each.lost for each in await ls(whole)} == {None}


async def test_host_never_seen_is_missing(autojump_clock: Clock) -> None:
    """A host of which nothing is known is named as missing, and is a node all the same."""
    a, b = host_with("a", "web"), host_with("b", hears=False)
    async with whole_of(a, b) as whole:
        listing = await ls(whole)
        assert [each.name for each in listing] == ["web"]
        assert listing.missing == (Missing("b", "still being listed"),)
        assert [each.name for each in await ls(whole, "nodes")] == ["a", "b"]


async def test_host_that_answers_late_is_missing(autojump_clock: Clock) -> None:
    """For what is not mirrored a host that does not answer in time, or is lost, or fails, is named."""
    a, b, c, d = (ScriptedHost(name) for name in "abcd")

    async def late(message: Message) -> None:
        await trio.sleep_forever()

    async def failing(message: Message) -> None:
        raise Unavailable("reset")

    async with whole_of(a, b, c, d) as whole:
        b.before, c.before = late, failing
        d.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        listing = await ls(whole, "images")
        assert trio.current_time() == pytest.approx(LIST_DEADLINE)
        assert [each.path for each in listing] == [("nodes", "a", "images", "x")]
        assert {gap.member: gap.reason for gap in listing.missing} == {
            "b": "host b did not answer in 1.5 s",
            "c": "reset",
            "d": "frozen",
        }


async def test_bug_of_one_host_is_its_own(autojump_clock: Clock) -> None:
    """A host that raises what no service may is missing from the list, not the end of it."""
    a, b = ScriptedHost("a"), ScriptedHost("b")

    async def buggy(message: Message) -> None:
        raise KeyError("a bug")

    async with whole_of(a, b) as whole:
        a.before = buggy
        listing = await ls(whole, "images")
        assert [each.path[1] for each in listing] == ["b"]
        assert [(gap.member, "KeyError" in gap.reason) for gap in listing.missing] == [("a", True)]


async def test_one_host_is_listed_below_its_node(autojump_clock: Clock) -> None:
    """LS below `nodes/HOST` has that host's rows alone, with the same paths; what is not there is NotFound."""
    async with whole_of(host_with("a", "web"), host_with("b", "db")) as whole:
        for path in (("nodes", "a", "containers"), ("nodes", "a", "images")):
            (listed,) = await ls(whole, *path)
            assert listed.path[:3] == path
        assert [each.path for each in await ls(whole, "nodes", "a", "nodes")] == [("nodes", "a")]
        with pytest.raises(NotFound):
            await ls(whole, "nodes", "c", "containers")


async def test_dead_and_hung_hosts_are_not_waited_for(autojump_clock: Clock) -> None:
    """Opening over hosts that never answer takes no time."""
    dead, hung = ScriptedHost("dead"), ScriptedHost("hung")

    async def refuse(message: Message) -> None:
        raise Unavailable("refused")

    async def hang(message: Message) -> None:
        await trio.sleep_forever()

    dead.before, hung.before = refuse, hang
    async with whole_of(dead, hung, host_with("a", "web")) as whole:
        assert trio.current_time() == 0
        listing = await ls(whole)
        assert trio.current_time() <= 1
        assert [each.name for each in listing] == ["web"]
        assert {gap.member for gap in listing.missing} == {"dead", "hung"}


async def test_no_hosts_are_an_empty_list(autojump_clock: Clock) -> None:
    """An aggregate of nothing lists nothing, and nothing is missing."""
    async with whole_of_stages({}) as whole:
        listing = await ls(whole)
        assert (listing.rows, listing.missing) == ((), ())


async def test_node_is_called_as_its_member(autojump_clock: Clock) -> None:
    """A host is called by the name it has as a member, in rows, in nodes, and in what is found below `nodes`."""
    async with whole_of_stages({"front": ScriptedStage(host_with("inside", "web"))}) as whole:
        assert [each.member for each in await ls(whole)] == ["front"]
        (node,) = await ls(whole, "nodes")
        assert (node.name, node.member, node.path, node.document["Name"]) == (
            "front",
            "front",
            ("nodes", "front"),
            "front",
        )
