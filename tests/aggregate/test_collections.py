"""Images, networks and volumes of many hosts: listed together, found, and in step when all hosts are."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import evolve

from swarmkit import Message, Row, Service, Verb
from swarmkit.errors import Conflict, Internal, NotFound, Unavailable

from .scripted import ScriptedHost, thing
from .whole import ls, waiting, watch, whole_of

Clock = trio.testing.MockClock
BUSYBOX = thing("images", "busybox:latest", "sha256:" + "ab" * 32)
ALPINE = thing("images", "alpine:3", "sha256:" + "ac" * 32)
FRONT = thing("networks", "front", "f" * 64)
DATA = thing("volumes", "data", "data")


def host_having(name: str, *things: Row, **options: Any) -> ScriptedHost:
    """Make a host whose watch says images, networks and volumes, and that has these."""
    host = ScriptedHost(name, others={"images": {}, "networks": {}, "volumes": {}}, **options)
    for each in things:
        host.others[each.path[0]][each.id] = each
    return host


async def attach(service: Service, collection: str, reference: str) -> Row:
    """Find one thing."""
    return Row.from_plain((await service(Message(Verb.ATTACH, (collection, reference)))).args)


async def test_rows_are_united_without_asking(autojump_clock: Clock) -> None:
    """LS of a collection has the rows of all hosts, each with its host and a path that leads there; nobody is asked."""
    a, b = host_having("a", BUSYBOX, DATA), host_having("b", BUSYBOX)
    async with whole_of(a, b) as whole:
        assert [(each.member, each.path) for each in await ls(whole, "images")] == [
            (member, ("nodes", member, *BUSYBOX.path)) for member in ("a", "b")
        ]
        assert [each.qualified for each in await ls(whole, "volumes")] == ["a/data"]
        assert [each.name for each in await ls(whole, "nodes", "b", "images")] == ["busybox:latest"]
        assert a.calls == b.calls == []


async def test_lost_host_stays_listed(autojump_clock: Clock) -> None:
    """The images of a lost host are as last known, with the reason, at once."""
    a, b = host_having("a", BUSYBOX), host_having("b")
    async with whole_of(a, b) as whole:
        a.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        listing = await ls(whole, "images")
        assert ([each.lost for each in listing], listing.missing) == (["frozen"], ())


async def test_host_whose_list_fails_is_missing(autojump_clock: Clock) -> None:
    """A host that is not in step with a collection is asked, and where it fails it is missing, with its reason."""
    a, b = host_having("a", BUSYBOX), host_having("b", BUSYBOX)

    async def failing(message: Message) -> None:
        raise Internal("broken store")

    async with whole_of(a, b) as whole:
        b.tell("behind", ("images",), reason="broken store")
        await trio.testing.wait_all_tasks_blocked()
        b.before = failing
        listing = await ls(whole, "images")
        assert [each.member for each in listing] == ["a"]
        assert [(gap.member, gap.reason) for gap in listing.missing] == [("b", "broken store")]
        assert [each.name for each in await ls(whole, "volumes")] == []


@pytest.mark.parametrize("reference", ["front", "f" * 64, "f" * 12, "b/front", f"b/{'f' * 12}"])
async def test_network_is_its_owners(autojump_clock: Clock, reference: str) -> None:
    """A network is found by its name, id and the beginning of it, also behind its host; requests go there."""
    a, b = host_having("a"), host_having("b", FRONT)
    async with whole_of(a, b) as whole:
        assert (await attach(whole, "networks", reference)).path == ("nodes", "b", *FRONT.path)
        assert a.calls == b.calls == []
        reply = await whole(Message(Verb.CONNECT, ("networks", reference), {"method": "DELETE"}))
        assert ([message.path for message in b.calls], a.calls) == ([FRONT.path], [])
        assert reply.path == ("nodes", "b", *FRONT.path)


async def test_same_name_on_two_hosts_is_a_conflict(autojump_clock: Clock) -> None:
    """A volume that two hosts have is a Conflict naming both; behind its host each is found."""
    a, b = host_having("a", DATA), host_having("b", DATA)
    async with whole_of(a, b) as whole:
        with pytest.raises(Conflict, match="data is on several hosts: say which one you mean: a/data, b/data"):
            await attach(whole, "volumes", "data")
        for host in ("a", "b"):
            assert (await attach(whole, "volumes", f"{host}/data")).member == host


async def test_two_networks_of_one_name_on_a_host_are_told_by_id(autojump_clock: Clock) -> None:
    """A name that one host has twice is a Conflict that says the ids, which is all that tells them apart."""
    other = evolve(FRONT, id="e" * 64, path=("networks", "e" * 64))
    async with whole_of(host_having("a", FRONT, other), host_having("b")) as whole:
        with pytest.raises(Conflict, match=f"is the name of several: say which one you mean: {'e' * 64}, {'f' * 64}"):
            await attach(whole, "networks", "front")


async def test_what_nobody_has_is_not_found(autojump_clock: Clock) -> None:
    """A name that no host has is NotFound; a host of which the collection was never seen is named."""
    a, b = host_having("a"), host_having("b")
    async with whole_of(a, b) as whole:
        with pytest.raises(NotFound, match=r"^No such volume: data$"):
            await attach(whole, "volumes", "data")
        c = ScriptedHost("c", hears=False)
        async with whole_of(a, c) as other:
            c.tell("lost", reason="refused", seen=False)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(NotFound, match=r"never seen so far: c \(refused\)"):
                await attach(other, "volumes", "data")


async def test_host_that_is_not_in_step_is_asked(autojump_clock: Clock) -> None:
    """What a mirror does not hold is asked of its host: what that has is found, and its error is not hidden."""
    a, b = host_having("a"), ScriptedHost("b")

    async def answer(message: Message) -> Message:
        if message.verb is Verb.ATTACH:
            return Message(Verb.ACK, DATA.path, DATA.to_plain())
        return await b.answer(message)

    async def refuse(message: Message) -> None:
        if message.verb is Verb.ATTACH:
            raise Internal("broken")

    async with whole_of(a, b) as whole:
        b.instead = answer
        assert (await attach(whole, "volumes", "data")).path == ("nodes", "b", *DATA.path)
        b.others["volumes"] = {DATA.id: DATA}
        b.tell("put", DATA.path, row=DATA.to_plain(), stamp=1)  # known, but it may be another by now
        await trio.testing.wait_all_tasks_blocked()
        assert (await attach(whole, "volumes", "data")).path == ("nodes", "b", *DATA.path)
        b.instead, b.before = None, refuse
        with pytest.raises(Internal, match="broken"):
            await attach(whole, "volumes", "data")


async def test_image_is_read_from_a_host_that_has_it(autojump_clock: Clock) -> None:
    """ATTACH to an image asks nobody; GET goes to a host that has it and answers; others are not asked."""
    a, b, c = host_having("a"), host_having("b", BUSYBOX), host_having("c", BUSYBOX)
    async with whole_of(a, b, c) as whole:
        b.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        for reference in ("busybox", BUSYBOX.id, "ab" * 6):
            assert (await attach(whole, "images", reference)).member == "c"
        assert a.calls == c.calls == []
        assert (await whole(Message(Verb.GET, ("images", "busybox")))).path == ("nodes", "c", "images", "busybox")
        assert (a.calls, b.calls) == ([], [])
        c.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert (await attach(whole, "images", "busybox")).lost == "frozen"


async def test_image_that_no_list_has_is_asked_for(autojump_clock: Clock) -> None:
    """What is in no list is asked of each host in turn: lists have not all images."""
    a, b = host_having("a"), host_having("b")

    async def lacking(message: Message) -> None:
        raise NotFound("no such image")

    a.before = lacking
    async with whole_of(a, b) as whole:
        assert (await whole(Message(Verb.GET, ("images", "step")))).path == ("nodes", "b", "images", "step")


async def test_name_of_different_images_is_any(autojump_clock: Clock) -> None:
    """A tag that means another image on each host is read from one; the beginning of both their ids is a Conflict."""
    other = evolve(ALPINE, names=("busybox:latest",))
    async with whole_of(host_having("a", BUSYBOX), host_having("b", other)) as whole:
        assert (await attach(whole, "images", "busybox")).member == "a"
        with pytest.raises(Conflict, match="a is on several hosts"):
            await attach(whole, "images", "a")


async def test_write_is_read_before_resolving(autojump_clock: Clock) -> None:
    """A volume made through the aggregate is found at once, and listed."""
    a = host_having("a", quiet=True)
    async with whole_of(a, host_having("b")) as whole:
        await whole(Message(Verb.CONNECT, ("nodes", "a"), {"method": "POST", "target": "/volumes/create"}))
        a.add(DATA)
        assert (await attach(whole, "volumes", "data")).member == "a"
        assert [each.name for each in await ls(whole, "volumes")] == ["data"]
        assert len(a.sent(Verb.LS)) == 1


async def test_silent_host_is_no_not_found(autojump_clock: Clock) -> None:
    """Where a host does not list in time what was written, what the others lack is unknown, not absent."""
    a = host_having("a")

    async def hang(message: Message) -> None:
        if message.verb is Verb.LS:
            await trio.sleep_forever()

    async with whole_of(a, host_having("b")) as whole:
        a.before = hang
        await whole(Message(Verb.CONNECT, ("nodes", "a"), {"method": "POST", "target": "/volumes/create"}))
        with pytest.raises(Unavailable, match="no answer in time from a"):
            await attach(whole, "volumes", "data")


def steps(messages: list[Message]) -> list[tuple[str, str]]:
    """Return what was said of being in step: kinds, and paths."""
    return [(m["kind"], "/".join(m.path)) for m in messages if m["kind"] in ("synced", "behind")]


async def test_collection_is_in_step_when_all_hosts_are(autojump_clock: Clock) -> None:
    """A watch says `synced` of a collection once each host has, or is lost, and `behind` when one is."""
    a, b = host_having("a", BUSYBOX), ScriptedHost("b")
    async with whole_of(a, b) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        assert steps(waiting(channel)) == [("synced", "")]
        b.tell("synced", ("images",))
        await trio.testing.wait_all_tasks_blocked()
        assert steps(waiting(channel)) == [("synced", "images")]
        for host in (a, b):
            host.tell("behind", ("images",), reason="x")
        await trio.testing.wait_all_tasks_blocked()
        (behind,) = waiting(channel)
        assert (behind["kind"], behind.path, behind["reason"][1:]) == ("behind", ("images",), ": x")
        a.tell("synced", ("images",))
        await trio.testing.wait_all_tasks_blocked()
        assert waiting(channel) == []
        b.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert ("synced", "images") in steps(waiting(channel))
