"""Hosts that fail, are opened again, and come and go as a source lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from swarmkit import Message, Pipeline, Service, Verb
from swarmkit.aggregate import Aggregate
from swarmkit.aggregate.following import RESUBSCRIBE_SECONDS
from swarmkit.aggregate.instance import REOPEN_SECONDS
from swarmkit.channel import Receiver, Sender, open_channel
from swarmkit.errors import Internal, Invalid, NotFound, Unavailable
from swarmkit.message import ack
from swarmkit.parts import aggregate_of
from swarmkit.testing import ListSource

from .scripted import ScriptedStage, full_id
from .whole import host_with, ls, pipeline, waiting, watch, whole_of, whole_of_stages

Clock = trio.testing.MockClock


class Stages:
    """Scripted stages by name, as `parse` finds them."""

    def __init__(self, **containers: str) -> None:
        self.stages = {name: ScriptedStage(host_with(name, each)) for name, each in containers.items()}

    def parse(self, text: str) -> Pipeline:
        if text not in self.stages:
            raise Invalid(f"there is no part called {text}")
        return pipeline(self.stages[text])


@asynccontextmanager
async def following(source: Service, stages: Stages) -> AsyncIterator[Aggregate]:
    """Open an aggregate that follows a source."""
    async with whole_of() as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole.membership.follow_source, source, stages.parse)
        await trio.testing.wait_all_tasks_blocked()
        yield whole
        nursery.cancel_scope.cancel()


class ScriptedSource:
    """A source whose watches the test writes."""

    def __init__(self) -> None:
        self.senders: list[Sender] = []
        self.error: Exception | None = None

    async def __call__(self, message: Message, /) -> Message:
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        sender, receiver = open_channel()
        self.senders.append(sender)
        return ack(ret=receiver)

    def tell(self, kind: str, name: str = "", stage: object = "") -> None:
        args = {"kind": kind} | ({"row": {"document": {"Stage": stage}}} if stage else {})
        self.senders[-1].offer(Message(Verb.WATCH, (name,) if name else (), args))


# -- hosts that fail ----------------------------------------------------------------------------------------------


async def test_host_that_fails_is_down_until_opened_again(
    autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug that ends one host's instance ends neither the others nor the whole: it is down, and opened again."""
    stages = {name: ScriptedStage(host_with(name, f"web-{name}")) for name in "ab"}
    async with whole_of_stages(stages) as whole:
        stages["a"].fail(RuntimeError("a bug"))
        await trio.testing.wait_all_tasks_blocked()
        rows = {each.name: each.lost for each in await ls(whole)}
        assert rows["web-b"] is None
        assert rows["web-a"] is not None
        with pytest.raises(Unavailable, match="host a is down"):
            await whole(Message(Verb.START, ("containers", "web-a")))
        assert "a bug" in caplog.text
        await trio.sleep(REOPEN_SECONDS + 2)
        assert stages["a"].opened == 2
        assert {each.lost for each in await ls(whole)} == {None}
        await whole(Message(Verb.START, ("containers", "web-a")))


async def test_host_that_failed_says_why(autojump_clock: Clock) -> None:
    """While an instance that failed is not there, its node and its rows give the reason it failed with."""
    stages = {name: ScriptedStage(host_with(name, f"web-{name}")) for name in "ab"}
    async with whole_of_stages(stages) as whole:
        stages["a"].refuse = Unavailable("no such key")
        stages["a"].fail(Unavailable("the tunnel broke"))
        await trio.sleep(REOPEN_SECONDS + 2)
        assert "no such key" in str({each.name: each.lost for each in await ls(whole, "nodes")}["a"])


async def test_bug_in_a_call_is_an_error_of_that_host(autojump_clock: Clock) -> None:
    """What a host raises that no service may becomes Internal with its name; the host stays."""
    a = host_with("a", "web")
    async with whole_of(a) as whole:

        async def buggy(message: Message) -> None:
            raise KeyError("a bug")

        a.before = buggy
        with pytest.raises(Internal, match="host a failed: KeyError"):
            await whole(Message(Verb.START, ("containers", "web")))
        a.before = None
        await whole(Message(Verb.START, ("containers", "web")))


async def test_what_cannot_be_opened_is_said_at_opening(autojump_clock: Clock) -> None:
    """A host whose opening fails was written wrongly: opening the whole fails with it, and names the host."""
    stages = {name: ScriptedStage(host_with(name)) for name in "ab"}
    stages["b"].refuse = Invalid("no such file")
    with pytest.raises(Invalid, match=r"member b: .*no such file"):
        async with aggregate_of(stages).open(None):
            pass


# -- sources ------------------------------------------------------------------------------------------------------


