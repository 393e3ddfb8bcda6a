"""Members that carry one id: one engine is shown once, clones are shown both, and nothing is concluded in the dark."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import frozen

from swarmkit import Conflict, Message, Pipeline, Role, Service, Stage, Unavailable, Verb
from swarmkit.aggregate import Aggregate, Identification
from swarmkit.aggregate.identity import LOOK_DEADLINE, REVIEW_SECONDS
from swarmkit.engine.identity import EVIDENCE, clones_warning, one_engine
from swarmkit.parts import aggregate_of
from swarmkit.testing import ListSource

from .scripted import ScriptedHost, ScriptedStage, full_id, row, thing
from .whole import ls, pipeline, waiting, watch, whole_of, whole_of_stages

Clock = trio.testing.MockClock

DOCKER = Identification(EVIDENCE, one_engine, clones_warning)
SAME = "the same engine as a"


def engine(name: str, bridge: str, *containers: str) -> ScriptedHost:
    """Make an engine with a bridge of its own, and the id that all of these have."""
    made = [row(each) for each in containers]
    networks = {"networks": {bridge: thing("networks", "bridge", bridge)}}
    return ScriptedHost(name, rows={each.id: each for each in made}, others=networks, id="X")


def way_to(other: ScriptedHost, name: str) -> ScriptedHost:
    """Make the same engine, as it is reached by another way."""
    return ScriptedHost(name, rows=other.rows, others=other.others, id=other.id)


@frozen
class Given(Stage):
    """A service that lives longer than the stage."""

    service: Service
    role = Role.BACKEND
    name = "given"

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        yield self.service


@asynccontextmanager
async def joining(whole: Aggregate, host: ScriptedHost) -> AsyncIterator[None]:
    """Have a host as one more member for the length of a block."""
    async with trio.open_nursery() as nursery:
        await nursery.start(whole.membership.run_member, host.name, pipeline(ScriptedStage(host)))
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()
    await trio.testing.wait_all_tasks_blocked()


async def shown(whole: Aggregate) -> tuple[list[str], dict[str, str | None]]:
    """Return the containers by their qualified names, and why each host is lost."""
    nodes = await ls(whole, "nodes")
    return [each.qualified for each in await ls(whole)], {node.name: node.lost for node in nodes}


async def test_one_engine_by_two_ways_is_shown_once(autojump_clock: Clock) -> None:
    """The later member is down with the reason, what it has is not listed, and names are not ambiguous."""
    first = engine("a", "bridge", "web")
    async with whole_of(first, way_to(first, "b"), identification=DOCKER) as whole:
        assert await shown(whole) == (["a/web"], {"a": None, "b": SAME})
        (_, down) = await ls(whole, "nodes")
        assert (down.document["State"], down.document["Reason"]) == ("unhealthy", SAME)
        reply = await whole(Message(Verb.ATTACH, ("containers", "web")))
        assert reply.path == ("nodes", "a", "containers", full_id("web"))
        assert [each.member for each in await ls(whole, "networks")] == ["a"]


async def test_hidden_member_is_asked_for_nothing(autojump_clock: Clock) -> None:
    """Nothing is placed there, and who names it is told whose engine it is."""
    first = engine("a", "bridge", "web")
    second = way_to(first, "b")
    async with whole_of(first, second, identification=DOCKER) as whole:
        for number in range(3):
            await whole(Message(Verb.SPAWN, (), {"spec": {"Image": "x"}, "name": f"new{number}"}))
        assert second.sent(Verb.SPAWN) == []
        for path in ("containers", "b/web"), ("nodes", "b", "containers", "web"):
            with pytest.raises(Unavailable, match="host b is down: the same engine as a"):
                await whole(Message(Verb.START, path))
        with pytest.raises(Unavailable, match="the same engine as a"):
            await ls(whole, "nodes", "b", "containers")


async def test_name_is_in_use_once(autojump_clock: Clock) -> None:
    """A host that looks for itself whether it has a name is not refused for what is hidden behind it."""
    first = engine("a", "bridge", "web")
    async with whole_of(first, way_to(first, "b"), identification=DOCKER) as whole:
        reply = await whole(Message(Verb.SET, ("containers", "web"), {"Name": "web"}))
        assert reply.path == ("nodes", "a", "containers", full_id("web"))


async def test_it_is_back_when_the_first_leaves(autojump_clock: Clock) -> None:
    """What the first had is then the second's, and watchers are told each thing once."""
    first = engine("a", "bridge", "web")
    async with whole_of(identification=DOCKER) as whole, trio.open_nursery() as nursery:
        leaving = trio.CancelScope()

        async def stay() -> None:
            with leaving:
                async with joining(whole, first):
                    await trio.sleep_forever()

        nursery.start_soon(stay)
        await trio.testing.wait_all_tasks_blocked()
        async with joining(whole, way_to(first, "b")):
            channel = await watch(whole)
            await trio.testing.wait_all_tasks_blocked()
            said = waiting(channel)
            assert [each.path for each in said if each.path[2:3] == ("containers",)] == [
                ("nodes", "a", "containers", full_id("web"))
            ]
            assert [(each["member"], each["reason"]) for each in said if each["kind"] == "lost"] == [("b", SAME)]
            leaving.cancel()
            await trio.testing.wait_all_tasks_blocked()
            said = waiting(channel)
            told = [(each["kind"], each.path) for each in said if each["kind"] not in ("put", "synced")]
            assert told == [
                ("gone", ("nodes", "a")),
                ("gone", ("nodes", "a", "containers", full_id("web"))),
                ("gone", ("nodes", "a", "networks", "bridge")),
                ("have", ("nodes", "b", "containers", full_id("web"))),
                ("have", ("nodes", "b", "networks", "bridge")),
                ("back", ()),
            ]
            assert await shown(whole) == (["b/web"], {"b": None})
            channel.close()


