"""The verbs on one engine: what cannot be done says so in the closed list of errors, and closes what came with it."""

from __future__ import annotations

import pytest
import trio

from swarmkit import Listing, Message, Verb, open_pipe
from swarmkit.errors import Internal, Invalid, NotFound, SwarmError, Unimplemented
from swarmkit.http import Request, Response

from .engine import answer, memory_engine, opened

Clock = trio.testing.MockClock
ANYTHING = ("containers", "none")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Message(Verb.ATTACH, ANYTHING, {"io": {"stdin": True}}), NotFound),
        (Message(Verb.ATTACH, ANYTHING), NotFound),
        (Message(Verb.ATTACH, ("nowhere", "x")), NotFound),
        (Message(Verb.FILE, ANYTHING, {"path": "/"}), NotFound),
        (Message(Verb.FILE, ("images", "x"), {"path": "/"}), Unimplemented),
        (Message(Verb.CONNECT, ("nodes", "other"), {"method": "POST", "target": "/x"}), Invalid),
        (Message(Verb.SPAWN, ("images",)), Unimplemented),
        (Message(Verb.LS, ("nowhere",)), NotFound),
        (Message(Verb.GET, ("nowhere",)), NotFound),
    ],
)
async def test_refusal_closes_the_stream(autojump_clock: Clock, message: Message, error: type[SwarmError]) -> None:
    """Whatever a request is refused for, the stream that came with it is closed."""
    sender, receiver = open_pipe()
    async with memory_engine() as engine, opened(engine) as service:
        with pytest.raises(error):
            await service(Message(message.verb, message.path, message.args, att=receiver))
        await sender.wait_reader_gone()


@pytest.mark.parametrize("created", ["no object", {}, None])
async def test_creation_that_names_nothing_is_the_engines_fault(autojump_clock: Clock, created: object) -> None:
    """A create whose answer has no id is Internal."""
    async with memory_engine() as engine, opened(engine) as service:

        async def create(request: Request) -> Response:
            return answer(created, 201)

        engine.handlers["POST", "/containers/create"] = create
        with pytest.raises(Internal, match="did not say which"):
            await service(Message(Verb.SPAWN, ("containers",), {"spec": {}}))


async def test_listing_has_a_stamp_that_grows(autojump_clock: Clock) -> None:
    """Of two listings the one begun later has the greater stamp."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.add("web")
        one = await service(Message(Verb.LS, ("containers",)))
        two = await service(Message(Verb.LS, ("containers",)))
        assert one["stamp"] < two["stamp"]


async def test_detail_is_that_of_the_inspect(autojump_clock: Clock) -> None:
    """A listing with detail has the inspect's times and state; what went meanwhile is left out."""
    async with memory_engine() as engine, opened(engine) as service:
        web, db = engine.add("web"), engine.add("db")

        async def gone(request: Request) -> Response:
            return answer({"message": "No such container"}, 404)

        engine.handlers["GET", f"/containers/{db}/json"] = gone
        listing = Listing.of(await service(Message(Verb.LS, ("containers",), {"detail": True})))
        assert [(row.id, row.detail) for row in listing] == [(web, {"State": {}, "Created": ""})]


async def test_detail_tells_what_is_taken(autojump_clock: Clock) -> None:
    """A listing with detail has the limits, ports and network of the inspect, without what is empty, and no secrets."""
    async with memory_engine() as engine, opened(engine) as service:
        web, document = engine.add("web"), {"State": {}, "Created": ""}
        bindings = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
        config = {"Memory": 5, "NanoCpus": 0, "PortBindings": bindings, "Binds": ["/a:/b"]}

        async def inspected(request: Request) -> Response:
            return answer({**document, "HostConfig": config, "Config": {"Env": ["PASSWORD=x"], "ExposedPorts": None}})

        engine.handlers["GET", f"/containers/{web}/json"] = inspected
        (row,) = Listing.of(await service(Message(Verb.LS, ("containers",), {"detail": True})))
        assert row.detail == {**document, "HostConfig": {"Memory": 5, "PortBindings": bindings}}


@pytest.mark.parametrize("state", ["removing", "dead"])
async def test_what_is_going_is_not_inspected(autojump_clock: Clock, state: str) -> None:
    """A container that is being removed is listed without a detail: inspected, an engine might keep it for ever."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.add("web", state)
        (row,) = Listing.of(await service(Message(Verb.LS, ("containers",), {"detail": True})))
        assert (row.document["State"], row.detail) == (state, {})
        assert engine.sent("GET", f"/{row.id}/json") == []


async def test_what_its_engine_removes_is_not_inspected_when_it_has_ended(autojump_clock: Clock) -> None:
    """With `--rm` a container is inspected while it runs; when it has ended, its removal has begun or is about to."""
    async with memory_engine() as engine, opened(engine) as service:
        web = engine.add("web", "running")

        async def inspected(request: Request) -> Response:
            return answer({"State": {}, "Created": "", "HostConfig": {"AutoRemove": True}})

        engine.handlers["GET", f"/containers/{web}/json"] = inspected
        ask = Message(Verb.LS, ("containers",), {"detail": True, "ids": [web]})
        (running,) = Listing.of(await service(ask))
        engine.add("web", "exited")
        (ended,) = Listing.of(await service(ask))
        assert (running.detail, ended.detail) == ({"State": {}, "Created": ""}, {})
        assert len(engine.sent("GET", f"/{web}/json")) == 1


async def test_no_ids_are_no_request(autojump_clock: Clock) -> None:
    """A listing of no ids asks nothing, and is empty."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.add("web")
        listing = Listing.of(await service(Message(Verb.LS, ("containers",), {"ids": []})))
        assert (listing.rows, engine.requests) == ((), [])


async def test_node_says_what_and_how_the_engine_is(autojump_clock: Clock) -> None:
    """The node's document has the engine's own account, its labels as a map, and whether it answers."""
    async with memory_engine() as engine, opened(engine) as service:
        document = service.node.row().document
        assert (document["NCPU"], document["Labels"], document["ApiVersion"]) == (2, {"disk": "ssd"}, "1.41")
        assert (document["State"], service.node.row().lost) == ("healthy", None)
        engine.freeze()
        await trio.sleep(4)
        row = service.node.row()
        assert (row.document["State"], row.lost) == ("unhealthy", "no answer to a ping in 2 s")


@pytest.mark.parametrize("document", [[], {"Volumes": [{}]}, {"Volumes": 3}, None])
async def test_list_of_another_shape_is_the_engines_fault(autojump_clock: Clock, document: object) -> None:
    """A list that is none is Internal, whatever it is instead."""
    async with memory_engine() as engine, opened(engine) as service:

        async def odd(request: Request) -> Response:
            return answer(document)

        engine.handlers["GET", "/volumes"] = odd
        with pytest.raises(Internal, match="host e answered with what is not a list of volumes"):
            await service(Message(Verb.LS, ("volumes",)))
