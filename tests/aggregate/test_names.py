"""Names that sources hold while they are given: what one refuses is refused, and one that is away is warned of."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import trio

from swarmkit import Message, Service, SwarmError, Verb, close_ends
from swarmkit.aggregate.names import HOLD_DEADLINE
from swarmkit.errors import Conflict, Denied, Internal, Invalid, NotFound, Timeout, Unavailable, Unimplemented
from swarmkit.parts import aggregate_of
from swarmkit.testing import HeldNames, ListSource

from .scripted import ScriptedHost, ScriptedStage, row
from .whole import host_with, whole_of, whole_of_stages

Clock = trio.testing.MockClock

WARNED = "another swarmd may have given the same name at the same time"


def spawn(name: str = "web") -> Message:
    """Ask for a container of a name."""
    return Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": name})


def rename(reference: str, name: str, **more: Any) -> Message:
    """Ask for another name."""
    return Message(Verb.SET, ("containers", reference), {"Name": name, **more})


async def outcomes_of(*asked: tuple[Service, Message]) -> Counter[str]:
    """Send many messages at once; count how they end."""
    outcomes: Counter[str] = Counter()

    async def one(service: Service, message: Message) -> None:
        try:
            await service(message)
            outcomes["done"] += 1
        except SwarmError as error:
            outcomes[type(error).__name__] += 1

    async with trio.open_nursery() as nursery:
        for service, message in asked:
            nursery.start_soon(one, service, message)
    return outcomes


async def renaming(message: Message) -> None:
    """Take a second to create and to rename."""
    if message.verb in (Verb.SPAWN, Verb.SET):
        await trio.sleep(1)


async def test_a_name_is_held_while_it_is_given(autojump_clock: Clock) -> None:
    """A source holds it until the container is there, and what has no name, or says its host, holds none."""
    names = HeldNames()
    held_meanwhile: list[set[str]] = []

    async def look(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            held_meanwhile.append(names.held)

    async with whole_of(host_with("a", before=look), sources=[ListSource(names=names)]) as whole:
        reply = await whole(spawn())
        await whole(spawn(""))
        await whole(spawn("a/db"))
        assert (held_meanwhile, names.held, names.asked_for) == ([{"web"}, set(), set()], set(), ["web"])
        assert not reply.get("warnings")


async def test_two_who_share_a_source_give_a_name_once(autojump_clock: Clock) -> None:
    """Of many who ask both for one name one gets it, though neither has heard of what the other created."""
    a, b = ScriptedHost("a", before=renaming, quiet=True), ScriptedHost("b", before=renaming, quiet=True)
    names = HeldNames()
    source, other = ListSource(names=names), ListSource(names=names)
    async with whole_of(a, b, sources=[source]) as one, whole_of(a, b, sources=[other]) as two:
        assert await outcomes_of(*[(one, spawn()), (two, spawn())] * 5) == {"done": 1, "Conflict": 9}
        # The next finds the name free at the source, and is told that somebody has just had it.
        assert await outcomes_of((one, spawn()), (two, spawn())) == {"Conflict": 2}
        assert [row.name for host in (a, b) for row in host.rows.values()] == ["web"]


async def test_without_a_source_that_holds_names_nobody_is_warned(autojump_clock: Clock) -> None:
    """A source that holds none is not missed, not even while it is away."""
    names = HeldNames()

    async def before(name: str) -> None:
        raise error

    names.before = before
    async with whole_of(host_with("a"), sources=[ListSource(names=names)]) as whole:
        for error in (Unimplemented("no"), NotFound("no"), Unavailable("gone")):
            assert not (await whole(spawn(f"web{type(error).__name__}"))).get("warnings")


@pytest.mark.parametrize("error", [Unavailable("gone"), Timeout("gone"), Denied("gone"), Internal("gone")])
async def test_a_source_that_fails_is_warned_of(autojump_clock: Clock, error: SwarmError) -> None:
    """The container is created, and the reply says that its name may not be its alone."""
    names = HeldNames()

    async def before(name: str) -> None:
        raise error

    names.before = before
    async with whole_of(host_with("a"), sources=[ListSource(name="etcd", names=names)]) as whole:
        reply = await whole(spawn())
        assert reply["warnings"] == [f"the name web is not held in etcd: gone; {WARNED}"]


async def test_a_source_that_does_not_answer_is_not_waited_for(autojump_clock: Clock) -> None:
    """It has a second; others that hold the name count."""
    mute, names = HeldNames(), HeldNames()

    async def before(name: str) -> None:
        await trio.sleep_forever()

    mute.before = before
    sources = [ListSource(name="mute", names=mute), ListSource(name="good", names=names)]
    async with whole_of(host_with("a"), sources=sources) as whole:
        began = trio.current_time()
        reply = await whole(spawn())
        assert trio.current_time() - began == pytest.approx(HOLD_DEADLINE)
        assert reply["warnings"] == [f"the name web is not held in mute: no answer in 1 s; {WARNED}"]
        assert (names.asked_for, names.held) == (["web"], set())


async def test_a_name_that_is_lost_meanwhile_is_warned_of(autojump_clock: Clock) -> None:
    """It was held when the creation began, and another may have been given it before that was done."""
    names = HeldNames()

    async def before(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            names.lose("web", Unavailable("the lease is gone"))

    async with whole_of(host_with("a", before=before), sources=[ListSource(name="etcd", names=names)]) as whole:
        reply = await whole(spawn())
        assert reply["warnings"] == [f"the name web is not held in etcd: it was lost before this was done; {WARNED}"]


async def test_what_a_source_refuses_is_refused(autojump_clock: Clock) -> None:
    """Nothing is created, and what other sources hold is given back."""
    taken, names = HeldNames(), HeldNames()

    async def before(name: str) -> None:
        await trio.sleep(0.5)
        raise Conflict("web is being given by swarmd 7", name_in_use=name)

    taken.before = before
    a = host_with("a")
    async with whole_of(a, sources=[ListSource(names=names), ListSource(names=taken)]) as whole:
        with pytest.raises(Conflict, match="being given by swarmd 7"):
            await whole(spawn())
        assert (a.sent(Verb.SPAWN), names.asked_for, names.held) == ([], ["web"], set())


async def test_who_goes_away_gives_the_name_back(autojump_clock: Clock) -> None:
    """A creation that is cancelled holds nothing any more, and one that fails neither."""
    names = HeldNames()
    a = host_with("a", before=renaming)
    async with whole_of(a, sources=[ListSource(names=names)]) as whole:
        with trio.move_on_after(0.5):
            await whole(spawn())
        assert (names.asked_for, names.held) == (["web"], set())

        async def fail(message: Message) -> None:
            raise Internal("disk full")

        a.before = fail
        with pytest.raises(Internal):
            await whole(spawn())
        assert names.held == set()


async def test_a_contested_name_is_looked_for_in_hosts_beneath_hosts(autojump_clock: Clock) -> None:
    """What another has created there, and no event has told of yet, is found."""
    names, host = HeldNames(), ScriptedHost("x", quiet=True)
    source = ListSource(names=names)
    async with source.open() as other:
        await close_ends(await other(Message(Verb.SPAWN, ("names", "web"))))
    async with whole_of_stages({"far": aggregate_of({"x": ScriptedStage(host)})}, sources=[source]) as whole:
        host.add(row("web"))
        with pytest.raises(Conflict, match=r"web is in use by .* on far/x"):
            await whole(spawn("web"))


async def test_a_contested_name_of_a_host_that_says_nothing_is_warned_of(autojump_clock: Clock) -> None:
    """What it lists anew is not waited for longer than a read waits."""
    names = HeldNames()

    async def before(message: Message) -> None:
        if message.verb is Verb.LS:
            await trio.sleep_forever()

    b, source = host_with("b"), ListSource(names=names)
    async with source.open() as other:
        await close_ends(await other(Message(Verb.SPAWN, ("names", "web"))))
    async with whole_of(host_with("a"), b, sources=[source]) as whole:
        b.before = before
        reply = await whole(spawn("web"))
        assert reply["warnings"] == ["host b did not say in time whether it has a container called web"]


# -- renaming -----------------------------------------------------------------------------------------------------


async def test_a_rename_and_a_creation_do_not_share_a_name(autojump_clock: Clock) -> None:
    """One of those who ask for a name at once gets it, whatever it is for."""
    a, b = host_with("a", "one", before=renaming), host_with("b", "two", before=renaming)
    async with whole_of(a, b) as whole:
        asked = [(whole, rename("one", "web")), (whole, rename("two", "web")), (whole, spawn("web"))]
        assert await outcomes_of(*asked) == {"done": 1, "Conflict": 2}


async def test_a_rename_is_held_by_sources(autojump_clock: Clock) -> None:
    """So two who share one do not rename two containers alike."""
    names = HeldNames()
    a, b = host_with("a", "one", before=renaming), host_with("b", "two", before=renaming)
    sources = [ListSource(name="etcd", names=names), ListSource(name="etcd", names=names)]
    async with whole_of(a, b, sources=sources[:1]) as one, whole_of(a, b, sources=sources[1:]) as two:
        asked = [(one, rename("one", "web")), (two, rename("two", "web"))]
        assert await outcomes_of(*asked) == {"done": 1, "Conflict": 1}

        async def before(name: str) -> None:
            raise Unavailable("gone")

        names.before = before
        assert (await one(rename("one", "db")))["warnings"] == [f"the name db is not held in etcd: gone; {WARNED}"]


@pytest.mark.parametrize(
    ("wanted", "sent"), [("new", "new"), ("/new", "new"), ("a/new", "new"), ("a/two", "two"), ("", ""), ("one", "one")]
)
async def test_a_rename_goes_to_the_owner_with_the_bare_name(autojump_clock: Clock, wanted: str, sent: str) -> None:
    """A qualified name is compared on its host alone, and its own name is that host's matter; more may be set."""
    a, b = host_with("a", "one"), host_with("b", "two")
    async with whole_of(a, b) as whole:
        await whole(rename("one", wanted, Memory=7))
        (asked,) = a.sent(Verb.SET)
        assert (asked.path, asked.args) == (row("one").path, {"Name": sent, "Memory": 7})


