"""Hosts that fail, are opened again, and come and go as a source lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

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
from swarmkit.placement import Candidate, Spec
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


async def test_name_that_no_host_can_have_is_missing(autojump_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A listed name that no host can have is named as missing among the hosts while it is listed, and logged once."""
    source, stages = ListSource({"b/c": "one"}), Stages(one="web")
    async with source.open() as service, following(service, stages) as whole:
        await source.add("b/c", "one", {"zone": "a"})
        await trio.testing.wait_all_tasks_blocked()
        gaps = [(gap.member, gap.reason) for gap in (await ls(whole, "nodes")).missing]
        assert gaps == [("b/c", "'b/c' cannot be the name of a host")]
        assert caplog.text.count("b/c") == 1
        await source.remove("b/c")
        await trio.testing.wait_all_tasks_blocked()
        assert (await ls(whole, "nodes")).missing == ()


async def test_what_a_source_misses_is_missing_among_the_hosts(autojump_clock: Clock) -> None:
    """While it says so, and not after its watch has begun anew without a word of it; the hosts are left alone."""
    source, stages = ScriptedSource(), Stages(one="web")
    async with following(source, stages) as whole:

        async def missing() -> list[tuple[str, str]]:
            await trio.testing.wait_all_tasks_blocked()
            return [(gap.member, gap.reason) for gap in (await ls(whole, "nodes")).missing]

        gaps = [{"member": "etcd", "reason": "refused"}, {"member": "b", "reason": "torn"}]
        source.tell("have", "a", "one")
        source.senders[-1].offer(Message(Verb.WATCH, (), {"kind": "missing", "missing": gaps}))
        source.tell("synced")
        assert await missing() == [("b", "torn"), ("etcd", "refused")]
        source.senders[-1].offer(Message(Verb.WATCH, (), {"kind": "missing", "missing": gaps[:1]}))
        assert await missing() == [("etcd", "refused")]
        source.senders[-1].end(Unavailable("cut"))
        assert await missing() == [("etcd", "refused")]
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert await missing() == []
        assert sorted(whole.members) == ["a"]
        assert stages.stages["one"].opened == 1


@pytest.mark.parametrize(
    "message", [Message(Verb.SPAWN, args={"name": "a/web"}), Message(Verb.GET, ("nodes",))], ids=str
)
async def test_where_there_are_no_hosts_what_hides_them_is_said(autojump_clock: Clock, message: Message) -> None:
    """Whoever wants a host reads why there is none: the source that would list it does not answer."""
    source = ScriptedSource()
    async with following(source, Stages()) as whole:
        gaps = [{"member": "etcd", "reason": "refused"}]
        source.senders[-1].offer(Message(Verb.WATCH, (), {"kind": "missing", "missing": gaps}))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match=r"^there are no hosts \(etcd: refused\)$"):
            await whole(message)


async def test_that_a_host_has_left_is_logged(autojump_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """It is said of one that is not listed any more, and not of one that is listed at another address."""
    caplog.set_level("INFO")
    source, stages = ListSource({"a": "one"}), Stages(one="web", two="web")
    async with source.open() as service, following(service, stages):
        await source.add("a", "two")
        await trio.testing.wait_all_tasks_blocked()
        assert "has left" not in caplog.text
        await source.remove("a")
        await trio.testing.wait_all_tasks_blocked()
        assert caplog.messages.count("the host a has left: its source does not list it any more") == 1


async def test_host_that_its_source_gives_up_is_down_and_not_opened(autojump_clock: Clock) -> None:
    """An entry with a reason why it is lost is a host that is down for it; without the reason it is opened."""
    source, stages = ListSource(), Stages(one="web")
    async with source.open() as service, following(service, stages) as whole:
        await source.add("a", "one", lost="it is refused")
        await trio.sleep(REOPEN_SECONDS + 2)
        assert [(each.name, each.lost) for each in await ls(whole, "nodes")] == [("a", "it is refused")]
        with pytest.raises(Unavailable, match="host a is down: it is refused"):
            await whole(Message(Verb.SPAWN, ("nodes", "a"), {"spec": {}}))
        assert stages.stages["one"].opened == 0
        await source.add("a", "one")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.qualified for each in await ls(whole)] == ["a/web"]


