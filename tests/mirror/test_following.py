"""The watch behind: what it says is applied, and when it ends it is asked for again."""

from __future__ import annotations

import trio

from swarmkit import Unavailable
from swarmkit.mirror import RESUBSCRIBE_SECONDS

from ..aggregate.scripted import ScriptedHost, full_id, row
from .mirrors import heard, mirror_of, states, waiting, watch


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
        assert [(each["name"], each.get("lost")) for each in mirror.listed()] == [("web", "reset"), ("db", "reset")]
        assert heard(channel) == [("lost", ())]
        await trio.sleep(2 * RESUBSCRIBE_SECONDS)
        assert [(each["name"], each.get("lost")) for each in mirror.listed()] == [("web", None)]
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
