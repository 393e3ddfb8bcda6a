"""The engine client: each request is answered, known not to be done, or unknown; and no connection is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio

from backends.docker import EngineRequest
from backends.docker.failures import engine_error
from backends.docker.health import PING_DEADLINE, PING_INTERVAL
from backends.docker.pool import DIAL_DEADLINE, IDLE_CONNECTIONS, IDLE_SECONDS
from backends.docker.request import VersionRange, parse_version
from backends.docker.service import EngineService
from swarmkit import BytesStream, Unavailable, open_pipe, read_whole
from swarmkit.errors import Code, Internal, Invalid, NotFound, SwarmError, Timeout
from swarmkit.http import Headers, Request, Response
from swarmkit.streams import CHUNK, PipeSender

from .engine import MemoryEngine, answer, memory_engine, opened

Clock = trio.testing.MockClock
LOST = PING_INTERVAL + PING_DEADLINE + 0.1


def post(path: str = "/x", **options: object) -> EngineRequest:
    """Make a request that may change something."""
    return EngineRequest(method="POST", target=path, **options)  # type: ignore[arg-type]


async def ok(request: Request) -> Response:
    """Take the body, and answer with it."""
    return Response(200, Headers(), await read_whole(request.body))


async def ask(service: EngineService, request: EngineRequest) -> bytes:
    """Exchange, and read the whole body."""
    return await read_whole((await service.client.exchange(request)).body)


class Dropping:
    """A dialer whose connections end without an answer, after what was sent has been read."""

    address = "memory://dropping"

    def __init__(self, engine: MemoryEngine) -> None:
        self.engine = engine
        self.requests: list[str] = []

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        ours, theirs = trio.testing.memory_stream_pair()
        self.engine.nursery.start_soon(self._drop, theirs)
        return ours

    async def _drop(self, stream: trio.abc.Stream) -> None:
        method, target = (await stream.receive_some()).split(b" ")[:2]
        if target != b"/_ping":
            self.requests.append(method.decode())
        await stream.aclose()


# -- what an answer is --------------------------------------------------------------------------------------------


async def test_document_is_fetched(autojump_clock: Clock) -> None:
    """GET gives the document, asked for in the engine's version."""
    async with memory_engine() as engine, opened(engine) as service:
        assert (await service.client.get_json("/info"))["NCPU"] == 2
        assert engine.requests == [("GET", "/v1.41/info")]


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b'{"message":"No such container: x"}', Code.NOT_FOUND, "No such container: x"),
        (409, b'{"message":"in use"}', Code.CONFLICT, "in use"),
        (500, b"plain words\n", Code.INTERNAL, "plain words"),
        (400, b'{"other":1}', Code.INVALID, '{"other":1}'),
        (418, b"[]", Code.INVALID, "[]"),
        (503, b"", Code.UNAVAILABLE, "host e answered with status 503"),
    ],
)
def test_engines_error_is_kept(status: int, body: bytes, code: Code, message: str) -> None:
    """An engine's error has its text, and keeps its status and its body to the byte."""
    error = engine_error(status, body, "e")
    assert (error.code, error.message, error.status) == (code, message, status)
    assert error.details["body"] == body


async def test_what_is_no_json_is_the_engines_fault(autojump_clock: Clock) -> None:
    """A document that cannot be parsed is Internal, and quoted."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["GET", "/x"] = ok
        with pytest.raises(Internal, match="what is not JSON"):
            await service.client.get_json("/x")


@pytest.mark.parametrize(
    ("asked", "sent"), [("1.24", "1.24"), ("1.47", "1.41"), ("1.5", "1.12"), (None, "1.41"), ("1.41", "1.41")]
)
async def test_version_is_one_that_the_engine_has(autojump_clock: Clock, asked: str | None, sent: str) -> None:
    """A version asked for is moved into the engine's range."""
    async with memory_engine() as engine, opened(engine) as service:
        await ask(service, EngineRequest(method="GET", target="/info", version=asked))
        assert engine.requests == [("GET", f"/v{sent}/info")]


async def test_version_is_none_too_new_before_the_engine_is_known(autojump_clock: Clock) -> None:
    """While only the engine's newest version is known, none above it is asked for."""
    async with memory_engine() as engine, opened(engine) as service:
        service.client.versions = VersionRange(newest=(1, 41))
        await ask(service, EngineRequest(method="GET", target="/info", version="1.47"))
        assert engine.requests == [("GET", "/v1.41/info")]


