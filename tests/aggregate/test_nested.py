"""An aggregate among the hosts of another: every verb reaches `outer/inner` as it reaches `outer`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import evolve

from swarmkit import Message, Verb
from swarmkit.aggregate import Aggregate
from swarmkit.engine.placement import make_policy
from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.parts import aggregate_of
from swarmkit.placement import Candidate, Spec

from .scripted import ScriptedHost, ScriptedStage, full_id, row
from .whole import host_with, ls, waiting, watch, whole_of_stages

Clock = trio.testing.MockClock
DB = ("nodes", "dc1/node-3", "containers", full_id("db"))


@asynccontextmanager
async def nested() -> AsyncIterator[tuple[Aggregate, dict[str, ScriptedHost]]]:
    """Open `near` with web, and `dc1` over `node-3` with db and `node-4` with a cache."""
    hosts = {
        "near": host_with("near", "web"),
        "node-3": host_with("node-3", "db"),
        "node-4": host_with("node-4", "cache"),
    }
    inner = aggregate_of({name: ScriptedStage(hosts[name]) for name in ("node-3", "node-4")})
    async with whole_of_stages({"near": ScriptedStage(hosts["near"]), "dc1": inner}) as whole:
        for host in hosts.values():
            host.calls.clear()
        yield whole, hosts


async def test_rows_and_nodes_are_those_of_the_leaves(autojump_clock: Clock) -> None:
    """LS has the containers and the nodes of every leaf, each under its host's path of names."""
    async with nested() as (whole, _):
        assert {each.qualified: each.path for each in await ls(whole)} == {
            "near/web": ("nodes", "near", "containers", full_id("web")),
            "dc1/node-3/db": DB,
            "dc1/node-4/cache": ("nodes", "dc1/node-4", "containers", full_id("cache")),
        }
        assert [each.name for each in await ls(whole, "nodes")] == ["near", "dc1/node-3", "dc1/node-4"]
        assert [each.path for each in await ls(whole, "nodes", "dc1/node-3", "containers")] == [DB]


@pytest.mark.parametrize("reference", ["db", "dc1/db", "dc1/node-3/db", full_id("db"), f"dc1/node-3/{full_id('db')}"])
async def test_reference_reaches_the_leaf(autojump_clock: Clock, reference: str) -> None:
    """ATTACH and CONNECT find what a leaf has by each way of naming it, and go to that leaf alone."""
    async with nested() as (whole, hosts):
        assert (await whole(Message(Verb.ATTACH, ("containers", reference)))).path == DB
        reply = await whole(Message(Verb.CONNECT, ("containers", reference), {"method": "POST"}))
        assert (reply.path, reply["host"]) == (DB, "node-3")
        assert [message.path for message in hosts["node-3"].calls] == [("containers", full_id("db"))]
        assert hosts["node-4"].calls == []


async def test_name_on_another_leaf_is_not_found(autojump_clock: Clock) -> None:
    """A qualified name means that leaf only."""
    async with nested() as (whole, _):
        with pytest.raises(NotFound):
            await whole(Message(Verb.ATTACH, ("containers", "dc1/node-4/db")))


@pytest.mark.parametrize("path", [("containers", "db"), DB])
async def test_writes_are_read(autojump_clock: Clock, path: tuple[str, ...]) -> None:
    """What was written through both is read by the next LS, whether it was named below containers or below nodes."""
    async with nested() as (whole, hosts):
        hosts["node-3"].quiet = True
        await whole(Message(Verb.START, path))
        assert {each.name: each.document["State"] for each in await ls(whole)}["db"] == "running"


async def test_spawned_on_the_leaf_that_is_named(autojump_clock: Clock) -> None:
    """SPAWN with the name `dc1/node-3/api`, with a path, or with `on`, creates on that leaf; it is listed at once."""
    async with nested() as (whole, hosts):
        messages = [
            Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": "dc1/node-3/one"}),
            Message(Verb.SPAWN, ("nodes", "dc1/node-3"), {"spec": {}, "name": "two"}),
            Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": "three", "on": "dc1/node-3"}),
        ]
        for message, name in zip(messages, ("one", "two", "three"), strict=True):
            reply = await whole(message)
            assert reply.path == ("nodes", "dc1/node-3", "containers", full_id(name))
        assert [each.name for each in hosts["node-3"].rows.values()] == ["db", "one", "two", "three"]
        assert {each.name for each in await ls(whole)} == {"web", "db", "cache", "one", "two", "three"}


