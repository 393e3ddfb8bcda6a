"""The far end as a service: while it is there, while it is not, and when it comes back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from backends.dockerserver.hosts import Hosts
from backends.fake import FakeStage
from backends.fake.memory import memory_stream_pair
from backends.remote import RemoteStage
from swarmkit.aggregate import open_aggregate
from swarmkit.engine.placement import make_policy
from swarmkit.errors import Code, SwarmError, Timeout, Unavailable
from swarmkit.host import Host
from swarmkit.instance import open_instance
from swarmkit.message import Message, Verb, ack
from swarmkit.parts import aggregate_of
from swarmkit.pipeline import Pipeline, parse_pipeline
from swarmkit.rows import Listing
from swarmkit.service import Service
from swarmkit.streams import BytesStream, open_pipe, read_whole
from swarmkit.testing import ListSource
from swarmkit.wire import Peer, Side, open_peer

from .far import MemoryDialer


@define(eq=False)
class Far:
    """A service of the test's, and the way to it, which can be cut."""

    service: Service
    dialer: MemoryDialer = field(init=False)

    def cut(self, reason: str) -> None:
        """Have every attempt to connect fail."""
        self.dialer.down.append(reason)

    async def lose(self, reason: str = "connection refused") -> None:
        """Break the connection, and have the next attempt to make it fail, too."""
        self.cut(reason)
        await self.dialer.streams[1].reset()
        await trio.sleep(1)

    def mend(self) -> None:
        """Let attempts succeed."""
        self.dialer.down.clear()


@asynccontextmanager
async def far_end(service: Service, name: str = "dc1", *, down: str = "") -> AsyncIterator[tuple[Far, RemoteStage]]:
    """Give a far end and the stage that reaches it."""
    async with open_instance() as nursery:
        far = Far(service)
        far.dialer = MemoryDialer(service, nursery)
        if down:
            far.cut(down)
        yield far, RemoteStage(far.dialer, name)


async def refusal(service: Service, message: Message) -> SwarmError:
    """Return what a message is refused with, at once."""
    began = trio.current_time()
    with pytest.raises(SwarmError) as caught:
        await service(message)
    assert trio.current_time() - began < 0.1
    return caught.value


async def answer(message: Message, /) -> Message:
    """Answer with the path."""
    return ack(path=message.path)


async def test_opening_waits_for_nobody(autojump_clock: MockClock) -> None:
    """What cannot be reached is a state."""
    async with far_end(answer, down="connection refused") as (_, stage), stage.open(None) as service:
        assert trio.current_time() < 0.1
        error = await refusal(service, Message(Verb.LS))
    assert error.code is Code.UNAVAILABLE
    assert "host dc1 is down: connection refused" in error.message
    assert error.details == {"host": "dc1", "reason": "connection refused"}


async def test_ends_are_closed_while_it_is_down(autojump_clock: MockClock) -> None:
    """A call that cannot be made leaves nothing open."""
    async with far_end(answer, down="no route") as (_, stage), stage.open(None) as service:
        sender, receiver = open_pipe()
        await refusal(service, Message(Verb.FILE, att=receiver))
        await sender.wait_reader_gone()


async def test_first_calls_wait_a_little_for_a_slow_connection(autojump_clock: MockClock) -> None:
    """Two seconds, and then they are told that it is not reached yet."""

    @define
    class Slow:
        address, ip = "slow://x", None

        async def __call__(self) -> trio.abc.HalfCloseableStream:
            await trio.sleep_forever()
            raise AssertionError

    async with RemoteStage(Slow(), "dc1").open(None) as service:
        with pytest.raises(Unavailable, match="not reached yet"):
            await service(Message(Verb.LS))
        assert trio.current_time() == pytest.approx(2, abs=0.1)
        await trio.sleep(15)
        assert "no connection in 10 s" in (await refusal(service, Message(Verb.LS))).message


async def test_it_connects_again_by_itself(autojump_clock: MockClock) -> None:
    """Within the first wait where it is back soon; calls between are refused at once."""
    async with far_end(answer) as (far, stage), stage.open(None) as service:
        assert (await service(Message(Verb.LS, ("a",)))).path == ("a",)
        await far.lose("it is being restarted")
        far.mend()
        assert (await refusal(service, Message(Verb.LS))).code is Code.UNAVAILABLE
        await trio.sleep(5)
        assert (await service(Message(Verb.LS, ("b",)))).path == ("b",)


