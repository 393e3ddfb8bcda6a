"""Hosts that a source has taken out of placement: they stay, are shown so, and get nothing but what names them."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Message, Pipeline, Verb
from swarmkit.aggregate import Aggregate
from swarmkit.errors import Unavailable
from swarmkit.message import Path
from swarmkit.parts import aggregate_of
from swarmkit.service import Service
from swarmkit.testing import ListSource

from .scripted import ScriptedStage
from .test_membership import Stages, following
from .whole import host_with, ls, pipeline, waiting, watch, whole_of

Clock = trio.testing.MockClock

DRAINED = "is drained, and takes nothing new"


async def create(whole: Service, name: str = "", **more: object) -> Path:
    """Create a container of no special kind; return where."""
    reply = await whole(Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": name, **more}))
    return reply.path[:2]


async def availability(whole: Aggregate) -> dict[str, object]:
    """Return what the hosts say of themselves."""
    return {row.name: row.document["Availability"] for row in await ls(whole, "nodes")}


async def test_a_drained_host_stays_open_and_gets_nothing_new(autojump_clock: Clock) -> None:
    """It is told to all who watch; what is placed goes elsewhere, and comes back with it."""
    source, stages = ListSource({"a": "one", "b": "two"}), Stages(one="web", two="db")
    async with source.open() as service, following(service, stages) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        waiting(channel)
        await source.drain("a", True)
        await trio.testing.wait_all_tasks_blocked()
        told = [(each.path, each["row"]["document"]["Availability"]) for each in waiting(channel)]
        assert told == [(("nodes", "a"), "drain")]
        assert await availability(whole) == {"a": "drain", "b": "active"}
        assert [await create(whole) for _ in range(3)] == [("nodes", "b")] * 3
        await source.drain("a", False)
        await trio.testing.wait_all_tasks_blocked()
        assert await availability(whole) == {"a": "active", "b": "active"}
        assert await create(whole) == ("nodes", "a")
        assert stages.stages["one"].opened == 1


async def test_what_is_on_a_drained_host_goes_on(autojump_clock: Clock) -> None:
    """Its containers are listed and can be used as ever."""
    source, stages = ListSource({"a": "one"}), Stages(one="web")
    async with source.open() as service, following(service, stages) as whole:
        await source.drain("a", True)
        await trio.testing.wait_all_tasks_blocked()
        assert [(row.name, row.lost) for row in await ls(whole)] == [("web", None)]
        await whole(Message(Verb.START, ("containers", "web")))
        assert [row.document["State"] for row in await ls(whole)] == ["running"]


async def test_whoever_names_a_drained_host_gets_it(autojump_clock: Clock) -> None:
    """`host/name` asks no policy; whatever else would have it there is refused, and says that it is drained."""
    source, stages = ListSource({"a": "one"}), Stages(one="web")
    await source.add("a", "one", drained=True)
    async with source.open() as service, following(service, stages) as whole:
        assert await create(whole, "a/trial") == ("nodes", "a")
        for more in ({}, {"on": "a"}):
            with pytest.raises(Unavailable, match=f"a: {DRAINED}"):
                await create(whole, **more)
        with pytest.raises(Unavailable, match=f"a: {DRAINED}"):
            await whole(Message(Verb.GET, ("nodes",), {"spec": {}}))


async def test_a_drained_host_that_is_down_is_known_to_be_drained(autojump_clock: Clock) -> None:
    """What a source says of a host does not depend on its being there."""
    source = ListSource()
    await source.add("a", "nonsense", drained=True)
    async with source.open() as service, following(service, Stages()) as whole:
        assert await availability(whole) == {"a": "drain"}


async def test_a_drained_member_of_many_hosts_drains_all_beneath(autojump_clock: Clock) -> None:
    """What its own source has drained stays so when it is put back."""
    inner, outer = ListSource(), ListSource({"far": "both"})
    await inner.add("y", "fake", drained=True)
    stage = aggregate_of({"x": ScriptedStage(host_with("x")), "z": ScriptedStage(host_with("z"))}, inner)

    def parse(text: str) -> Pipeline:
        return pipeline(stage)

    async with outer.open() as service, whole_of() as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole.membership.follow_source, service, parse)
        await trio.testing.wait_all_tasks_blocked()
        assert await availability(whole) == {"far/x": "active", "far/y": "drain", "far/z": "active"}
        assert {(await create(whole))[1] for _ in range(4)} == {"far/x", "far/z"}
        await outer.drain("far", True)
        await trio.testing.wait_all_tasks_blocked()
        assert set((await availability(whole)).values()) == {"drain"}
        with pytest.raises(Unavailable) as refusal:
            await create(whole)
        assert refusal.value.details["refusals"] == dict.fromkeys(("far/x", "far/y", "far/z"), DRAINED)
        await outer.drain("far", False)
        await trio.testing.wait_all_tasks_blocked()
        assert await availability(whole) == {"far/x": "active", "far/y": "drain", "far/z": "active"}
        nursery.cancel_scope.cancel()
