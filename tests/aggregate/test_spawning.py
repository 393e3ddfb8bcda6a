"""Placing by the toolkit's own policy: what is known, what is on its way, and what was asked in vain."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import trio
from attrs import evolve

from swarmkit import Message, Row, Verb
from swarmkit.aggregate.arrivals import REMEMBERED, Arrivals
from swarmkit.engine.placement import make_policy
from swarmkit.errors import Internal, Invalid, NotFound, SwarmError, Unavailable, error_of_status
from swarmkit.placement import Pending

from .scripted import ScriptedHost, full_id, row
from .whole import host_with, whole_of

Clock = trio.testing.MockClock


def spawn(name: str = "", **spec: Any) -> Message:
    """Ask for a container of a spec."""
    return Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox", **spec}, "name": name})


def publishing(port: str) -> dict[str, Any]:
    """Make the HostConfig of one published port."""
    return {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": port}]}}


async def slow(message: Message) -> None:
    """Take a second to create."""
    if message.verb is Verb.SPAWN:
        await trio.sleep(1)


async def spawn_all(whole: Any, messages: list[Message]) -> Counter[str]:
    """Ask for many at once; count them by host, and those that were refused."""
    outcomes: Counter[str] = Counter()

    async def one(message: Message) -> None:
        try:
            outcomes[(await whole(message)).path[1]] += 1
        except SwarmError as error:
            outcomes[type(error).__name__] += 1

    async with trio.open_nursery() as nursery:
        for message in messages:
            nursery.start_soon(one, message)
    return outcomes


async def test_many_at_once_do_not_share_a_port(autojump_clock: Clock) -> None:
    """Of twenty that publish one port, asked for together, each host gets one and the others are refused."""
    hosts = [ScriptedHost(name, before=slow) for name in "abc"]
    async with whole_of(*hosts) as whole:
        outcomes = await spawn_all(whole, [spawn(HostConfig=publishing("80"))] * 20)
        assert outcomes == {"a": 1, "b": 1, "c": 1, "Unavailable": 17}


async def test_many_at_once_do_not_reserve_too_much(autojump_clock: Clock) -> None:
    """Of twenty with half a CPU each, asked for together, a host of two CPUs gets four and a host of one two."""
    a = ScriptedHost("a", before=slow, node={"NCPU": 2})
    b = ScriptedHost("b", before=slow, node={"NCPU": 1})
    async with whole_of(a, b, policy=make_policy(overcommit=0)) as whole:
        outcomes = await spawn_all(whole, [spawn(HostConfig={"NanoCpus": 500_000_000})] * 20)
        assert outcomes == {"a": 4, "b": 2, "Unavailable": 14}


@pytest.mark.parametrize("quiet", [True, False])
async def test_what_was_just_created_has_its_port(autojump_clock: Clock, quiet: bool) -> None:
    """Right after a creation its port is taken, whether an event has told of it or not."""
    hosts = [ScriptedHost(name, quiet=quiet) for name in "ab"]
    async with whole_of(*hosts) as whole:
        outcomes = [await spawn_all(whole, [spawn(name, HostConfig=publishing("80"))]) for name in ("web", "db", "no")]
        assert outcomes == [{"a": 1}, {"b": 1}, {"Unavailable": 1}]


async def test_what_was_removed_through_us_has_no_port(autojump_clock: Clock) -> None:
    """What a request has removed is fetched before the next is placed, though no event has told of it."""
    a = ScriptedHost("a", quiet=True)
    web = row("web", "running", HostConfig=publishing("80"))
    a.rows[web.id] = web
    async with whole_of(a) as whole:
        with pytest.raises(Unavailable, match="a: port 80/tcp is taken by web"):
            await whole(spawn(HostConfig=publishing("80")))
        await whole(Message(Verb.CONNECT, ("containers", "web"), {"method": "DELETE", "target": ""}))
        del a.rows[web.id]
        assert (await whole(spawn(HostConfig=publishing("80")))).path[1] == "a"


async def test_a_host_that_was_never_listed_is_no_place(autojump_clock: Clock) -> None:
    """What it has is not known; after a moment another host is taken, and where there is none it is said."""
    mute = ScriptedHost("a", hears=False)
    async with whole_of(mute, host_with("b", "web")) as whole:
        assert (await whole(spawn())).path[1] == "b"
    async with whole_of(mute) as whole:
        with pytest.raises(Unavailable, match="a: still being listed"):
            await whole(spawn())


async def test_the_next_is_chosen_anew(autojump_clock: Clock) -> None:
    """Where the first host lacks the image, another is chosen by what it has got meanwhile."""
    a, b, c = host_with("a"), host_with("b", "one"), host_with("c", "two")

    async def before(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            b.add(row("three"))
            await trio.sleep(1)
            raise NotFound("No such image: busybox")

    a.before = before
    async with whole_of(a, b, c) as whole:
        assert (await whole(spawn())).path[1] == "c"


def failing(status: int, message: str) -> Any:
    """Return what has a host answer each creation with an error."""

    async def before(asked: Message) -> None:
        if asked.verb is Verb.SPAWN:
            raise error_of_status(status, message)

    return before


async def test_a_host_that_cannot_is_passed_over(autojump_clock: Clock) -> None:
    """Where an engine fails to create (its disk is full), the next host is asked."""
    a, b = host_with("a"), host_with("b", "one")
    a.before = failing(500, "no space left on device")
    async with whole_of(a, b) as whole:
        assert (await whole(spawn())).path[1] == "b"


async def test_hosts_that_fail_alike_are_quoted(autojump_clock: Clock) -> None:
    """What every host says in the same words is passed on, with its status; else each is named with its own."""
    a, b = host_with("a"), host_with("b")
    a.before = b.before = failing(500, "bad mount")
    async with whole_of(a, b) as whole:
        with pytest.raises(Internal, match=r"^bad mount$"):
            await whole(spawn())
        b.before = failing(500, "no space left on device")
        with pytest.raises(Unavailable, match=r"^a: bad mount; b: no space left on device$"):
            await whole(spawn())


async def test_what_fails_on_the_way_is_asked_of_nobody_else(autojump_clock: Clock) -> None:
    """A 502 comes from something between, and does not say what the engine has done."""
    a, b = host_with("a"), host_with("b", "one")
    a.before = failing(502, "bad gateway")
    async with whole_of(a, b) as whole:
        with pytest.raises(Internal, match="bad gateway"):
            await whole(spawn())
        assert b.sent(Verb.SPAWN) == []


async def test_what_is_missing_goes_before_what_is_refused(autojump_clock: Clock) -> None:
    """Where the only host that may have it lacks the image, that is the answer: the client then pulls it."""
    a, b = host_with("a"), host_with("b")

    async def before(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            raise NotFound("No such image: busybox")

    b.before = before
    async with whole_of(a, b) as whole:
        with pytest.raises(NotFound, match=r"^No such image: busybox$"):
            await whole(spawn(Env=["constraint:node==b"]))
        assert a.sent(Verb.SPAWN) == []


async def test_failures_and_refusals_are_told_together(autojump_clock: Clock) -> None:
    """Where the host that may have it fails, the error has its reason and those of the others."""
    a, b = host_with("a"), host_with("b")

    async def before(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            raise Unavailable("reset")

    b.before = before
    async with whole_of(a, b) as whole:
        with pytest.raises(
            Unavailable, match=r"^b: reset; no host can take the container: a: does not meet constraint:"
        ):
            await whole(spawn(Env=["constraint:node==b"]))


async def test_an_expression_that_cannot_be_read_is_invalid(autojump_clock: Clock) -> None:
    """No host is asked, and the name is free again."""
    a = host_with("a")
    async with whole_of(a) as whole:
        for _ in range(2):
            with pytest.raises(Invalid, match="constraint:node=a cannot be read"):
                await whole(spawn("web", Env=["constraint:node=a"]))
        assert a.sent(Verb.SPAWN) == []


async def test_a_container_is_found_by_affinity_while_it_is_created(autojump_clock: Clock) -> None:
    """What is asked for beside a container goes to its host, though the container is not there yet."""
    hosts = [ScriptedHost(name, before=slow) for name in "ab"]
    async with whole_of(*hosts) as whole, trio.open_nursery() as nursery:
        nursery.start_soon(whole, spawn("web"))
        nursery.start_soon(whole, spawn("db"))
        await trio.sleep(0.5)
        placed = [(await whole(spawn(Env=["affinity:container==web"]))).path[1] for _ in range(2)]
    (where,) = (host.name for host in hosts if full_id("web") in host.rows)
    assert placed == [where, where]


def test_arrivals_are_those_being_created_and_not_yet_listed() -> None:
    """They count while they are created, and then until they are listed; what is unlisted without a spec counts too."""
    arrivals, path = Arrivals(), ("nodes", "node-3", "containers", full_id("web"))
    unlisted = evolve(row("web"), member="node-3")
    with arrivals.expect(spawn("dc1/web", Labels={"a": "b"})) as pending:
        assert arrivals.pending([]) == (pending,) == (Pending("web", pending.spec),)
    arrivals.arrived(path, pending)
    assert arrivals.pending([unlisted]) == (evolve(pending, host="node-3", id=unlisted.id),)
    assert arrivals.pending([row("db")]) == (Pending("db", id=full_id("db")),)
    assert arrivals.pending([]) == ()


def test_arrivals_have_a_bound() -> None:
    """What nobody asks for is not kept for ever."""
    arrivals = Arrivals()
    for number in range(REMEMBERED + 1):
        arrivals.arrived(("containers", str(number)), Pending("web", {"Image": "x"}))
    rows = [Row("web", ("containers", str(number)), str(number)) for number in (0, 1)]
    assert [bool(each.spec) for each in arrivals.pending(rows)] == [False, True]
