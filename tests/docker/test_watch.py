"""WATCH on one engine: nothing falls between, nothing comes twice, and what was missed is compared."""

from __future__ import annotations

import json

import pytest
import trio

from backends.docker.events import REMEMBERED
from backends.docker.service import EngineService
from backends.docker.watch import LONGEST_PAUSE, RETRY_SECONDS
from swarmkit import Message, Receiver, Unavailable, Verb
from swarmkit.http import Headers, Request, Response
from swarmkit.rows import Row
from swarmkit.streams import PipeSender, open_pipe

from .engine import answer, memory_engine, opened

Clock = trio.testing.MockClock
LONG = 20.0
"""Seconds after which an engine that was lost is back, whatever wait there was."""


async def watch(service: EngineService, **args: object) -> Receiver:
    """Subscribe, and wait until all is said."""
    reply = await service(Message(Verb.WATCH, (), args))
    assert isinstance(reply.ret, Receiver)
    await trio.testing.wait_all_tasks_blocked()
    return reply.ret


async def told(channel: Receiver) -> list[tuple[str, str]]:
    """Return what has been said of containers, and events: the kind, and the end of the path or the event's action."""
    await trio.testing.wait_all_tasks_blocked()
    messages = list(iter(channel.receive_nowait, None))
    return [
        (message["kind"], str((message.get("event") or {}).get("Action") or "".join(message.path[-1:])))
        for message in messages
        if message["kind"] == "event" or message.path[:1] in ((), ("containers",))
    ]


async def test_containers_then_changes(autojump_clock: Clock) -> None:
    """It says `have` for each container and `synced`, then each event with the row as it is after it."""
    async with memory_engine() as engine:
        web = engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service)
            assert await told(channel) == [("have", web), ("synced", "")]
            engine.add("web", "running")
            await engine.emit("start", web, 1)
            assert await told(channel) == [("event", "start"), ("put", web)]
            del engine.containers[web]
            await engine.emit("destroy", web, 2)
            assert await told(channel) == [("event", "destroy"), ("gone", web)]


async def test_old_name_that_is_let_go_of_later(autojump_clock: Clock) -> None:
    """A container that has two names is fetched again until it has one, which no event tells; a link is no name."""
    async with memory_engine() as engine:
        web, other = engine.add("web"), engine.add("other")
        engine.containers[other]["Names"] = ["/other", "/linker/alias"]
        async with opened(engine) as service:
            channel = await watch(service)
            engine.containers[web]["Names"] = ["/web", "/shop"]
            await engine.emit("rename", web, 1)
            await trio.sleep(LONG)
            engine.containers[web]["Names"] = ["/shop"]
            await trio.sleep(2 * LONG)
            messages = list(iter(channel.receive_nowait, None))
            rows = [Row.from_plain(message["row"]) for message in messages if message["kind"] == "put"]
            assert [row.names for row in rows if row.id == web][-1] == ("shop",)
            asked = len(engine.requests)
            await trio.sleep(10 * LONG)
            assert len(engine.requests) == asked


async def test_state_that_the_list_has_later(autojump_clock: Clock) -> None:
    """A container whose state is another when inspected is fetched again until the list has it, too."""
    async with memory_engine() as engine:
        web = engine.add("web", "running")
        document = {"Id": web, "Created": "", "State": {"Status": "running"}}

        async def inspect(request: Request) -> Response:
            return answer(document)

        engine.handlers["GET", f"/containers/{web}/json"] = inspect
        async with opened(engine) as service:
            channel = await watch(service)
            document["State"] = {"Status": "paused"}
            await engine.emit("pause", web, 1)
            await trio.sleep(LONG)
            engine.add("web", "paused")
            await trio.sleep(2 * LONG)
            rows = [Row.from_plain(each["row"]) for each in iter(channel.receive_nowait, None) if each["kind"] == "put"]
            assert [row.document["State"] for row in rows if row.id == web][-1] == "paused"