async def test_events_are_told_once(autojump_clock: Clock) -> None:
    """Both ways tell of the same event; a watcher of the whole hears it from the one that is shown."""
    first = engine("a", "bridge", "web")
    second = way_to(first, "b")
    async with whole_of(first, second, identification=DOCKER) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        waiting(channel)
        for host in (first, second):
            host.tell("event", ("nodes", host.name), event={"Action": "start"})
            host.add(row("new"))
        await trio.testing.wait_all_tasks_blocked()
        assert [(each["kind"], each.path[1]) for each in waiting(channel)] == [("event", "a"), ("put", "a")]
        channel.close()


async def test_clones_both_work(autojump_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """They are both shown; the log says once that they carry one id, and what to do; a name in front tells which."""
    with caplog.at_level(logging.WARNING, "swarmkit.aggregate.identity"):
        async with whole_of(
            engine("a", "one", "copied"), engine("b", "other", "copied"), identification=DOCKER
        ) as whole:
            await trio.sleep(10 * REVIEW_SECONDS)
            assert await shown(whole) == (["a/copied", "b/copied"], {"a": None, "b": None})
            with pytest.raises(Conflict, match="on several hosts"):
                await whole(Message(Verb.ATTACH, ("containers", full_id("copied"))))
            reply = await whole(Message(Verb.ATTACH, ("containers", "b/copied")))
            assert reply.path[1] == "b"
    assert [record.getMessage() for record in caplog.records] == [clones_warning(["a", "b"])]


async def test_nothing_is_listed_twice_while_they_are_compared(autojump_clock: Clock) -> None:
    """Whoever comes into sight last is kept back until it is decided, which has a deadline."""
    second = engine("b", "other", "web")

    async def slowly(message: Message) -> None:
        if message.verb is Verb.LS:
            await trio.sleep(1)

    second.before = slowly
    async with whole_of(engine("a", "one", "web"), second, identification=DOCKER) as whole:
        containers, lost = await shown(whole)
        assert containers == ["a/web"]
        assert lost == {"a": None, "b": "it carries the id of a, and is being compared with it"}
        await trio.sleep(LOOK_DEADLINE + 0.1)
        assert (await shown(whole))[0] == ["a/web", "b/web"]


async def test_in_the_dark_nothing_is_concluded(autojump_clock: Clock) -> None:
    """Where one of two does not answer both are what they seem, and compared when it does."""
    first, second = engine("a", "bridge", "web"), engine("b", "bridge", "web")

    async def watching_only(message: Message) -> None:
        if message.verb is Verb.LS:
            raise Unavailable("no answer")

    second.before = watching_only
    async with whole_of(first, second, identification=DOCKER) as whole:
        assert (await shown(whole))[0] == ["a/web", "b/web"]
        second.before = None
        await trio.sleep(REVIEW_SECONDS + 1)
        assert (await shown(whole))[1] == {"a": None, "b": SAME}


async def test_host_that_comes_back_is_compared_at_once(autojump_clock: Clock) -> None:
    """A lost host is compared with nobody; the one of its id is shown until it is back and found to be the same."""
    first = engine("a", "bridge", "web")
    second = way_to(first, "b")
    async with whole_of(second, identification=DOCKER) as whole:
        first_row = first.node_row(lost="frozen").to_plain()
        first.hears = False

        async with joining(whole, first):
            first.tell("put", ("nodes", "a"), row=first_row)
            first.lose("frozen")
            await trio.testing.wait_all_tasks_blocked()
            first.tell("put", ("nodes", "a"), row=first.node_row().to_plain())
            first.tell("synced")
            first.tell("back", member="")
            await trio.testing.wait_all_tasks_blocked()
            assert (await shown(whole))[1] == {"b": None, "a": "the same engine as b"}


async def test_it_is_back_when_it_proves_different(autojump_clock: Clock) -> None:
    """A machine copied while it ran looks the same until something is created on one of the two."""
    first, second = engine("a", "bridge", "web"), engine("b", "bridge", "web")
    async with whole_of(first, second, identification=DOCKER) as whole:
        assert (await shown(whole))[1] == {"a": None, "b": SAME}
        second.add(row("own"))
        await trio.sleep(REVIEW_SECONDS + 1)
        assert await shown(whole) == (["a/web", "b/web", "b/own"], {"a": None, "b": None})


async def test_steady_pair_is_not_asked_again(autojump_clock: Clock) -> None:
    """What is decided costs nothing while nothing speaks against it."""
    first = engine("a", "bridge", "web")
    second = way_to(first, "b")
    async with whole_of(first, second, identification=DOCKER):
        await trio.sleep(10 * REVIEW_SECONDS)
        assert (first.calls, second.calls) == ([], [])


async def test_another_id_is_another_host(autojump_clock: Clock) -> None:
    """When a new engine answers in the place of the same one, it is shown as itself."""
    first = engine("a", "bridge", "web")
    second = way_to(first, "b")
    async with whole_of(first, second, identification=DOCKER) as whole:
        second.id = "Y"
        second.tell("put", ("nodes", "b"), row=second.node_row().to_plain())
        await trio.testing.wait_all_tasks_blocked()
        assert (await shown(whole))[1] == {"a": None, "b": None}


async def test_three_ways_are_one(autojump_clock: Clock) -> None:
    """All but the first are hidden behind it."""
    first = engine("a", "bridge", "web")
    async with whole_of(first, way_to(first, "b"), way_to(first, "c"), identification=DOCKER) as whole:
        assert await shown(whole) == (["a/web"], {"a": None, "b": SAME, "c": SAME})


async def test_three_ways_of_which_the_first_is_known_last(autojump_clock: Clock) -> None:
    """What was hidden behind the second is then said to be the first, for the second is hidden itself."""
    first = engine("a", "bridge", "web")
    second, third = way_to(first, "b"), way_to(first, "c")
    first.id = "Y"
    async with whole_of(first, second, third, identification=DOCKER) as whole:
        assert (await shown(whole))[1] == {"a": None, "b": None, "c": "the same engine as b"}
        first.id = "X"
        first.tell("put", ("nodes", "a"), row=first.node_row().to_plain())
        await trio.testing.wait_all_tasks_blocked()
        assert (await shown(whole))[1] == {"a": None, "b": SAME, "c": SAME}


@pytest.mark.parametrize("order", [("dc1", "one"), ("one", "dc1")])
async def test_a_member_that_is_a_host_beneath_another(autojump_clock: Clock, order: tuple[str, str]) -> None:
    """The one that can be hidden is, whichever came first: the member that is the host itself."""
    host = engine("one", "bridge", "web")
    stages: dict[str, Stage] = {
        "dc1": aggregate_of({"a": ScriptedStage(way_to(host, "a")), "b": ScriptedStage(ScriptedHost("b", id="Y"))}),
        "one": ScriptedStage(host),
    }
    members = {name: stages[name] for name in order}
    async with whole_of_stages(members, identification=DOCKER) as whole:
        reasons = {"dc1/a": None, "dc1/b": None, "one": "the same engine as dc1/a"}
        assert await shown(whole) == (["dc1/a/web"], reasons)
        assert (await whole(Message(Verb.ATTACH, ("containers", "web")))).path[1] == "dc1/a"


async def test_two_hosts_beneath_members_are_said_to_be_one(
    autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither can be hidden: both are shown, and the log says what they are."""
    host = engine("one", "bridge", "web")
    members = {name: aggregate_of({"a": ScriptedStage(way_to(host, "a"))}) for name in ("dc1", "dc2")}
    async with whole_of_stages(members, identification=DOCKER) as whole:
        assert await shown(whole) == (["dc1/a/web", "dc2/a/web"], {"dc1/a": None, "dc2/a": None})
        assert [record.getMessage() for record in caplog.records] == ["the hosts dc1/a and dc2/a are one engine"]


async def test_a_clone_beneath_another_member(autojump_clock: Clock) -> None:
    """It is shown, and so is the member."""
    stages = {
        "one": ScriptedStage(engine("one", "bridge-1", "web")),
        "dc1": aggregate_of({"a": ScriptedStage(engine("a", "bridge-2", "db"))}),
    }
    async with whole_of_stages(stages, identification=DOCKER) as whole:
        assert await shown(whole) == (["one/web", "dc1/a/db"], {"one": None, "dc1/a": None})


async def test_it_is_back_when_the_host_beneath_leaves(autojump_clock: Clock) -> None:
    """A member that was hidden behind a host beneath another is shown when that goes there."""
    host, source = engine("one", "bridge", "web"), ListSource()
    await source.add("a", "a")

    def parse(text: str) -> Pipeline:
        return pipeline(ScriptedStage(way_to(host, text)))

    async with source.open() as service, whole_of() as inner, trio.open_nursery() as nursery:
        nursery.start_soon(inner.membership.follow_source, service, parse)
        members = {"dc1": Given(inner), "one": ScriptedStage(host)}
        async with whole_of_stages(members, identification=DOCKER) as whole:
            assert (await shown(whole))[0] == ["dc1/a/web"]
            await source.remove("a")
            await trio.testing.wait_all_tasks_blocked()
            assert await shown(whole) == (["one/web"], {"dc1": "not reached yet", "one": None})
        nursery.cancel_scope.cancel()


async def test_without_a_way_to_tell_all_are_what_they_seem(autojump_clock: Clock) -> None:
    """An aggregate that was given no identification asks nothing."""
    first = engine("a", "bridge", "web")
    async with whole_of(first, way_to(first, "b")) as whole:
        assert (await shown(whole))[0] == ["a/web", "b/web"]