async def test_it_is_tried_less_and_less_often(autojump_clock: MockClock) -> None:
    """In a minute of being down some ten attempts, and one line of the log for each reason."""
    tries: list[float] = []

    @define
    class Refusing:
        address, ip = "refusing://x", None

        async def __call__(self) -> trio.abc.HalfCloseableStream:
            tries.append(trio.current_time())
            raise OSError("connection refused")

    async with RemoteStage(Refusing(), "dc1").open(None):
        await trio.sleep(60)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert 0.5 <= waits[0] <= 0.63
    assert all(wait <= 12.5 for wait in waits)
    assert 8 <= len(tries) <= 12


async def test_a_reason_is_logged_once(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried."""
    caplog.set_level(logging.INFO, "backends.remote")
    async with far_end(answer, down="refused") as (far, stage), stage.open(None):
        await trio.sleep(60)
        far.mend()
        await trio.sleep(15)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "dc1 is down: refused"
    assert lines[1].startswith("dc1 is connected, with swarmd/")
    assert len(lines) == 2


async def test_calls_in_flight_are_never_repeated(autojump_clock: MockClock) -> None:
    """What was sent is `timeout`, names the host, and is asked once."""
    asked: list[Message] = []

    async def hang(message: Message, /) -> Message:
        asked.append(message)
        await trio.sleep_forever()
        raise AssertionError

    async with far_end(hang) as (far, stage), stage.open(None) as service, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(Timeout, match="host dc1: ") as caught:
                await service(Message(Verb.START, ("containers", "web")))
            assert caught.value.details["host"] == "dc1"

        nursery.start_soon(start)
        await wait_all_tasks_blocked()
        await far.lose()
        far.mend()
        await trio.sleep(30)
        assert len(asked) == 1


async def test_a_watch_breaks_with_the_connection(autojump_clock: MockClock) -> None:
    """It does not end as if nothing were missing; asked again, it says why there is none, and then all anew."""
    async with far_end_of_fakes() as (far, stage), stage.open(None) as service:
        host = Host(service)
        channel = await host.watch()
        await far.lose("the line is cut")
        with pytest.raises(Unavailable):
            async for _ in channel:
                pass
        with pytest.raises(Unavailable, match="the line is cut"):
            await host.watch()
        far.mend()
        await trio.sleep(15)
        async with await host.watch() as channel:
            assert (await channel.receive()).get("kind") in ("have", "put")


@asynccontextmanager
async def far_end_of_fakes() -> AsyncIterator[tuple[Far, RemoteStage]]:
    """Give a far end that is two engines in memory as one."""
    fakes = aggregate_of({name: FakeStage(name) for name in ("node-1", "node-2")})
    async with fakes.open(None) as service, far_end(service) as given:
        yield given


async def test_nodes_are_shown_as_lost(autojump_clock: MockClock) -> None:
    """Those that were seen last, with the reason; before any was seen, itself."""
    async with far_end_of_fakes() as (far, stage):
        far.cut("refused")
        async with stage.open(None) as service:
            (row,) = Listing.of(await service(Message(Verb.LS, ("nodes",))))
            assert (row.name, row.lost, row.document["State"]) == ("dc1", "refused", "unhealthy")
            far.mend()
            await trio.sleep(15)
            rows = Listing.of(await service(Message(Verb.LS, ("nodes",))))
            assert [(row.name, row.lost) for row in rows] == [("node-1", None), ("node-2", None)]
            await far.lose("gone")
            rows = Listing.of(await service(Message(Verb.LS, ("nodes",))))
            assert [(row.name, row.lost, row.document["State"]) for row in rows] == [
                ("node-1", "gone", "unhealthy"),
                ("node-2", "gone", "unhealthy"),
            ]


async def test_a_front_over_it_takes_it_for_many_hosts(autojump_clock: MockClock) -> None:
    """It is opened before it is known what the far end is: two hosts, here, that are used as two."""
    async with far_end_of_fakes() as (far, stage):
        far.cut("not there yet")
        async with stage.open(None) as service:
            hosts = await Hosts.of(service)
            far.mend()
            await trio.sleep(15)
            assert not hosts.single
            assert [(node.path, node.lost) for node in await hosts.nodes()] == [
                (("nodes", "node-1"), None),
                (("nodes", "node-2"), None),
            ]


# -- many as one -------------------------------------------------------------------------------------------------------


async def test_a_member_that_was_never_reached(autojump_clock: MockClock) -> None:
    """It is shown with its address and the reason, whether it was named or is listed."""
    stage = "remote unix:///run/no/wire.sock"
    source = ListSource()
    await source.add("listed", stage)
    members = {"named": parse_pipeline(stage)}
    async with open_aggregate(members, make_policy(), [Pipeline((source,))]) as service:
        await trio.sleep(3)
        nodes = [(row.name, row.document["Address"], row.lost) for row in await Host(service).ls("nodes")]
        reason = "there is no such socket; is there a `listen` on it?"
        assert nodes == [(name, "unix:///run/no/wire.sock", reason) for name in ("named", "listed")]


async def test_a_swarm_of_swarms(autojump_clock: MockClock) -> None:
    """Hosts behind a wire are `dc1/node-2`; what is lost is shown with the reason, and heals."""
    async with (
        far_end_of_fakes() as (far, stage),
        aggregate_of({"dc1": stage, "here": FakeStage("here")}).open(None) as service,
    ):
        host = Host(service)
        await trio.sleep(2)
        assert sorted(row.name for row in await host.ls("nodes")) == ["dc1/node-1", "dc1/node-2", "here"]
        web = await host.spawn({"Image": "busybox", "Cmd": ["sleep", "600"]}, name="dc1/node-2/web")
        await web.start()
        assert [row.qualified for row in await host.ls()] == ["dc1/node-2/web"]

        await far.lose("the line is cut")
        await trio.sleep(3)
        lost = {row.name: row.lost for row in await host.ls("nodes")}
        assert lost["here"] is None
        assert "the line is cut" in (lost["dc1/node-1"] or "")
        assert "the line is cut" in (lost["dc1/node-2"] or "")
        (row,) = await host.ls()
        assert "the line is cut" in (row.lost or "")
        with pytest.raises(Unavailable, match="the line is cut"):
            await web.stop()

        far.mend()
        await trio.sleep(15)
        assert [row.lost for row in await host.ls("nodes")] == [None, None, None]
        await web.stop(timeout=0)


async def test_an_upload_a_download_and_a_conversation_through_two_wires(autojump_clock: MockClock) -> None:
    """`cp`, `logs -f` and `run -i`, each with its half-close."""
    async with (
        far_end_of_fakes() as (_, inner),
        inner.open(None) as middle,
        far_end(middle, "outer") as (_, outer),
        outer.open(None) as service,
    ):
        host = Host(service)
        spec = {"Image": "busybox", "Cmd": ["sh", "-c", "cat; echo end >&2"], "OpenStdin": True, "StdinOnce": True}
        cat = await host.spawn({**spec, "AttachStdin": True, "AttachStdout": True}, name="node-1/cat")
        async with cat.join(b"x" * 300_000) as records:
            await cat.start()
            output: dict[int, bytes] = {}
            async for record in records:
                output[record.stream] = output.get(record.stream, b"") + record.data
        assert {stream: len(data) for stream, data in output.items()} == {1: 300_000, 2: 4}
        assert await cat.wait() == 0
        async with cat.log(follow=True) as records:
            assert sum([len(record.data) async for record in records]) == 300_004
        archive = await read_whole(await cat.fetch("/etc"))
        await cat.put("/tmp", BytesStream(archive))


async def test_reading_a_lost_stream_raises(autojump_clock: MockClock) -> None:
    """It does not end as if it were whole."""
    sender, receiver = open_pipe()

    async def give(message: Message, /) -> Message:
        return ack(att=receiver)

    async with far_end(give) as (far, stage), stage.open(None) as service:
        reply = await service(Message(Verb.LOG))
        await sender.send_all(b"half")
        assert reply.att is not None
        assert await reply.att.receive_some() == b"half"
        await far.lose()
        with pytest.raises(Unavailable):
            await reply.att.receive_some()
        await sender.wait_reader_gone()


async def test_what_goes_on_outlives_a_goodbye(autojump_clock: MockClock) -> None:
    """A far end that leaves in an orderly way finishes its streams; new calls go to a new connection."""
    sender, receiver = open_pipe()
    peers: list[Peer] = []

    async def give(message: Message, /) -> Message:
        return ack(att=receiver if message.verb is Verb.LOG else None)

    @define
    class Leaving:
        nursery: trio.Nursery
        address, ip = "memory://leaving", None

        async def __call__(self) -> trio.abc.HalfCloseableStream:
            near, far = memory_stream_pair()
            self.nursery.start_soon(self._serve, far)
            return near

        async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
            async with open_peer(stream, Side.ACCEPTOR, offers=give) as peer:
                peers.append(peer)
                await peer.wait_ended()

    async with open_instance() as nursery, RemoteStage(Leaving(nursery), "dc1").open(None) as service:
        reply = await service(Message(Verb.LOG))
        peers[0].leave(Unavailable("a new version is started"))
        await wait_all_tasks_blocked()
        assert "a new version is started" in (await refusal(service, Message(Verb.LS))).message
        await trio.sleep(2)
        await service(Message(Verb.LS))
        assert [peer.ended for peer in peers] == [False, False]
        await sender.send_all(b"to the end")
        sender.send_eof()
        assert reply.att is not None
        assert await read_whole(reply.att) == b"to the end"
        await peers[0].wait_ended()
        assert not peers[1].ended