async def test_what_is_going_is_listed_again(autojump_clock: Clock) -> None:
    """A container that is being removed is listed again until it has gone, or has come back, which no event tells."""
    async with memory_engine() as engine:
        web = engine.add("web", "removing")
        async with opened(engine) as service:
            channel = await watch(service)
            engine.add("web", "exited")
            await trio.sleep(2 * LONG)
            rows = [Row.from_plain(each["row"]) for each in iter(channel.receive_nowait, None) if each["kind"] == "put"]
            assert [row.document["State"] for row in rows if row.id == web][-1] == "exited"
            asked = len(engine.requests)
            await trio.sleep(10 * LONG)
            assert len(engine.requests) == asked


async def test_subscribed_before_listed(autojump_clock: Clock) -> None:
    """Events are asked for before anything is listed: nothing falls between; and containers come first."""
    async with memory_engine() as engine, opened(engine) as service:
        await watch(service)
        targets = [target.partition("?")[0] for _, target in engine.requests]
        assert targets[:2] == ["/v1.41/events", "/v1.41/containers/json"]
        assert sorted(targets[2:]) == ["/v1.41/images/json", "/v1.41/networks", "/v1.41/volumes"]


@pytest.mark.parametrize("action", ["exec_start: sh", "attach", "resize", "top"])
async def test_event_that_changes_nothing_fetches_nothing(autojump_clock: Clock, action: str) -> None:
    """Of an event after which the row is what it was there is nothing to fetch."""
    async with memory_engine() as engine:
        web = engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            await engine.emit(action, web, 1)
            assert await told(channel) == [("event", action)]


async def test_network_event_fetches_its_container(autojump_clock: Clock) -> None:
    """A container connected to a network has another row."""
    async with memory_engine() as engine:
        web = engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            actor = {"ID": "net", "Attributes": {"container": web}}
            event = {"Type": "network", "Action": "connect", "Actor": actor, "timeNano": 1}
            await engine.say(json.dumps(event).encode() + b"\n")
            assert await told(channel) == [("event", "connect"), ("put", web)]


async def test_events_alone(autojump_clock: Clock) -> None:
    """Without documents there are events and `synced`, and nothing is listed."""
    async with memory_engine() as engine:
        web = engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service, documents=False)
            await engine.emit("start", web, 1)
            assert await told(channel) == [("synced", ""), ("event", "start")]
            assert engine.sent("GET", "/containers/json") == []


async def test_event_split_over_reads(autojump_clock: Clock) -> None:
    """An event that comes in pieces, and two in one piece, are each one event."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service, documents=False)
        await told(channel)
        one, two = (json.dumps({"Type": "image", "Action": action, "timeNano": 1}).encode() for action in ("a", "b"))
        await engine.say(one[:10])
        assert await told(channel) == []
        await engine.say(one[10:] + b"\n" + two + b"\n\n")
        assert await told(channel) == [("event", "a"), ("event", "b")]


async def test_broken_stream_is_resumed(autojump_clock: Clock) -> None:
    """It goes on where it ended, drops what comes twice, and compares: what was missed is said as changes."""
    async with memory_engine() as engine:
        web, db = engine.add("web"), engine.add("db")
        async with opened(engine) as service:
            channel = await watch(service)
            await engine.emit("start", web, 5_000_000_007)
            await told(channel)
            engine.requests.clear()
            (stream,) = engine.events
            engine.events.clear()
            await stream.aclose()
            del engine.containers[db]
            new = engine.add("new")
            await trio.sleep(2 * RETRY_SECONDS)
            assert engine.sent("GET", "/events") == ["/v1.41/events?since=5.000000007"]
            await engine.emit("start", web, 5_000_000_007)
            await engine.emit("create", new, 6_000_000_000)
            said = await told(channel)
            assert ("gone", db) in said
            assert ("put", new) in said
            assert [action for kind, action in said if kind == "event"] == ["create"]
            assert {kind for kind, _ in said} == {"put", "gone", "event"}  # it was never lost


@pytest.mark.parametrize(
    ("date", "query"), [("Tue, 24 Nov 2026 17:00:00 GMT", "since=1795539600"), ("yesterday", ""), ("", "")]
)
async def test_stream_without_events_is_resumed_from_its_beginning(
    autojump_clock: Clock, date: str, query: str
) -> None:
    """Where no event had come it goes on from when it was opened, by the engine's clock, if the engine says that."""
    async with memory_engine() as engine, opened(engine) as service:
        streams: list[PipeSender] = []

        async def events(request: Request) -> Response:
            sender, receiver = open_pipe()
            streams.append(sender)
            return Response(200, Headers((("Date", date),) if date else ()), receiver)

        engine.handlers["GET", "/events"] = events
        await watch(service)
        await streams[0].aclose()
        await trio.sleep(2 * RETRY_SECONDS)
        assert [target.partition("?")[2] for target in engine.sent("GET", "/events")] == ["", query]


