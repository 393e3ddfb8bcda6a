"""The mirror as a service: reads ask nobody, and hosts beneath are told apart."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import evolve

from swarmkit import Listing, Message, Row, Unavailable, Verb, open_pipe
from swarmkit.errors import Conflict, NotFound
from swarmkit.mirror import FETCH_DEADLINE, RESUBSCRIBE_SECONDS, open_mirror

from ..aggregate.scripted import ScriptedHost, full_id, row
from .mirrors import LS, WEB, mirror_of, states, waiting, watch


async def test_listing_asks_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """LS, LS of nodes, ATTACH by name and id prefix send nothing once the watch is in step."""
    host = ScriptedHost()
    host.add(row("web"), row("db", "running"))
    async with mirror_of(host) as mirror:
        assert await states(mirror) == {"web": "created", "db": "running"}
        assert [node.name for node in Listing.of(await mirror(Message(Verb.LS, ("nodes",))))] == ["host"]
        for reference in ("web", "/web", full_id("web"), full_id("web")[:6]):
            assert (await mirror(Message(Verb.ATTACH, ("containers", reference)))).path == WEB
        assert host.calls == []


async def test_listing_by_ids(autojump_clock: trio.testing.MockClock) -> None:
    """LS with `ids` lists these alone."""
    host = ScriptedHost()
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror:
        listing = Listing.of(await mirror(Message(Verb.LS, ("containers",), {"ids": [full_id("db"), "none"]})))
        assert [each.name for each in listing] == ["db"]


async def test_sizes_are_asked_for(autojump_clock: trio.testing.MockClock) -> None:
    """LS with `size` goes to the host: sizes are not mirrored."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.LS, ("containers",), {"size": True}))
        assert len(host.sent(Verb.LS)) == 1


async def test_change_behind_our_back_is_seen_with_its_event(autojump_clock: trio.testing.MockClock) -> None:
    """What the host tells of is listed without a fetch."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        host.add(row("web"))
        await trio.testing.wait_all_tasks_blocked()
        assert await states(mirror) == {"web": "created"}
        host.remove(row("web"))
        await trio.testing.wait_all_tasks_blocked()
        assert await states(mirror) == {}
        assert host.calls == []


async def test_what_is_not_there_is_not_found(autojump_clock: trio.testing.MockClock) -> None:
    """ATTACH to an unknown name is NotFound with the engine's text."""
    async with mirror_of(ScriptedHost()) as mirror:
        with pytest.raises(NotFound, match="No such container: web"):
            await mirror(Message(Verb.ATTACH, ("containers", "web")))


async def test_ambiguous_beginning_is_a_conflict(autojump_clock: trio.testing.MockClock) -> None:
    """ATTACH to a prefix of two ids is a Conflict that names both."""
    host = ScriptedHost()
    host.add(row("web"), row("wet"))
    async with mirror_of(host) as mirror:
        with pytest.raises(Conflict, match="web, wet"):
            await mirror(Message(Verb.ATTACH, ("containers", b"we".hex())))


async def test_ends_of_what_is_answered_here_are_closed(autojump_clock: trio.testing.MockClock) -> None:
    """A stream that comes with a request answered from the replica is closed."""
    async with mirror_of(ScriptedHost()) as mirror:
        for message in (LS, Message(Verb.LS, ("nodes",)), Message(Verb.WATCH)):
            sender, receiver = open_pipe()
            await mirror(evolve(message, att=receiver))
            with pytest.raises(trio.BrokenResourceError):
                await sender.send_all(b"x")


async def test_first_listing_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """LS waits for the first listing, and answers with it."""
    host = ScriptedHost(hears=False)
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        listed: list[dict[str, Any]] = []

        async def read() -> None:
            listed.append(await states(mirror))

        nursery.start_soon(read)
        await trio.sleep(FETCH_DEADLINE / 2)
        host.tell("have", WEB, row=row("web").to_plain(), stamp=1)
        host.tell("synced")
        await trio.testing.wait_all_tasks_blocked()
        assert listed == [{"web": "created"}]


async def test_first_listing_is_not_waited_for_long(autojump_clock: trio.testing.MockClock) -> None:
    """A host that lists nothing in time is named as missing."""
    async with mirror_of(ScriptedHost(hears=False)) as mirror:
        began = trio.current_time()
        listing = Listing.of(await mirror(LS))
        assert trio.current_time() - began == pytest.approx(FETCH_DEADLINE)
        assert [(gap.member, gap.reason) for gap in listing.missing] == [("", "still being listed")]
        assert not await mirror.refresh()


