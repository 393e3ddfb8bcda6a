"""Subscriptions: all that is known, then all that changes, and nobody holds up another."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Unavailable, Verb
from swarmkit.mirror import WATCHED

from ..aggregate.scripted import ScriptedHost, full_id, row
from .mirrors import WEB, heard, hold, mirror_of, waiting, watch


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
        assert len(mirror._watchers) == 0


async def test_closing_ends_the_watches(autojump_clock: trio.testing.MockClock) -> None:
    """When the mirror is closed its watches end with Unavailable, after what they hold."""
    async with mirror_of(ScriptedHost()) as mirror:
        channel = await watch(mirror)
    with pytest.raises(Unavailable, match="closed"):
        async for _ in channel:
            pass
