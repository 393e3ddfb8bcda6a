"""What a reference means among many hosts, and what is sent to the one that has it."""

from __future__ import annotations

import pytest
import trio
from attrs import evolve

from swarmkit import Message, SwarmError, Verb, open_pipe
from swarmkit.errors import Conflict, NotFound, Unavailable, Unimplemented

from .scripted import ScriptedHost, full_id, row
from .whole import host_with, whole_of

Clock = trio.testing.MockClock


def start(reference: str) -> Message:
    """Ask for a start."""
    return Message(Verb.START, ("containers", reference))


@pytest.mark.parametrize(
    "reference", ["web", "/web", "b/web", "/b/web", full_id("web"), full_id("web")[:4], f"b/{full_id('web')}", "b/776"]
)
async def test_reference_finds_its_owner(autojump_clock: Clock, reference: str) -> None:
    """A name, `host/name`, an id, a prefix, and these behind `host/`, lead to the owner and the canonical path."""
    a, b = host_with("a", "db"), host_with("b", "web")
    async with whole_of(a, b) as whole:
        reply = await whole(start(reference))
        assert reply.path == ("nodes", "b", "containers", full_id("web"))
        assert [message.path for message in b.calls] == [("containers", full_id("web"))]
        assert a.calls == []


async def test_id_goes_before_name_and_name_before_prefix(autojump_clock: Clock) -> None:
    """Over all hosts an id is meant before a name, and a name before the beginning of an id."""
    prefix = full_id("web")[:4]
    named = evolve(row("other"), names=(prefix, full_id("web")), name=prefix)
    a, b = host_with("a"), host_with("b", "web")
    a.rows[named.id] = named
    async with whole_of(a, b) as whole:
        assert (await whole(start(full_id("web")))).path[1] == "b"
        reply = await whole(Message(Verb.ATTACH, ("containers", prefix)))
        assert reply.path == ("nodes", "a", "containers", named.id)


async def test_name_on_two_hosts_is_a_conflict(autojump_clock: Clock) -> None:
    """A name that two hosts have is a Conflict naming both as they can be told apart; a qualified one is not."""
    a, b = host_with("a", "web"), host_with("b")
    twin = evolve(row("web"), id=full_id("twin"), path=("containers", full_id("twin")))
    b.rows[twin.id] = twin
    async with whole_of(a, b) as whole:
        with pytest.raises(Conflict, match="a/web, b/web"):
            await whole(start("web"))
        assert (await whole(Message(Verb.ATTACH, ("containers", "b/web")))).path[3] == full_id("twin")


async def test_prefix_on_two_hosts_is_a_conflict(autojump_clock: Clock) -> None:
    """A prefix of ids on two hosts is a Conflict naming both."""
    async with whole_of(host_with("a", "web"), host_with("b", "wet")) as whole:
        with pytest.raises(Conflict, match="a/web, b/wet"):
            await whole(start("776"))


async def test_prefix_of_two_on_one_host_is_a_conflict(autojump_clock: Clock) -> None:
    """A prefix of ids on one host is a Conflict that does not speak of several hosts."""
    async with whole_of(host_with("a", "web", "wet"), host_with("b")) as whole:
        with pytest.raises(Conflict, match="begins several ids: say which one you mean: a/web, a/wet"):
            await whole(start("776"))


async def test_what_nobody_has_is_not_found(autojump_clock: Clock) -> None:
    """A name that no host has is NotFound; no host is blamed where all were seen."""
    async with whole_of(host_with("a"), host_with("b")) as whole:
        with pytest.raises(NotFound) as caught:
            await whole(start("web"))
        assert caught.value.message == "No such container: web"


async def test_not_found_names_hosts_never_seen(autojump_clock: Clock) -> None:
    """Where a host was never seen, NotFound says which and why; where it is qualified, of that host only."""
    a, b = host_with("a"), host_with("b", hears=False)
    async with whole_of(a, b) as whole:
        b.tell("lost", reason="refused", seen=False)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NotFound, match=r"never seen so far: b \(refused\)"):
            await whole(start("web"))
        with pytest.raises(NotFound, match=r"No such container: a/web$"):
            await whole(start("a/web"))


