"""The mirror: reads ask nobody, and what was written through it is read first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import evolve

from swarmkit import Listing, Message, Receiver, Row, Unavailable, Verb, open_pipe
from swarmkit.errors import Conflict, NotFound, Timeout
from swarmkit.mirror import CREATED, FETCH_DEADLINE, RESUBSCRIBE_SECONDS, WATCHED, Mirror, open_mirror

from .aggregate.scripted import ScriptedHost, full_id, row

LS = Message(Verb.LS, ("containers",))
WEB = ("containers", full_id("web"))


@asynccontextmanager
async def mirror_of(host: ScriptedHost) -> AsyncIterator[Mirror]:
    """Open a mirror that is in step, and forget the calls that it took."""
    async with open_mirror(host, host.name) as mirror:
        await trio.testing.wait_all_tasks_blocked()
        host.calls.clear()
        yield mirror


async def states(mirror: Mirror) -> dict[str, Any]:
    """List, and return each container's state."""
    return {each.name: each.document["State"] for each in Listing.of(await mirror(LS))}


def heard(channel: Receiver) -> list[tuple[str, tuple[str, ...]]]:
    """Return what waits in a watch: kinds and paths."""
    return [(message["kind"], message.path) for message in waiting(channel)]


def waiting(channel: Receiver) -> list[Message]:
    """Return the messages that wait in a watch."""
    return list(iter(channel.receive_nowait, None))


async def watch(mirror: Mirror, **args: Any) -> Receiver:
    """Subscribe."""
    reply = await mirror(Message(Verb.WATCH, (), args))
    assert isinstance(reply.ret, Receiver)
    return reply.ret


def hold(host: ScriptedHost, verb: Verb) -> trio.Event:
    """Hold back a verb until the event that this returns is set."""
    released = trio.Event()

    async def before(message: Message) -> None:
        if message.verb is verb:
            await released.wait()

    host.before = before
    return released


# -- reading ------------------------------------------------------------------------------------------------------


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


# -- before it is in step -----------------------------------------------------------------------------------------


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


# -- read your writes ---------------------------------------------------------------------------------------------


async def test_write_without_event_is_read(autojump_clock: trio.testing.MockClock) -> None:
    """After a write's reply the next read fetches what was written, and no more than that."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.START, WEB))
        assert await states(mirror) == {"web": "running", "db": "created"}
        assert [message.get("ids") for message in host.sent(Verb.LS)] == [[full_id("web")]]
        await mirror(LS)
        assert len(host.sent(Verb.LS)) == 1


async def test_read_does_not_change(autojump_clock: trio.testing.MockClock) -> None:
    """GET, LOG, a CONNECT with GET or HEAD and an archive fetched leave nothing to read."""
    host = ScriptedHost()
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        for verb, args in (
            (Verb.GET, {}),
            (Verb.LOG, {}),
            (Verb.FILE, {}),
            (Verb.CONNECT, {"method": "GET"}),
            (Verb.CONNECT, {"method": "head"}),
        ):
            await mirror(Message(verb, WEB, args))
        assert mirror.settled


async def test_write_is_marked_when_it_is_sent(autojump_clock: trio.testing.MockClock) -> None:
    """While a write is under way a read fetches, for it may have been done already."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        released = hold(host, Verb.STOP)
        nursery.start_soon(mirror, Message(Verb.STOP, WEB))
        await trio.testing.wait_all_tasks_blocked()
        host.add(row("web", "exited"))
        assert await states(mirror) == {"web": "exited"}
        host.add(row("web", "dead"))
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await states(mirror) == {"web": "dead"}