async def test_listed_hosts_come_and_go(autojump_clock: Clock) -> None:
    """A host joins when a source lists it, and leaves with its rows when it does no more."""
    source, stages = ListSource({"a": "one"}), Stages(one="web", two="db")
    async with source.open() as service, following(service, stages) as whole:
        channel = await watch(whole)
        assert [each.qualified for each in await ls(whole)] == ["a/web"]
        await source.add("b", "two")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["a/web", "b/db"]
        waiting(channel)
        await source.remove("a")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["b/db"]
        told = {(message["kind"], message.path) for message in waiting(channel)}
        assert told == {("gone", ("nodes", "a")), ("gone", ("nodes", "a", "containers", full_id("web")))}
        with pytest.raises(NotFound, match="the hosts are b"):
            await whole(Message(Verb.CONNECT, ("nodes", "a"), {"method": "GET"}))


async def test_host_with_another_stage_is_opened_anew(autojump_clock: Clock) -> None:
    """A host whose stage changes is closed and opened as the new one; one said again as it was stays open."""
    source, stages = ListSource({"a": "one"}), Stages(one="web", two="db")
    async with source.open() as service, following(service, stages) as whole:
        await source.add("a", "one")
        await trio.testing.wait_all_tasks_blocked()
        assert stages.stages["one"].opened == 1
        await source.add("a", "two")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["a/db"]


async def test_streams_of_a_host_that_leaves_end(autojump_clock: Clock) -> None:
    """What reads from a host that leaves meets Unavailable."""
    source, stages = ListSource({"a": "one"}), Stages(one="web")
    async with source.open() as service, following(service, stages) as whole:
        reply = await whole.members["a"](Message(Verb.WATCH))
        assert isinstance(reply.ret, Receiver)
        await source.remove("a")
        with pytest.raises(Unavailable, match="closed"):
            async for _ in reply.ret:
                pass


async def test_listed_host_that_cannot_be_opened_is_down(autojump_clock: Clock) -> None:
    """A listed host with a stage that cannot be parsed or opened is a host that is down, with the reason."""
    source, stages = ListSource({"a": "one", "b": "nonsense"}), Stages(one="web")
    stages.stages["one"].refuse = Unavailable("no such key")
    async with source.open() as service, following(service, stages) as whole:
        reasons = {each.name: str(each.lost) for each in await ls(whole, "nodes")}
        assert "no such key" in reasons["a"]
        assert "nonsense" in reasons["b"]
        stages.stages["one"].refuse = None
        await trio.sleep(REOPEN_SECONDS + 2)
        assert [each.qualified for each in await ls(whole)] == ["a/web"]


async def test_name_that_is_taken_is_waited_for(autojump_clock: Clock) -> None:
    """A listed host of a name that is taken joins once the name is free."""
    one, two = ListSource({"a": "one"}), ListSource({"a": "two"}, "other")
    stages = Stages(one="web", two="db")
    async with (
        one.open() as first,
        two.open() as second,
        following(first, stages) as whole,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(whole.membership.follow_source, second, stages.parse)
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["a/web"]
        await one.remove("a")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["a/db"]
        nursery.cancel_scope.cancel()


async def test_hosts_stay_while_their_source_is_gone(autojump_clock: Clock) -> None:
    """When a source's watch ends its hosts stay; what it lists no more when it is back leaves then."""
    source, stages = ScriptedSource(), Stages(one="web", two="db")
    async with following(source, stages) as whole:
        for name, stage in (("a", "one"), ("b", "two")):
            source.tell("have", name, stage)
        source.tell("synced")
        await trio.testing.wait_all_tasks_blocked()
        source.error = Unavailable("etcd is down")
        source.senders[-1].end(Unavailable("cut"))
        await trio.sleep(5 * RESUBSCRIBE_SECONDS)
        assert sorted(whole.members) == ["a", "b"]
        source.error = None
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        source.tell("have", "b", "two")
        source.tell("synced")
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(whole.members) == ["b"]
        assert stages.stages["two"].opened == 1


async def test_nonsense_of_a_source_is_its_own(autojump_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """An entry without a stage, or with a name that no host can have, does no harm to those there are."""
    source, stages = ScriptedSource(), Stages(one="web")
    async with following(source, stages) as whole:
        source.tell("have", "a", "one")
        source.tell("have", "b/c", "one")
        source.tell("have", "d")
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert sorted(whole.members) == ["a"]
        assert "b/c" in caplog.text
        assert len(source.senders) == 2


async def test_source_is_opened_with_the_whole(autojump_clock: Clock) -> None:
    """An aggregate with a source opens it, and follows it with the stages that are installed."""
    source = ListSource({"a": "docker unix:///nowhere/docker.sock"})
    async with aggregate_of({}, source).open(None) as whole:
        await trio.testing.wait_all_tasks_blocked()
        assert [each.name for each in await ls(whole, "nodes")] == ["a"]