@pytest.mark.parametrize("text", ["", "1", "one.two", "1.", "1.x", "-1.2"])
def test_what_is_no_version_is_invalid(text: str) -> None:
    """A version is two numbers."""
    with pytest.raises(Invalid):
        parse_version(text)


# -- connections --------------------------------------------------------------------------------------------------


async def test_connection_is_used_again(autojump_clock: Clock) -> None:
    """A request that changes nothing takes a connection that is there; one that may, a new one."""
    async with memory_engine() as engine, opened(engine) as service:
        await service.client.get_json("/info")
        dialled = engine.dialled
        await service.client.get_json("/info")
        assert engine.dialled == dialled
        engine.handlers["POST", "/x"] = ok
        await ask(service, post())
        assert engine.dialled == dialled + 1


async def test_few_connections_are_kept(autojump_clock: Clock) -> None:
    """After many requests at once a few connections stay, and after some time none."""
    async with memory_engine() as engine, opened(engine) as service:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(service.client.get_json, "/info")
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == IDLE_CONNECTIONS
        await trio.sleep(IDLE_SECONDS + 2 * PING_INTERVAL)
        assert engine.open == 0
        assert service.client.pool._open == set()


async def test_body_left_unread_costs_the_connection(autojump_clock: Clock) -> None:
    """A reply closed before its end closes the connection; one read to it may be used again."""
    async with memory_engine() as engine, opened(engine) as service:
        reply = await service.client.exchange(EngineRequest(method="GET", target="/events"))
        before = engine.open
        await reply.body.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == before - 1


async def test_stale_connection_is_tried_again(autojump_clock: Clock) -> None:
    """Where the engine had closed an idle connection, a request that changes nothing is sent on a new one."""
    async with memory_engine() as engine, opened(engine) as service:
        await service.client.get_json("/info")
        for idle in service.client.pool._idle:
            await idle.connection.stream.send_eof()  # the engine ends its side
        await trio.testing.wait_all_tasks_blocked()
        assert (await service.client.get_json("/info"))["NCPU"] == 2


async def test_cancelled_request_closes_its_connection(autojump_clock: Clock) -> None:
    """Giving a request up closes its connection, so that the engine gives it up, too."""
    async with memory_engine() as engine, opened(engine) as service:

        async def never(request: Request) -> Response:
            await trio.sleep_forever()
            raise AssertionError

        engine.handlers["POST", "/wait"] = never
        before = engine.open
        with trio.move_on_after(0.5):
            await service.client.exchange(post("/wait"))
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == before


async def test_closing_ends_the_streams(autojump_clock: Clock) -> None:
    """When the engine's instance is closed, what reads from it meets Unavailable, and no connection is left."""
    async with memory_engine() as engine:
        async with opened(engine) as service:
            reply = await service.client.exchange(EngineRequest(method="GET", target="/events"))
        with pytest.raises(Unavailable):
            await reply.body.receive_some()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == 0
        with pytest.raises(Unavailable):
            await service.client.exchange(post())


# -- failures -----------------------------------------------------------------------------------------------------


async def test_request_that_was_not_sent_is_unavailable(autojump_clock: Clock) -> None:
    """An engine that cannot be dialled is Unavailable for whatever was asked: it is known not done."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.refused = True
        with pytest.raises(Unavailable, match=r"host e cannot be reached at memory://engine: connection refused"):
            await service.client.exchange(post())


async def test_dialling_has_a_deadline(autojump_clock: Clock) -> None:
    """An engine that takes too long to be reached is Unavailable."""
    async with memory_engine() as engine, opened(engine) as service:

        async def never() -> trio.abc.HalfCloseableStream:
            await trio.sleep_forever()
            raise AssertionError

        service.client.pool.dialer = type("Never", (), {"address": "memory://never", "__call__": staticmethod(never)})()
        with pytest.raises(Unavailable, match="no connection in 5 s"):
            await service.client.pool.dial()
        assert trio.current_time() == pytest.approx(DIAL_DEADLINE)


@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", Timeout), ("PUT", Timeout)])
async def test_no_answer(autojump_clock: Clock, method: str, kind: type[SwarmError]) -> None:
    """A connection that ends unanswered is Unavailable for what changes nothing, else Timeout, and not tried again."""
    async with memory_engine() as engine, opened(engine) as service:
        service.client.pool._idle.clear()
        dropping = service.client.pool.dialer = Dropping(engine)
        with pytest.raises(kind, match=f"gave no answer to {method} /x"):
            await service.client.exchange(EngineRequest(method=method, target="/x?secret=1"))
        assert dropping.requests == [method]


@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", Timeout)])
async def test_what_waits_fails_with_the_host(autojump_clock: Clock, method: str, kind: type[SwarmError]) -> None:
    """When the engine turns unhealthy what waits for its answer fails at once, and what comes later is not sent."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.freeze()
        with pytest.raises(kind, match="no answer to a ping"):
            await service.client.exchange(EngineRequest(method=method, target="/x"))
        assert trio.current_time() <= LOST
        sent = len(engine.requests)
        with pytest.raises(Unavailable, match="host e is down"):
            await service.client.exchange(EngineRequest(method=method, target="/x"))
        assert len(engine.requests) == sent


