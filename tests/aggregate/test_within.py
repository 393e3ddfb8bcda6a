"""A swarm of swarms places as one would: an expression means the same at each level, in the names of the whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from swarmkit import Message, Verb
from swarmkit.aggregate import Aggregate
from swarmkit.errors import Unavailable
from swarmkit.parts import aggregate_of
from swarmkit.testing import ListSource

from .scripted import ScriptedHost, ScriptedStage, full_id
from .whole import host_with, pipeline, whole_of, whole_of_stages

Clock = trio.testing.MockClock

LEAVES = ("eu/dc1/a", "eu/dc1/b", "eu/dc2/a", "near")
DC1 = ["eu/dc1/a", "eu/dc1/b"]


@asynccontextmanager
async def three_levels() -> AsyncIterator[tuple[Aggregate, dict[str, ScriptedHost]]]:
    """Open `near`, and `eu` over `dc1`, with the hosts a and b, and `dc2`, with another a; nothing runs anywhere."""
    hosts = {name: ScriptedHost(name.rpartition("/")[2], node={"ID": f"ID-{name}"}) for name in LEAVES}
    dc1 = aggregate_of({name: ScriptedStage(hosts[f"eu/dc1/{name}"]) for name in ("a", "b")})
    dc2 = aggregate_of({"a": ScriptedStage(hosts["eu/dc2/a"])})
    eu = aggregate_of({"dc1": dc1, "dc2": dc2})
    async with whole_of_stages({"eu": eu, "near": ScriptedStage(hosts["near"])}) as whole:
        yield whole, hosts


def asking(*constraints: str, **more: object) -> Message:
    """Make the message that creates a container with constraints."""
    return Message(
        Verb.SPAWN, ("containers",), {"spec": {"Env": [f"constraint:{each}" for each in constraints]}, **more}
    )


@pytest.mark.parametrize(
    ("constraint", "allowed"),
    [
        ("node==eu/dc1/a", ["eu/dc1/a"]),
        ("node==a", ["eu/dc1/a", "eu/dc2/a"]),
        ("node==ID-eu/dc1/b", ["eu/dc1/b"]),
        ("node==eu/dc1/*", DC1),
        ("node==/^eu.dc1/", DC1),
        ("node==/^b$/", ["eu/dc1/b"]),
        ("node!=eu/dc1/a", ["eu/dc1/b", "eu/dc2/a", "near"]),
        ("node!=a", ["eu/dc1/b", "near"]),
        ("node!=*/dc2/*", [*DC1, "near"]),
        ("node!=/^near$/", LEAVES[:3]),
        ("node==~eu/dc1/a", ["eu/dc1/a"]),
        ("node!=~near", LEAVES[:3]),
        ("node==~nowhere", LEAVES),
    ],
)
async def test_each_level_reads_names_of_the_whole(autojump_clock: Clock, constraint: str, allowed: list[str]) -> None:
    """Four containers are spread on those hosts that a constraint allows, which are up to four."""
    async with three_levels() as (whole, _):
        chosen = await whole(Message(Verb.GET, ("nodes",), {"spec": asking(constraint)["spec"]}))
        assert chosen.path[1] in allowed
        found = [(await whole(asking(constraint, name=f"web-{number}"))).path[1] for number in range(4)]
        assert sorted(set(found)) == list(allowed)


@pytest.mark.parametrize("name", ["eu/web", "eu/dc1/web"])
async def test_a_name_that_says_a_part_of_the_way(autojump_clock: Clock, name: str) -> None:
    """What chooses the rest of the way reads the names of the whole."""
    async with three_levels() as (whole, hosts):
        reply = await whole(asking("node==eu/dc1/b", name=name))
        assert reply.path == ("nodes", "eu/dc1/b", "containers", full_id("web"))
        spawned = hosts["eu/dc1/b"].sent(Verb.SPAWN)
        assert [each["spec"] for each in spawned] == [asking("node==eu/dc1/b")["spec"]]  # as it was asked for


async def test_refused_in_the_names_of_the_whole(autojump_clock: Clock) -> None:
    """A level beneath that has no host for it calls its hosts as the asker does."""
    async with three_levels() as (whole, _):
        with pytest.raises(Unavailable, match=r"eu/dc1/a: does not meet .*; eu/dc1/b: does not meet"):
            await whole(asking("node==near", name="eu/dc1/web"))


async def test_labels_that_a_source_gives_a_member(autojump_clock: Clock) -> None:
    """They are those of all its hosts, and before their own, for the level beneath, too."""
    disks = {"a": "hdd", "b": "ssd"}
    hosts = {name: host_with(name, node={"Labels": {"disk": disk, "zone": "own"}}) for name, disk in disks.items()}
    inner = aggregate_of({name: ScriptedStage(host) for name, host in hosts.items()})
    source = ListSource()
    await source.add("dc1", "inner", {"zone": "eu"})
    async with source.open() as service, whole_of() as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole.membership.follow_source, service, lambda text: pipeline(inner))
        await trio.testing.wait_all_tasks_blocked()
        for name in ("one", "two"):
            assert (await whole(asking("zone==eu", "disk==ssd", name=name))).path[1] == "dc1/b"
        with pytest.raises(Unavailable, match="dc1/a: does not meet constraint:zone==own"):
            await whole(asking("zone==own", name="dc1/three"))
        nursery.cancel_scope.cancel()