async def test_stream_that_ends_is_resumed(autojump_clock: Clock) -> None:
    """An engine that ends its stream in good order is asked again, too."""
    async with memory_engine() as engine, opened(engine) as service:
        await watch(service)
        engine.events.pop().send_eof()
        await trio.sleep(2 * RETRY_SECONDS)
        assert len(engine.events) == 1


async def test_memory_of_events_is_bounded(autojump_clock: Clock) -> None:
    """However many events come, a bounded number is remembered."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service, documents=False)
        for number in range(REMEMBERED + 50):
            await engine.emit("pull", "x", number + 1, "image")
        assert len(await told(channel)) == REMEMBERED + 51


async def test_frozen_engine_is_lost_and_compared_when_back(autojump_clock: Clock) -> None:
    """A hung engine is lost though its stream stays open; when it is back what changed is said, then `back`."""
    async with memory_engine() as engine:
        web = engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            engine.freeze()
            await trio.sleep(LONG / 4)
            assert await told(channel) == [("lost", "")]
            del engine.containers[web]
            engine.thaw()
            await trio.sleep(LONG)
            assert await told(channel) == [("gone", web), ("back", "")]
            assert len([sender for sender in engine.events if not sender._state.reader_gone]) == 1


async def test_new_reason_for_a_loss_is_told(autojump_clock: Clock) -> None:
    """An engine that is lost for another reason than before is said to be lost again, with that one."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service)
        await told(channel)
        engine.freeze()
        await trio.sleep(LONG / 4)
        engine.refused = True
        await trio.sleep(LONG)
        reasons = [message["reason"] for message in iter(channel.receive_nowait, None) if message["kind"] == "lost"]
        assert reasons == ["no answer to a ping in 2 s", "connection refused"]


async def test_engine_never_seen_is_lost_then_in_step(autojump_clock: Clock) -> None:
    """An engine that cannot be reached at first is lost and never seen; then it is in step, and back."""
    async with memory_engine(refused=True) as engine, opened(engine) as service:
        reply = await service(Message(Verb.WATCH))
        assert isinstance(reply.ret, Receiver)
        await trio.testing.wait_all_tasks_blocked()
        messages = list(iter(reply.ret.receive_nowait, None))
        (lost,) = [message for message in messages if message["kind"] == "lost"]
        assert (lost["reason"], lost["seen"]) == ("connection refused", False)
        engine.refused = False
        await trio.sleep(LONG)
        assert await told(reply.ret) == [("synced", ""), ("back", "")]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"no json\n",
        b"[]\n",
        b'{"timeNano": "x"}\n',
        b'{"Actor": 1}\n',
        b'{"Actor": {"Attributes": 1}, "Type": "network", "Action": "connect"}\n',
    ],
)
async def test_rubbish_is_an_error_of_the_engine(autojump_clock: Clock, rubbish: bytes) -> None:
    """What is no event ends the stream, which is asked for again; the watch goes on."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service)
        await told(channel)
        await engine.say(rubbish)
        await trio.sleep(2 * RETRY_SECONDS)
        await engine.emit("pull", "x", 1, "image")
        assert await told(channel) == [("event", "pull")]


@pytest.mark.parametrize(
    "event", [{"Actor": None}, {"Type": "network", "Action": "connect", "Actor": {"Attributes": None}}, {}]
)
async def test_event_that_lacks_something_is_passed_on(autojump_clock: Clock, event: dict[str, object]) -> None:
    """An event is passed on as it is, whatever it lacks."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service, documents=False)
        await told(channel)
        await engine.say(json.dumps(event).encode() + b"\n")
        assert [kind for kind, _ in await told(channel)] == ["event"]