@pytest.mark.parametrize("error", [Timeout("sent"), Conflict("no"), Unavailable("cut")])
async def test_write_that_fails_is_read(autojump_clock: trio.testing.MockClock, error: Exception) -> None:
    """A write that failed may have been done: it is read again after its failure."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:

        async def before(message: Message) -> None:
            if message.verb is Verb.START:
                assert await states(mirror) == {"web": "created"}
                host.add(row("web", "running"))
                raise error

        host.before = before
        with pytest.raises(type(error)):
            await mirror(Message(Verb.START, WEB))
        assert await states(mirror) == {"web": "running"}


async def test_write_that_is_cancelled_is_read(autojump_clock: trio.testing.MockClock) -> None:
    """A write given up may be done all the same: it is read again."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        hold(host, Verb.START)
        with trio.move_on_after(5):
            await mirror(Message(Verb.START, WEB))
        host.add(row("web", "running"))
        assert await states(mirror) == {"web": "running"}


@pytest.mark.parametrize("way", ["end", "close", "cut"])
async def test_end_of_a_stream_is_a_write(autojump_clock: trio.testing.MockClock, way: str) -> None:
    """When the stream of a write's reply ends, breaks or is closed, what it was about is read again."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        sender, receiver = open_pipe()
        reply = await mirror(Message(Verb.CONNECT, WEB, {"method": "POST"}, att=receiver))
        assert await states(mirror) == {"web": "created"}
        assert mirror.settled
        host.add(row("web", "exited"))
        assert reply.att is not None
        if way == "end":
            sender.send_eof()
            assert await reply.att.receive_some() == b""
        elif way == "cut":
            sender.cut(Unavailable("cut"))
            with pytest.raises(Unavailable):
                await reply.att.receive_some()
        else:
            await reply.att.aclose()
        assert await states(mirror) == {"web": "exited"}


@pytest.mark.parametrize(
    "path",
    [(), ("containers",), ("containers", "unknown"), ("networks", "front"), ("images", "busybox"), ("nodes", "host")],
)
async def test_write_of_unknown_effect_reads_all(autojump_clock: trio.testing.MockClock, path: tuple[str, ...]) -> None:
    """A write on the root, on a collection, on what is not known, or on what shows in containers reads them all."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.CONNECT, path, {"method": "POST"}))
        host.remove(row("web"))
        host.add(row("db"))
        assert await states(mirror) == {"db": "created"}


async def test_write_beneath_a_node_is_read(autojump_clock: trio.testing.MockClock) -> None:
    """A write addressed below `nodes` marks what it names there."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.CONNECT, ("nodes", "host", *WEB), {"method": "POST"}))
        host.add(row("web", "running"))
        assert await states(mirror) == {"web": "running", "db": "created"}
        assert [message.get("ids") for message in host.sent(Verb.LS)] == [[full_id("web")]]


async def test_other_collections_are_no_writes(autojump_clock: trio.testing.MockClock) -> None:
    """A write on a volume or on an exec changes no row."""
    async with mirror_of(ScriptedHost()) as mirror:
        for path in (("volumes", "data"), ("exec", "1234")):
            await mirror(Message(Verb.CONNECT, path, {"method": "POST"}))
        assert mirror.settled


async def test_spawned_is_known_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """What was spawned is found by id and by name before anything is listed, and the next LS has it."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        reply = await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        assert (await mirror(Message(Verb.ATTACH, ("containers", full_id("web"))))).path == reply.path
        assert [each.path for each in mirror.named("web")] == [reply.path]
        assert (host.sent(Verb.LS), mirror.unlisted) == ([], 1)
        assert await states(mirror) == {"web": "created"}
        assert mirror.unlisted == 0


async def test_spawned_is_counted_once(autojump_clock: trio.testing.MockClock) -> None:
    """An event that comes before the reply to SPAWN leaves nothing unlisted."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        original = host.__call__

        async def slow(message: Message) -> Message:
            reply = await original(message)
            await trio.testing.wait_all_tasks_blocked()
            return reply

        mirror._inner = slow
        await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        assert (len(mirror.replica.rows), mirror.unlisted) == (1, 0)


async def test_what_was_spawned_and_has_gone_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    """A container that ended before it was ever listed is let go of by the next read."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        host.remove(row("web"))
        assert await states(mirror) == {}
        assert (mirror.unlisted, mirror.known(full_id("web"))) == (0, None)


