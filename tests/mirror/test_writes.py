"""Read your writes: what may have been changed is known as such, however the write ends."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Message, Unavailable, Verb, open_pipe
from swarmkit.errors import Conflict, Timeout
from swarmkit.mirror import CREATED

from ..aggregate.scripted import ScriptedHost, full_id, row
from .mirrors import LS, WEB, hold, mirror_of, states


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
        assert mirror.settled()


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
        assert mirror.settled()
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
        assert mirror.settled()


async def test_spawned_is_known_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """What was spawned is found by id and by name before anything is listed, and the next LS has it."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        reply = await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        assert (await mirror(Message(Verb.ATTACH, ("containers", full_id("web"))))).path == reply.path
        assert [each.path for each in mirror.named("web")] == [reply.path]
        assert (host.sent(Verb.LS), len(mirror.unlisted())) == ([], 1)
        assert await states(mirror) == {"web": "created"}
        assert len(mirror.unlisted()) == 0


async def test_spawned_is_counted_once(autojump_clock: trio.testing.MockClock) -> None:
    """An event that comes before the reply to SPAWN leaves nothing unlisted."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:

        async def slow(message: Message) -> Message:
            reply = await host.answer(message)
            await trio.testing.wait_all_tasks_blocked()
            return reply

        host.instead = slow
        await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        assert (len(mirror.replica.rows), len(mirror.unlisted())) == (1, 0)


async def test_what_was_spawned_and_has_gone_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    """A container that ended before it was ever listed is let go of by the next read."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.SPAWN, ("containers",), {"name": "web"}))
        host.remove(row("web"))
        assert await states(mirror) == {}
        assert (len(mirror.unlisted()), mirror.known(full_id("web"))) == (0, None)


async def test_memory_of_what_was_created_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    """However many are created and never listed, a bounded number is remembered."""
    host = ScriptedHost(quiet=True)
    async with mirror_of(host) as mirror:
        for number in range(CREATED + 10):
            await mirror(Message(Verb.SPAWN, ("containers",), {"name": str(number)}))
        assert len(mirror.unlisted()) == CREATED