async def test_a_rename_that_would_confuse_is_refused(autojump_clock: Clock) -> None:
    """A bare name is free on all other hosts, and a container stays where it is."""
    a, b = host_with("a", "one"), host_with("b", "two")
    async with whole_of(a, b) as whole:
        with pytest.raises(Conflict, match=r"the name two is in use by .* on b") as caught:
            await whole(rename("one", "two"))
        assert caught.value.details["host"] == "b"
        with pytest.raises(Invalid, match="one is on host a and cannot be renamed to b/new"):
            await whole(rename("one", "b/new"))
        assert a.sent(Verb.SET) == []


async def test_a_name_is_held_at_both_levels(autojump_clock: Clock) -> None:
    """A member that is many hosts has its own sources hold what is created and renamed in it, too."""
    near, far = HeldNames(), HeldNames()
    host = host_with("x", "one")
    inner = aggregate_of({"x": ScriptedStage(host)}, ListSource(names=far))
    async with whole_of_stages({"far": inner}, sources=[ListSource(names=near)]) as whole:
        await whole(spawn("web"))
        await whole(rename("one", "db"))
        assert (near.asked_for, far.asked_for) == (["web", "db"], ["web", "db"])
        assert [each.args for each in host.sent(Verb.SET)] == [{"Name": "db"}]


async def test_what_else_is_set_needs_no_name(autojump_clock: Clock) -> None:
    """An update goes to the owner, and holds nothing."""
    names = HeldNames()
    a = host_with("a", "one")
    async with whole_of(a, sources=[ListSource(names=names)]) as whole:
        await whole(Message(Verb.SET, ("containers", "one"), {"Memory": 7}))
        assert ([each.args for each in a.sent(Verb.SET)], names.asked_for) == ([{"Memory": 7}], [])