async def test_silent_host_is_no_not_found(autojump_clock: Clock) -> None:
    """Where a host does not answer in time, what the others lack is unknown, not absent; what they have is found."""
    a, b = host_with("a", "web"), host_with("b", hears=False)
    async with whole_of(a, b) as whole:
        with pytest.raises(Unavailable, match="no answer in time from b"):
            await whole(start("db"))
        assert (await whole(start("web"))).path[1] == "a"


async def test_write_is_read_before_resolving(autojump_clock: Clock) -> None:
    """A name given by a write through the aggregate resolves at once."""
    a = host_with("a", "web", quiet=True)
    async with whole_of(a, host_with("b")) as whole:
        await whole(Message(Verb.SET, ("containers", "web"), {"Name": "shop"}))
        a.add(evolve(row("web"), name="shop", names=("shop",)))
        assert (await whole(Message(Verb.ATTACH, ("containers", "shop")))).path[3] == full_id("web")
        with pytest.raises(NotFound):
            await whole(start("web"))


async def test_lost_host_answers_nothing(autojump_clock: Clock) -> None:
    """A verb on a container of a lost host is Unavailable at once, with the reason; ATTACH says so, too."""
    a = host_with("a", "web")
    async with whole_of(a, host_with("b")) as whole:
        a.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match="host a is down: frozen"):
            await whole(start("web"))
        assert (await whole(Message(Verb.ATTACH, ("containers", "web"))))["lost"] == "frozen"
        assert (a.calls, trio.current_time()) == ([], 0)


@pytest.mark.parametrize(
    "path", [("containers", "none"), ("nodes", "none"), ("nodes", "none", "containers", "web"), ("images", "x"), ("x",)]
)
async def test_stream_of_a_refused_request_is_closed(autojump_clock: Clock, path: tuple[str, ...]) -> None:
    """Whatever a request fails with, the stream that came with it is closed."""
    async with whole_of(host_with("a"), host_with("b")) as whole:
        sender, receiver = open_pipe()
        with pytest.raises(SwarmError):
            await whole(Message(Verb.CONNECT, path, {"method": "POST"}, att=receiver))
        with pytest.raises(trio.BrokenResourceError):
            await sender.send_all(b"x")


async def test_root_has_no_single_owner(autojump_clock: Clock) -> None:
    """CONNECT on the root is not implemented, and says what to do."""
    async with whole_of(host_with("a")) as whole:
        with pytest.raises(Unimplemented, match="name a host below nodes"):
            await whole(Message(Verb.CONNECT, (), {"method": "GET", "target": "/info"}))


async def test_path_below_a_node_goes_to_it(autojump_clock: Clock) -> None:
    """What is below `nodes/HOST` goes to that host as it knows it; an unknown host is NotFound with those there are."""
    a = host_with("a", "web")
    async with whole_of(a, host_with("b")) as whole:
        reply = await whole(Message(Verb.CONNECT, ("nodes", "a", "images", "busybox"), {"method": "POST"}))
        assert [message.path for message in a.calls] == [("images", "busybox")]
        assert reply.path == ("nodes", "a", "images", "busybox")
        with pytest.raises(NotFound, match="'c'; the hosts are a, b"):
            await whole(Message(Verb.CONNECT, ("nodes", "c"), {"method": "GET"}))


async def test_image_is_read_from_the_first_that_has_it(autojump_clock: Clock) -> None:
    """GET of an image asks the hosts in turn while one lacks it, and passes over a lost one."""
    a, b, c = ScriptedHost("a"), ScriptedHost("b"), ScriptedHost("c")

    async def lacking(message: Message) -> None:
        raise NotFound("no such image")

    a.before = lacking
    async with whole_of(a, b, c) as whole:
        b.lose()
        await trio.testing.wait_all_tasks_blocked()
        reply = await whole(Message(Verb.GET, ("images", "busybox")))
        assert reply.path == ("nodes", "c", "images", "busybox")