async def test_host_never_seen_is_missing(autojump_clock: trio.testing.MockClock) -> None:
    """A host lost before it was in step is missing, with its reason, and at once."""
    host = ScriptedHost(hears=False)
    async with mirror_of(host) as mirror:
        host.lose("refused")
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        listing = Listing.of(await mirror(LS))
        assert trio.current_time() == began
        assert [(gap.member, gap.reason) for gap in listing.missing] == [("", "refused")]


async def test_watch_that_cannot_be_had_wakes_readers(autojump_clock: trio.testing.MockClock) -> None:
    """A host whose watch fails at once is missing at once, with the reason, and so are its watchers told."""
    host = ScriptedHost()

    async def before(message: Message) -> None:
        await trio.sleep(0.1)
        raise Unavailable("refused")

    host.before = before
    async with open_mirror(host, "host") as mirror:
        channel = await watch(mirror)
        listing = Listing.of(await mirror(LS))
        assert trio.current_time() < FETCH_DEADLINE
        assert [(gap.member, gap.reason) for gap in listing.missing] == [("", "refused")]
        await trio.sleep(10 * RESUBSCRIBE_SECONDS)
        told = [(message["kind"], message["reason"]) for message in waiting(channel)]
        assert told == [("lost", "refused")]  # once, though it was tried again and again


def beneath(host: str, name: str) -> Row:
    """Make a container's row as a mirrored aggregate says it."""
    return evolve(row(name), member=host, path=("nodes", host, "containers", full_id(name)))


async def test_containers_beneath_are_no_nodes(autojump_clock: trio.testing.MockClock) -> None:
    """Rows below `nodes/HOST/containers` are held as containers, and found by `host/` before name, id and prefix."""
    host = ScriptedHost()
    host.add(
        beneath("a", "web"),
        evolve(beneath("b", "web"), id=full_id("web2"), path=("nodes", "b", "containers", full_id("web2"))),
    )
    async with mirror_of(host) as mirror:
        assert [node.name for node in mirror.nodes.values()] == ["host"]
        for reference in ("a/web", f"a/{full_id('web')}", f"a/{full_id('web')[:6]}", full_id("web")):
            assert [found.path[1] for found in mirror.find(reference)] == ["a"]
        assert mirror.find(f"b/{full_id('web')}") == []
        with pytest.raises(Conflict, match="a/web, b/web"):
            await mirror.resolve("web")
        host.remove(beneath("a", "web"))
        await trio.testing.wait_all_tasks_blocked()
        assert [found.path[1] for found in mirror.find("web")] == ["b"]


async def test_host_beneath_is_lost_alone(autojump_clock: trio.testing.MockClock) -> None:
    """Of several hosts beneath, one that is lost marks its own rows alone, and takes that with it when it leaves."""
    host = ScriptedHost()
    host.add(beneath("a", "web"), beneath("b", "db"))
    async with mirror_of(host) as mirror:
        node = Row(name="a", member="a", path=("nodes", "a"))
        host.tell("put", node.path, row=node.to_plain())
        host.tell("lost", member="a", reason="frozen", seen=True)
        await trio.testing.wait_all_tasks_blocked()
        assert {each["name"]: each.get("lost") for each in mirror.listed()} == {"web": "frozen", "db": None}
        host.tell("gone", node.path)
        await trio.testing.wait_all_tasks_blocked()
        assert mirror.lost == {}


async def test_listing_that_lacks_a_host_removes_nothing_of_it(autojump_clock: trio.testing.MockClock) -> None:
    """What a fetch lacks because a host beneath did not answer is kept as last known."""
    host = ScriptedHost(quiet=True)
    host.add(beneath("a", "web"), beneath("b", "db"))
    async with mirror_of(host) as mirror:

        async def inner(message: Message) -> Message:
            reply = await host.answer(message)
            if message.verb is not Verb.LS:
                return reply
            kept = [plain for plain in reply["rows"] if plain["member"] != "a"]
            return evolve(reply, args={"rows": kept, "missing": [{"member": "a", "reason": "no answer"}]})

        host.instead = inner
        await mirror(Message(Verb.CONNECT, (), {"method": "POST"}))
        assert await states(mirror) == {"web": "created", "db": "created"}


async def test_rows_are_made_once(autojump_clock: trio.testing.MockClock) -> None:
    """What LS and WATCH carry of a row is one and the same until the row changes."""
    host = ScriptedHost()
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        (listed,), (again,) = (await mirror(LS))["rows"], (await mirror(LS))["rows"]
        having = [message["row"] for message in waiting(await watch(mirror)) if message["kind"] == "have"]
        assert (listed is again, listed is having[0]) == (True, True)
        host.add(row("web", "running"))
        await trio.testing.wait_all_tasks_blocked()
        assert await states(mirror) == {"web": "running"}
        assert listed["document"]["State"] == "created"
