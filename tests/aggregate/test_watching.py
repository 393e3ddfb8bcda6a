"""One watch over many hosts, who come and go, are lost, and are back."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Message, Unavailable
from swarmkit.aggregate import watching
from swarmkit.mirror import watchers

from .scripted import ScriptedHost, full_id, row
from .whole import host_with, waiting, watch, whole_of

Clock = trio.testing.MockClock
WEB = ("nodes", "a", "containers", full_id("web"))


@pytest.fixture
def small_channels(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have watches hold few messages, and return how many."""
    monkeypatch.setattr(watching, "WATCHED", 16)
    monkeypatch.setattr(watchers, "WATCHED", 16)
    return 16


def kinds(messages: list[Message]) -> list[str]:
    """Return what was said, in order."""
    return [message["kind"] for message in messages]


async def test_synced_comes_once_all_were_heard(autojump_clock: Clock) -> None:
    """`synced` is said once, after what every host had to say."""
    a, b = host_with("a", "web"), host_with("b", "db", hears=False)
    async with whole_of(a, b) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        assert "synced" not in kinds(waiting(channel))
        b.tell("have", ("containers", full_id("db")), row=row("db").to_plain(), stamp=1)
        b.tell("synced")
        await trio.testing.wait_all_tasks_blocked()
        told = waiting(channel)
        assert kinds(told)[-1] == "synced"
        assert ("nodes", "b", "containers", full_id("db")) in [message.path for message in told]


async def test_lost_host_does_not_hold_up_synced(autojump_clock: Clock) -> None:
    """A host that is lost, or whose watch cannot be had, is told as lost before `synced`, and not waited for."""
    a, b, c = host_with("a", "web"), host_with("b", hears=False), ScriptedHost("c")

    async def refuse(message: Message) -> None:
        raise Unavailable("refused")

    c.before = refuse
    async with whole_of(a, b, c) as whole:
        channel = await watch(whole)
        b.tell("lost", reason="frozen", seen=False)
        await trio.testing.wait_all_tasks_blocked()
        told = waiting(channel)
        assert kinds(told)[-1] == "synced"
        lost = {message["member"]: message["reason"] for message in told if message["kind"] == "lost"}
        assert lost == {"b": "frozen", "c": "refused"}


async def test_empty_whole_is_in_step(autojump_clock: Clock) -> None:
    """Without hosts there is nothing to wait for: each collection is in step."""
    async with whole_of() as whole:
        told = waiting(await watch(whole))
        assert kinds(told) == ["synced"] * 4
        assert [message.path for message in told] == [(), ("images",), ("networks",), ("volumes",)]
        assert kinds(waiting(await watch(whole, documents=False))) == ["synced"]


async def test_changes_and_events_name_their_host(autojump_clock: Clock) -> None:
    """Changes come with the paths of the whole, events and losses with the host as `member`."""
    a, b = host_with("a", "web"), host_with("b")
    async with whole_of(a, b) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        waiting(channel)
        a.add(row("web", "running"))
        a.tell("event", ("nodes", "a"), event={"Action": "start"})
        a.lose("frozen")
        a.tell("back")
        a.remove(row("web"))
        await trio.testing.wait_all_tasks_blocked()
        assert [(message["kind"], message.path, message.get("member")) for message in waiting(channel)] == [
            ("put", WEB, None),
            ("event", ("nodes", "a"), "a"),
            ("lost", (), "a"),
            ("back", (), "a"),
            ("gone", WEB, None),
        ]


async def test_events_alone(autojump_clock: Clock) -> None:
    """A watch without documents says `synced`, nodes and events, and no container."""
    a = host_with("a", "web")
    async with whole_of(a) as whole:
        channel = await watch(whole, documents=False)
        a.tell("event", ("nodes", "a"), event={})
        a.add(row("db"))
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(kinds(waiting(channel))) == ["event", "put", "synced"]


async def test_more_than_a_channel_holds(autojump_clock: Clock, small_channels: int) -> None:
    """A listing longer than any channel's bound reaches a watcher who begins to read late."""
    hosts = [host_with(name, *(f"{name}{number}" for number in range(10 * small_channels))) for name in "ab"]
    async with whole_of(*hosts) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        having = 0
        async for message in channel:
            having += message["kind"] == "have"
            if message["kind"] == "synced":
                break
        assert having == 20 * small_channels


async def test_watcher_that_never_reads_is_ended(autojump_clock: Clock, small_channels: int) -> None:
    """Who never reads is ended with an error once he is behind; nobody else is held up."""
    a = host_with("a")
    async with whole_of(a) as whole:
        slow, quick = await watch(whole), await watch(whole)
        got = 0
        for _ in range(10 * small_channels):
            a.tell("event", ("nodes", "a"), event={})
            await trio.testing.wait_all_tasks_blocked()
            got += kinds(waiting(quick)).count("event")
        assert got == 10 * small_channels
        with pytest.raises(Unavailable, match="behind"):
            async for _message in slow:
                pass


async def test_closed_watch_is_let_go(autojump_clock: Clock) -> None:
    """A watcher that leaves leaves nothing behind, here or at its hosts."""
    async with whole_of(host_with("a")) as whole:
        (await watch(whole)).close()
        await trio.testing.wait_all_tasks_blocked()
        assert len(whole._watches) == 0


async def test_closing_ends_the_watches(autojump_clock: Clock) -> None:
    """When the aggregate is closed its watches end with Unavailable."""
    async with whole_of(host_with("a")) as whole:
        channel = await watch(whole)
    with pytest.raises(Unavailable, match="closed"):
        async for _ in channel:
            pass


async def test_host_that_leaves_takes_its_rows(autojump_clock: Clock) -> None:
    """A watch is told `gone` for each container and the node of a host that leaves, and is in step without it."""
    async with whole_of(host_with("a", "web"), host_with("b", hears=False)) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        waiting(channel)
        whole.membership._leave(whole.members["b"])
        assert kinds(waiting(channel)) == ["gone", "synced"]
        whole.membership._leave(whole.members["a"])
        told = waiting(channel)
        gone = [message.path for message in told if message["kind"] == "gone"]
        assert sorted(gone) == sorted([WEB, ("nodes", "a")])
        synced = [message.path for message in told if message["kind"] == "synced"]
        assert synced == [("images",), ("networks",), ("volumes",)]  # which these hosts had never said


@pytest.mark.parametrize("steps", range(16))
async def test_what_goes_as_its_host_leaves_has_gone(autojump_clock: Clock, steps: int) -> None:
    """In whatever moment a host leaves, nothing of it is left to who watches: not what was just going by itself."""
    a = host_with("a", "web")
    async with whole_of(a) as whole:
        channel = await watch(whole)
        await trio.testing.wait_all_tasks_blocked()
        told = waiting(channel)
        a.tell("gone", ("containers", full_id("web")), stamp=9)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        whole._watches.leave(whole.members["a"])
        await trio.testing.wait_all_tasks_blocked()
        there: set[object] = set()
        for message in told + waiting(channel):
            if message["kind"] in ("have", "put"):
                there.add(message.path)
            elif message["kind"] == "gone":
                there.discard(message.path)
        assert there == set()