async def test_why_a_host_is_down_is_logged_once(autojump_clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A host is tried for ever, and its reason said when it is another, or when the host was there meanwhile."""
    source, stages = ListSource({"a": "one"}), Stages(one="web")
    stage = stages.stages["one"]
    stage.refuse = Unavailable("no such key")
    async with source.open() as service, following(service, stages):
        await trio.sleep(5 * REOPEN_SECONDS)
        assert caplog.messages.count("the host a is down: one: no such key") == 1
        stage.refuse = Unavailable("no such file")
        await trio.sleep(1.5 * REOPEN_SECONDS)  # not at the very moment of a try
        assert caplog.messages.count("the host a is down: one: no such file") == 1
        stage.refuse = None
        await trio.sleep(1.5 * REOPEN_SECONDS)  # not at the very moment of a try
        stage.fail(Unavailable("one: no such file"))
        await trio.testing.wait_all_tasks_blocked()
        assert caplog.messages.count("the host a is down: one: no such file") == 2


# -- labels -------------------------------------------------------------------------------------------------------


def labels_of(candidate: Candidate) -> list[Mapping[str, str]]:
    """Return what placement sees of a member's hosts."""
    return [host.document["Labels"] for host in candidate.hosts]


async def test_labels_of_a_listed_host_go_before_its_engines(autojump_clock: Clock) -> None:
    """A node's labels, and what placement sees, are the engine's and the source's, of which the source's count."""
    source, stages = ListSource(), Stages(one="web")
    stages.stages["one"].host.node = {"Labels": {"zone": "engine", "disk": "ssd"}}
    await source.add("a", "one", {"zone": "source"})
    async with source.open() as service, following(service, stages) as whole:
        labels = {"zone": "source", "disk": "ssd"}
        assert [each.document["Labels"] for each in await ls(whole, "nodes")] == [labels]
        assert labels_of(whole.members["a"].candidate()) == [labels]


async def test_labels_of_a_host_that_is_down_are_known(autojump_clock: Clock) -> None:
    """What a source says of a host does not depend on its being there."""
    source = ListSource()
    await source.add("a", "nonsense", {"zone": "source"})
    async with source.open() as service, following(service, Stages()) as whole:
        (node,) = await ls(whole, "nodes")
        assert (node.document["Labels"], node.document["State"]) == ({"zone": "source"}, "unhealthy")


async def test_other_labels_change_a_host_in_place(autojump_clock: Clock) -> None:
    """Where only the labels change the host stays open, and its watchers are told of its node."""
    source, stages = ListSource(), Stages(one="web")
    await source.add("a", "one", {"zone": "x"})
    async with source.open() as service, following(service, stages) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        waiting(channel)
        await source.add("a", "one", {"zone": "y"})
        await trio.testing.wait_all_tasks_blocked()
        told = [(each.path, each.get("kind"), each["row"]["document"]["Labels"]) for each in waiting(channel)]
        assert told == [(("nodes", "a"), "put", {"zone": "y"})]
        assert labels_of(whole.members["a"].candidate()) == [{"zone": "y"}]
        assert stages.stages["one"].opened == 1


async def test_labels_that_change_before_a_host_joins_are_the_new_ones(autojump_clock: Clock) -> None:
    """A listed host that waits for its name to be free joins with the labels that it has by then."""
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
        await two.add("a", "two", {"zone": "y"})
        await trio.testing.wait_all_tasks_blocked()
        await one.remove("a")
        await trio.testing.wait_all_tasks_blocked()
        assert [each.document["Labels"] for each in await ls(whole, "nodes")] == [{"zone": "y"}]
        nursery.cancel_scope.cancel()


async def test_labels_of_a_member_are_those_of_all_hosts_beneath(autojump_clock: Clock) -> None:
    """A listed member that is many hosts gives each of them its labels, to placement, too."""
    hosts = {name: ScriptedStage(host_with(name, node={"Labels": {"disk": name}})) for name in "xy"}
    source = ListSource()
    await source.add("far", "both", {"zone": "b"})

    def parse(text: str) -> Pipeline:
        return pipeline(aggregate_of(hosts))

    async with source.open() as service, whole_of() as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole.membership.follow_source, service, parse)
        await trio.testing.wait_all_tasks_blocked()
        labels = {each.name: each.document["Labels"] for each in await ls(whole, "nodes")}
        assert labels == {"far/x": {"disk": "x", "zone": "b"}, "far/y": {"disk": "y", "zone": "b"}}
        assert labels_of(whole.members["far"].candidate()) == list(labels.values())
        nursery.cancel_scope.cancel()


async def test_policy_sees_labels(autojump_clock: Clock) -> None:
    """A policy of one's own can place by the labels that a source gives."""

    def on_ssd(spec: Spec, candidates: Sequence[Candidate]) -> list[Candidate]:
        return [each for each in candidates if {"disk": "ssd"} in labels_of(each)]

    source, stages = ListSource({"a": "one"}), Stages(one="web", two="db")
    await source.add("b", "two", {"disk": "ssd"})
    async with source.open() as service, whole_of(policy=on_ssd) as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole.membership.follow_source, service, stages.parse)
        await trio.testing.wait_all_tasks_blocked()
        reply = await whole(Message(Verb.SPAWN, ("containers",), {"spec": {}, "name": "new"}))
        assert reply.path[:2] == ("nodes", "b")
        nursery.cancel_scope.cancel()


# -- its own host -------------------------------------------------------------------------------------------------


async def test_listed_host_that_is_the_whole_itself_is_down(autojump_clock: Clock, tmp_path: Path) -> None:
    """A source that lists what the pipeline serves does not make it ask itself: that host is down, and says why."""
    address = f"unix://{tmp_path}/s.sock"
    source = ListSource({"a": f"docker {address}", "b": f"aggregate 'x=docker {address}'", "c": "docker unix:///no"})
    avoiding = aggregate_of({}, source).avoiding(frozenset({address}))
    async with avoiding.open(None) as whole:
        await trio.testing.wait_all_tasks_blocked()
        reasons = {each.name: each.lost for each in await ls(whole, "nodes")}
    assert str(reasons["a"]).startswith(f"it would be its own host: {address}")
    assert str(reasons["b"]).startswith(f"member x: it would be its own host: {address}")
    assert "own host" not in str(reasons["c"])


async def test_source_is_opened_with_the_whole(autojump_clock: Clock) -> None:
    """An aggregate with a source opens it, and follows it with the stages that are installed."""
    source = ListSource({"a": "docker unix:///nowhere/docker.sock"})
    async with aggregate_of({}, source).open(None) as whole:
        await trio.testing.wait_all_tasks_blocked()
        assert [each.name for each in await ls(whole, "nodes")] == ["a"]