async def test_memory_of_what_was_created_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    """However many are created and never listed, a bounded number is remembered."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        for number in range(CREATED + 10):
            await mirror(Message(Verb.SPAWN, ("containers",), {"name": str(number)}))
        assert mirror.unlisted == CREATED


# -- fetching -----------------------------------------------------------------------------------------------------


async def test_one_fetch_serves_all_readers(autojump_clock: trio.testing.MockClock) -> None:
    """Readers of one write wait for one fetch."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        await mirror(Message(Verb.START, WEB))
        released = hold(host, Verb.LS)
        for _ in range(10):
            nursery.start_soon(mirror, LS)
        await trio.testing.wait_all_tasks_blocked()
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(host.sent(Verb.LS)) == 1


async def test_write_during_a_fetch_is_read_by_another(autojump_clock: trio.testing.MockClock) -> None:
    """A write that ends while a fetch is under way is not taken as read by it."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        await mirror(Message(Verb.START, WEB))
        released = hold(host, Verb.LS)
        nursery.start_soon(mirror, LS)
        await trio.testing.wait_all_tasks_blocked()
        await mirror(Message(Verb.START, WEB))
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert not mirror.settled
        await mirror(LS)
        assert len(host.sent(Verb.LS)) == 2


async def test_later_write_hides_no_earlier_one(autojump_clock: trio.testing.MockClock) -> None:
    """A reader who waits for a write reads it though the same thing is written again meanwhile."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        await mirror(Message(Verb.START, ("containers", full_id("db"))))
        released = hold(host, Verb.LS)
        nursery.start_soon(mirror, LS)  # a fetch that began before the write of web
        await trio.testing.wait_all_tasks_blocked()
        await mirror(Message(Verb.START, WEB))
        seen: list[dict[str, Any]] = []

        async def read() -> None:
            seen.append(await states(mirror))

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await mirror(Message(Verb.START, WEB))
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert seen == [{"web": "running", "db": "running"}]


async def test_slow_fetch_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """A read answers at its deadline with what is known, says that it has not read all, and the fetch goes on."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.START, WEB))

        async def before(message: Message) -> None:
            await trio.sleep(3 * FETCH_DEADLINE)

        host.before = before
        began = trio.current_time()
        assert await states(mirror) == {"web": "created"}
        assert trio.current_time() - began == pytest.approx(FETCH_DEADLINE)
        assert not await mirror.refresh()
        await trio.sleep(2 * FETCH_DEADLINE)
        assert await states(mirror) == {"web": "running"}
        assert len(host.sent(Verb.LS)) == 1


async def test_failed_fetch_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """A read whose fetch fails answers at once with what is known; the next read tries again."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.START, WEB))

        async def before(message: Message) -> None:
            raise Unavailable("reset")

        host.before = before
        assert not await mirror.refresh()
        assert await states(mirror) == {"web": "created"}
        assert trio.current_time() == 0
        host.before = None
        assert await states(mirror) == {"web": "running"}


async def test_lost_host_is_not_fetched_from(autojump_clock: trio.testing.MockClock) -> None:
    """A read asks nothing of a lost host: rows are as last known, each with the reason; nothing is left to read."""
    host = ScriptedHost(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.START, WEB))
        host.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        listing = Listing.of(await mirror(LS))
        assert [(each.name, each.lost) for each in listing] == [("web", "frozen")]
        assert await mirror.refresh()
        assert (host.sent(Verb.LS), trio.current_time()) == ([], 0)
        host.tell("back")
        await trio.testing.wait_all_tasks_blocked()
        assert await states(mirror) == {"web": "running"}