async def test_what_dials_fails_with_the_host(autojump_clock: Clock) -> None:
    """A request that is still dialling when the engine turns unhealthy was not sent, and fails at once."""
    async with memory_engine() as engine, opened(engine) as service:

        async def never() -> trio.abc.HalfCloseableStream:
            await trio.sleep_forever()
            raise AssertionError

        service.client.pool.dialer = type("Never", (), {"address": "memory://never", "__call__": staticmethod(never)})()
        await trio.sleep(PING_INTERVAL)  # the next ping begins
        with pytest.raises(Unavailable, match="host e is down: no answer to a ping"):
            await service.client.exchange(post())
        assert trio.current_time() <= LOST < DIAL_DEADLINE
        assert engine.requests == []


async def test_document_that_stalls_fails_with_the_host(autojump_clock: Clock) -> None:
    """A document whose rest never comes is given up with the engine, and its connection is closed."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()

        async def half(request: Request) -> Response:
            return Response(200, Headers(), receiver)

        engine.handlers["GET", "/x"] = half
        await sender.send_all(b"[")
        outcome: list[SwarmError] = []

        async def read() -> None:
            try:
                await service.client.get_json("/x")
            except SwarmError as error:
                outcome.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.sleep(0.1)
            engine.freeze()
            await trio.sleep(LOST)
        assert [type(error) for error in outcome] == [Unavailable]
        with pytest.raises(trio.BrokenResourceError):
            await sender.send_all(b"x" * CHUNK * 2)


# -- uploads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [None, 100_000])
async def test_upload_is_streamed(autojump_clock: Clock, length: int | None) -> None:
    """An upload of a length known or not arrives whole."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        assert await ask(service, post(upload=BytesStream(b"x" * 100_000), length=length)) == b"x" * 100_000


async def test_early_reply_comes_while_the_upload_flows(autojump_clock: Clock) -> None:
    """A refusal before the upload's end is returned; closing it closes the upload's source."""
    async with memory_engine() as engine, opened(engine) as service:

        async def refuse(request: Request) -> Response:
            return answer({"message": "no"}, 404)

        engine.handlers["PUT", "/x"] = refuse
        sender, receiver = open_pipe()
        await sender.send_all(b"begun")
        reply = await service.client.exchange(EngineRequest(method="PUT", target="/x", upload=receiver))
        assert reply.head.status == 404
        await reply.body.aclose()
        await sender.wait_reader_gone()


async def test_cut_upload_is_no_whole_one(autojump_clock: Clock) -> None:
    """Where an upload is cut the engine meets a cut, never a proper end, and the caller is told why."""
    ends: list[object] = []

    async def take(request: Request) -> Response:
        try:
            ends.append(await read_whole(request.body))
        except SwarmError as error:
            ends.append(type(error))
            raise
        return Response(200)

    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = take
        sender, receiver = open_pipe()
        await sender.send_all(b"half")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cut, sender)
            with pytest.raises(Timeout, match="its upload was cut short: the client has gone"):
                await ask(service, post(upload=receiver))
        await trio.testing.wait_all_tasks_blocked()
        assert b"half" not in ends