@pytest.mark.parametrize("listing", [{"message": "odd"}, [1], [{"Names": []}]])
async def test_listing_that_makes_no_sense_is_tried_again(autojump_clock: Clock, listing: object) -> None:
    """A list that is none leaves the watch out of step until there is one."""
    async with memory_engine() as engine, opened(engine) as service:

        async def odd(request: Request) -> Response:
            return answer(listing)

        engine.handlers["GET", "/containers/json"] = odd
        channel = await watch(service)
        assert await told(channel) == []
        del engine.handlers["GET", "/containers/json"]
        await trio.sleep(2 * RETRY_SECONDS)
        assert await told(channel) == [("synced", "")]


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_events_that_are_refused_are_tried_again(autojump_clock: Clock, status: int) -> None:
    """An engine that does not answer /events with 200 is asked again, and harms nobody."""
    async with memory_engine() as engine, opened(engine) as service:

        async def refuse(request: Request) -> Response:
            return Response(status)

        engine.handlers["GET", "/events"] = refuse
        channel = await watch(service)
        assert await told(channel) == []
        del engine.handlers["GET", "/events"]
        await trio.sleep(2 * RETRY_SECONDS)
        assert await told(channel) == [("synced", "")]


async def test_more_containers_than_a_channel_holds(autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with more containers than a watch's channel holds can be watched: listing waits for its receiver."""
    bound = 20
    monkeypatch.setattr("backends.docker.service.LISTED", bound)
    async with memory_engine() as engine:
        for number in range(bound + 100):
            engine.add(f"{number}-x")
        async with opened(engine) as service:
            reply = await service(Message(Verb.WATCH))
            assert isinstance(reply.ret, Receiver)
            having = 0
            async for message in reply.ret:
                having += message["kind"] == "have"
                if message["kind"] == "synced":
                    break
            assert having == bound + 100


async def test_closing_the_watch_ends_its_connection(autojump_clock: Clock) -> None:
    """A watcher that leaves takes its event stream with it."""
    async with memory_engine() as engine, opened(engine) as service:
        channel = await watch(service, documents=False)
        (stream,) = engine.events
        channel.close()
        await stream.wait_reader_gone()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == len(service.client.pool._idle) + 1  # the one that is kept for pings


async def test_closing_the_engine_ends_the_watch(autojump_clock: Clock) -> None:
    """When the instance is closed the watch ends with Unavailable."""
    async with memory_engine() as engine:
        async with opened(engine) as service:
            channel = await watch(service)
        with pytest.raises(Unavailable, match="closed"):
            async for _ in channel:
                pass


async def test_engine_whose_list_cannot_be_read(autojump_clock: Clock) -> None:
    """An engine that answers pings, and lists no containers, is lost with the reason, and back when it does again."""

    async def nonsense(request: Request) -> Response:
        return answer({"error": 7})

    async with memory_engine() as engine:
        engine.add("web")
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            engine.handlers["GET", "/containers/json"] = nonsense
            await engine.hang_up()
            await trio.sleep(LONG)
            messages = [each for each in iter(channel.receive_nowait, None) if each["kind"] in ("lost", "back")]
            assert [each["kind"] for each in messages] == ["lost"]
            assert messages[0]["reason"].startswith("what it has cannot be read: host e answered with what is not a")
            del engine.handlers["GET", "/containers/json"]
            await trio.sleep(LONGEST_PAUSE)
            messages = [each for each in iter(channel.receive_nowait, None) if each["kind"] in ("lost", "back")]
            assert [each["kind"] for each in messages] == ["back"]