async def test_many_marks_read_what_differs(autojump_clock: trio.testing.MockClock) -> None:
    """After a write of unknown effect, detail is fetched of what differs from what is known, not of everything."""
    host = ScriptedHost(quiet=True)
    host.add(*(row(f"c{number}") for number in range(50)))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.CONNECT, (), {"method": "POST"}))
        host.add(row("c7", "running"))
        assert (await states(mirror))["c7"] == "running"
        assert [message.get("ids") for message in host.sent(Verb.LS)] == [None, [full_id("c7")]]


async def test_fetch_that_began_before_news_does_not_undo_it(autojump_clock: trio.testing.MockClock) -> None:
    """What comes by the watch while a listing is under way is not removed because that listing lacks it."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:
        await mirror(Message(Verb.CONNECT, (), {"method": "POST"}))
        listing = host._ls(LS)

        async def inner(message: Message) -> Message:
            if message.verb is Verb.LS:
                await trio.sleep(0.5)
                return listing
            return await host(message)

        mirror._inner = inner
        nursery.start_soon(mirror, LS)
        await trio.testing.wait_all_tasks_blocked()
        host.add(row("web"))
        await trio.sleep(0.6)
        assert await states(mirror) == {"web": "created"}


# -- the watch behind ---------------------------------------------------------------------------------------------


async def test_broken_watch_is_asked_for_again(autojump_clock: trio.testing.MockClock) -> None:
    """When the watch behind ends the host is lost, its rows stay, watchers are told; it is back once in step."""
    host = ScriptedHost()
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror:
        channel = await watch(mirror)
        waiting(channel)
        host.cut(Unavailable("reset"))
        host.quiet = True
        host.remove(row("db"))
        await trio.testing.wait_all_tasks_blocked()
        assert [(each.name, each.lost) for each in mirror.rows()] == [("web", "reset"), ("db", "reset")]
        assert heard(channel) == [("lost", ())]
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert [(each.name, each.lost) for each in mirror.rows()] == [("web", None)]
        kinds = heard(channel)
        assert ("gone", ("containers", full_id("db"))) in kinds
        assert ("back", ()) in kinds
        assert "synced" not in dict(kinds)


async def test_new_watch_counts_anew(autojump_clock: trio.testing.MockClock) -> None:
    """After a new subscription the stamps of before count no more: the source may have begun again at one."""
    host = ScriptedHost(stamp=1000)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        host.stamp = 0
        host.cut(Unavailable("restarted"))
        host.rows[full_id("web")] = row("web", "exited")
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert await states(mirror) == {"web": "exited"}


async def test_nonsense_is_the_hosts_own_fault(autojump_clock: trio.testing.MockClock) -> None:
    """A watch that makes no sense is a broken one: the mirror lives, says so, and subscribes again."""
    host = ScriptedHost()
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        host.tell("put", ("containers", "x"))  # without a row
        await trio.testing.wait_all_tasks_blocked()
        assert "makes no sense" in str(mirror.why_lost())
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert mirror.why_lost() is None


async def test_host_lost_before_a_break_and_back_in_it_is_back(autojump_clock: trio.testing.MockClock) -> None:
    """What was lost before the watch broke is not lost after it unless the new watch says so."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        host.lose()
        await trio.testing.wait_all_tasks_blocked()
        host.cut(Unavailable("reset"))
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert (mirror.lost, mirror.why_lost()) == ({}, None)


# -- watching -----------------------------------------------------------------------------------------------------


async def test_watcher_hears_what_there_is_then_what_changes(autojump_clock: trio.testing.MockClock) -> None:
    """A watch says the node, `have` for each container, `synced` once, then changes and events as they come."""
    host = ScriptedHost()
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        channel = await watch(mirror)
        host.add(row("db"))
        host.tell("event", ("nodes", "host"), event={"Action": "create"})
        host.remove(row("web"))
        await trio.testing.wait_all_tasks_blocked()
        assert heard(channel) == [
            ("put", ("nodes", "host")),
            ("have", WEB),
            ("synced", ()),
            ("put", ("containers", full_id("db"))),
            ("event", ("nodes", "host")),
            ("gone", WEB),
        ]