@pytest.mark.parametrize("name", ["api", "dc1/api", "dc1/node-3/api"])
async def test_spawned_on_the_leaf_that_on_names(autojump_clock: Clock, name: str) -> None:
    """`on` names the leaf, for a bare name and for one that says a part of the way, or all of it."""
    async with nested() as (whole, hosts):
        reply = await whole(Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": name, "on": "dc1/node-3"}))
        assert reply.path == ("nodes", "dc1/node-3", "containers", full_id("api"))
        assert [message.get("name") for message in hosts["node-3"].sent(Verb.SPAWN)] == ["api"]
        assert (hosts["node-4"].sent(Verb.SPAWN), hosts["near"].sent(Verb.SPAWN)) == ([], [])


@pytest.mark.parametrize("name", ["near/api", "dc1/node-4/api"])
async def test_name_and_on_that_disagree_are_refused(autojump_clock: Clock, name: str) -> None:
    """A name that says another host than `on` is Invalid, and nothing is created."""
    async with nested() as (whole, hosts):
        with pytest.raises(Invalid, match="its name says"):
            await whole(Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": name, "on": "dc1/node-3"}))
        assert [host.sent(Verb.SPAWN) for host in hosts.values()] == [[], [], []]


async def test_name_on_a_leaf_is_in_use(autojump_clock: Clock) -> None:
    """A bare name that a leaf has is a Conflict that names the leaf."""
    async with nested() as (whole, _):
        with pytest.raises(Conflict, match="on dc1/node-3"):
            await whole(Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": "db"}))


async def test_lost_leaf_is_shown_as_lost(autojump_clock: Clock) -> None:
    """A leaf that is lost marks its own containers and its own node, and heals."""
    async with nested() as (whole, hosts):
        hosts["node-3"].lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert {each.name: each.lost for each in await ls(whole)} == {"web": None, "db": "frozen", "cache": None}
        nodes = {each.name: each.lost for each in await ls(whole, "nodes")}
        assert nodes == {"near": None, "dc1/node-3": "frozen", "dc1/node-4": None}
        hosts["node-3"].tell("back")
        await trio.testing.wait_all_tasks_blocked()
        assert {each.lost for each in await ls(whole)} == {None}


async def test_watch_names_the_leaf(autojump_clock: Clock) -> None:
    """A watch says changes, events, losses and returns of a leaf under its host's path of names."""
    async with nested() as (whole, hosts):
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        assert [message["kind"] for message in waiting(channel)][-1] == "synced"
        host = hosts["node-3"]
        host.add(row("db", "running"))
        host.tell("event", ("nodes", "node-3"), event={})
        host.lose()
        host.tell("back")
        host.remove(row("db"))
        await trio.testing.wait_all_tasks_blocked()
        assert [(message["kind"], message.path, message.get("member")) for message in waiting(channel)] == [
            ("put", DB, None),
            ("event", ("nodes", "dc1/node-3"), "dc1/node-3"),
            ("lost", (), "dc1/node-3"),
            ("back", (), "dc1/node-3"),
            ("gone", DB, None),
        ]


async def test_policy_sees_the_whole_of_a_member(autojump_clock: Clock) -> None:
    """To a policy an aggregate among the members is one host with the containers of all its leaves."""
    seen: list[Candidate] = []
    spread = make_policy()

    def noting(spec: Spec, candidates: Sequence[Candidate], /) -> Sequence[Candidate]:
        seen.extend(candidates)
        return spread(spec, candidates)

    async with nested() as (whole, _):
        whole._spawner.policy = noting
        await whole(Message(Verb.SPAWN, ("containers",), {"spec": {}}))
        assert [(each.name, each.load) for each in seen] == [("near", 1), ("dc1", 2)]


async def test_two_leaves_of_one_name(autojump_clock: Clock) -> None:
    """A name that two leaves of one member have is a Conflict that names both leaves."""
    async with nested() as (whole, hosts):
        twin = evolve(row("db"), id=full_id("twin"), path=("containers", full_id("twin")))
        hosts["node-4"].add(twin)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Conflict, match="dc1/node-3/db, dc1/node-4/db"):
            await whole(Message(Verb.ATTACH, ("containers", "db")))
