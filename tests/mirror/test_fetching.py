"""Fetching what was written: once for all who wait, not too much, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from swarmkit import Listing, Message, Unavailable, Verb
from swarmkit.mirror import FETCH_DEADLINE

from ..aggregate.scripted import ScriptedHost, full_id, row
from .mirrors import LS, WEB, hold, mirror_of, states


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
        assert not mirror.settled()
        await mirror(LS)
        assert len(host.sent(Verb.LS)) == 2


async def test_a_list_anew_asks_the_host(autojump_clock: trio.testing.MockClock) -> None:
    """LS with `anew` reads all from the host, though nothing was written; where that fails the next list does."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        host.add(row("web"))
        assert [each.name for each in Listing.of(await mirror(LS))] == []

        async def fail(message: Message) -> None:
            raise Unavailable("not now")

        host.before = fail
        await mirror(Message(Verb.LS, LS.path, {"anew": True}))
        host.before = None
        assert [each.name for each in Listing.of(await mirror(LS))] == ["web"]
        assert [message.get("anew") for message in host.sent(Verb.LS)] == [True, True, None]


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
            return await host.answer(message)

        host.instead = inner
        nursery.start_soon(mirror, LS)
        await trio.testing.wait_all_tasks_blocked()
        host.add(row("web"))
        await trio.sleep(0.6)
        assert await states(mirror) == {"web": "created"}