async def test_watcher_of_events_gets_no_documents(autojump_clock: trio.testing.MockClock) -> None:
    """A watch without documents says nodes, events and losses, and `synced` at once and once."""
    host = ScriptedHost(hears=False)
    async with mirror_of(host) as mirror:
        channel = await watch(mirror, documents=False)
        host.tell("have", WEB, row=row("web").to_plain(), stamp=1)
        host.tell("synced")
        host.tell("event", ("nodes", "host"), event={})
        host.lose()
        await trio.testing.wait_all_tasks_blocked()
        assert [kind for kind, _ in heard(channel)] == ["put", "synced", "event", "lost"]


async def test_late_watcher_is_told_what_is_lost(autojump_clock: trio.testing.MockClock) -> None:
    """Who subscribes while the host is lost, or nothing is heard of it, is told so."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        host.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert [m["reason"] for m in waiting(await watch(mirror)) if m["kind"] == "lost"] == ["frozen"]
        host.tell("back")
        hold(host, Verb.WATCH)
        host.cut(Unavailable("reset"))
        await trio.testing.wait_all_tasks_blocked()
        assert [m["reason"] for m in waiting(await watch(mirror)) if m["kind"] == "lost"] == ["reset"]


async def test_slow_watcher_holds_up_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """A watcher that falls behind its bound is ended with an error; another one gets everything."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        slow, quick = await watch(mirror), await watch(mirror)
        got = len(waiting(quick))
        for _ in range(WATCHED + 10):
            host.tell("event", ("nodes", "host"), event={})
            await trio.testing.wait_all_tasks_blocked() if _ % 1000 == 0 else None
            got += len(waiting(quick))
        await trio.testing.wait_all_tasks_blocked()
        assert got + len(waiting(quick)) == WATCHED + 10 + 2
        with pytest.raises(Unavailable, match="behind"):
            async for _message in slow:
                pass


async def test_watcher_that_leaves_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    """A watch that was closed is forgotten with the next thing there is to say."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        (await watch(mirror)).close()
        (await watch(mirror, documents=False)).close()
        host.add(row("web"))
        await trio.testing.wait_all_tasks_blocked()
        assert mirror._watchers == {}


async def test_closing_ends_the_watches(autojump_clock: trio.testing.MockClock) -> None:
    """When the mirror is closed its watches end with Unavailable, after what they hold."""
    async with mirror_of(ScriptedHost()) as mirror:
        channel = await watch(mirror)
    with pytest.raises(Unavailable, match="closed"):
        async for _ in channel:
            pass


# -- hosts beneath ------------------------------------------------------------------------------------------------


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
        assert {each.name: each.lost for each in mirror.rows()} == {"web": "frozen", "db": None}
        host.tell("gone", node.path)
        await trio.testing.wait_all_tasks_blocked()
        assert mirror.lost == {}


async def test_listing_that_lacks_a_host_removes_nothing_of_it(autojump_clock: trio.testing.MockClock) -> None:
    """What a fetch lacks because a host beneath did not answer is kept as last known."""
    host = ScriptedHost(quiet=True)
    host.add(beneath("a", "web"), beneath("b", "db"))
    async with mirror_of(host) as mirror:

        async def inner(message: Message) -> Message:
            reply = await host(message)
            if message.verb is not Verb.LS:
                return reply
            kept = [plain for plain in reply["rows"] if plain["member"] != "a"]
            return evolve(reply, args={"rows": kept, "missing": [{"member": "a", "reason": "no answer"}]})

        mirror._inner = inner
        await mirror(Message(Verb.CONNECT, (), {"method": "POST"}))
        assert await states(mirror) == {"web": "created", "db": "created"}