async def test_cut_conversation_is_closed(autojump_clock: Clock) -> None:
    """Where a conversation's input is cut the whole of it is closed, both ways, not half."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        before = engine.open
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        await _cut(sender)
        await trio.sleep(1)
        assert engine.open == before
        await reply.body.aclose()


async def _cut(sender: PipeSender) -> None:
    await trio.sleep(0.2)
    sender.cut(Unavailable("the client has gone"))


async def test_foreign_stream_that_breaks_is_a_cut(autojump_clock: Clock) -> None:
    """An upload that breaks with another library's error is an error of its own request, not of the engine."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        _, receiver = trio.testing.memory_stream_one_way_pair()
        await receiver.aclose()
        with pytest.raises(Timeout, match="its upload was cut short"):
            await service.client.exchange(post(upload=receiver))
        assert (await service.client.get_json("/info"))["NCPU"] == 2


@pytest.mark.parametrize("length", [3, 20])
async def test_upload_of_another_length_is_a_cut(autojump_clock: Clock, length: int) -> None:
    """An upload shorter or longer than announced is cut, and nothing of it is taken for another request."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        with pytest.raises(Timeout, match="not as long as was announced"):
            await service.client.exchange(post(upload=BytesStream(b"0123456789"), length=length))
        await trio.testing.wait_all_tasks_blocked()
        assert all(path.endswith("/x") for _, path in engine.requests)


@pytest.mark.parametrize("refused", [True, False])
async def test_upload_is_closed_in_every_case(autojump_clock: Clock, refused: bool) -> None:
    """Whether the engine cannot be reached or the request is given up, the upload's writer is told."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.refused = refused
        engine.frozen = True
        sender, receiver = open_pipe()
        with trio.move_on_after(0.5):
            with suppress(Unavailable):
                await service.client.exchange(post(upload=receiver))
        await sender.wait_reader_gone()


# -- conversations ------------------------------------------------------------------------------------------------


def echo(engine: MemoryEngine) -> Callable[[Request], Awaitable[Response]]:
    """Make a handler that echoes a raw conversation, and says a last word when its input has ended."""

    async def handle(request: Request) -> Response:
        sender, receiver = open_pipe()
        engine.nursery.start_soon(copy, request, sender)
        return Response(101, Headers((("Connection", "Upgrade"), ("Upgrade", "tcp"))), receiver, raw=True)

    async def copy(request: Request, sender: PipeSender) -> None:
        with suppress(SwarmError, trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await request.raw.receive_some(CHUNK):
                await sender.send_all(bytes(data))
            await sender.send_all(b"bye")
            sender.send_eof()

    return handle


def conversation(upload: trio.abc.ReceiveStream) -> EngineRequest:
    """Ask for a raw conversation."""
    return post("/attach", upload=upload, raw=True, upgrade="tcp")


async def test_end_of_input_is_a_half_close(autojump_clock: Clock) -> None:
    """The input's end is passed on, and what is written after it still comes, to its end."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        assert await ask(service, conversation(BytesStream(b"x" * 200_000))) == b"x" * 200_000 + b"bye"


async def test_conversation_goes_both_ways(autojump_clock: Clock) -> None:
    """Bytes pass each way while the conversation lasts; closing the output ends the input and the connection."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/attach"] = echo(engine)
        before = engine.open
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        assert reply.raw
        for word in (b"one", b"two"):
            await sender.send_all(word)
            assert await reply.body.receive_some() == word
        await reply.body.aclose()
        await sender.wait_reader_gone()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == before


async def test_refused_conversation_closes_its_input(autojump_clock: Clock) -> None:
    """Where the engine answers with an error instead, the input is closed, and the error can be read."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()
        reply = await service.client.exchange(conversation(receiver))
        await sender.wait_reader_gone()
        with pytest.raises(NotFound, match="no such thing"):
            await service.client.whole(reply)


async def test_hundreds_of_exchanges_leave_nothing(autojump_clock: Clock) -> None:
    """After hundreds of requests, uploads and conversations, finished or given up, there is nothing left of them."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        engine.handlers["POST", "/attach"] = echo(engine)

        async def given_up() -> None:
            _, receiver = open_pipe()
            with trio.move_on_after(0.01):
                await ask(service, conversation(receiver))

        for _ in range(20):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(ask, service, post(upload=BytesStream(b"body")))
                    nursery.start_soon(ask, service, conversation(BytesStream(b"hi")))
                    nursery.start_soon(given_up)
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open <= IDLE_CONNECTIONS
        assert len(service.client.pool._open) == engine.open
        assert service.client._waiting == set()
