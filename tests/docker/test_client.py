"""The engine client: each request is answered, known not to be done, or unknown."""

from __future__ import annotations

import pytest
import trio

from backends.docker import EngineRequest, client
from backends.docker.health import PING_DEADLINE, PING_INTERVAL
from backends.docker.pool import DIAL_DEADLINE
from swarmkit import Unavailable, open_pipe
from swarmkit.errors import Internal, SwarmError, Timeout
from swarmkit.http import Headers, Request, Response
from swarmkit.streams import CHUNK

from .engine import MemoryEngine, memory_engine, ok, opened, post

Clock = trio.testing.MockClock
LOST = PING_INTERVAL + PING_DEADLINE + 0.1


class Dropping:
    """A dialer whose connections end without an answer, after what was sent has been read."""

    address = "memory://dropping"
    ip = None

    def __init__(self, engine: MemoryEngine) -> None:
        self.engine = engine
        self.requests: list[str] = []

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        ours, theirs = trio.testing.memory_stream_pair()
        self.engine.nursery.start_soon(self._drop, theirs)
        return ours

    async def _drop(self, stream: trio.abc.Stream) -> None:
        words = (await stream.receive_some()).decode().split(" ")
        if words[1:] and words[1] != "/_ping":
            self.requests.append(words[0])
        await stream.aclose()


async def test_document_is_fetched(autojump_clock: Clock) -> None:
    """GET gives the document, asked for in the engine's version."""
    async with memory_engine() as engine, opened(engine) as service:
        assert (await service.client.get_json("/info"))["NCPU"] == 2
        assert engine.requests == [("GET", "/v1.41/info")]


async def test_what_is_no_json_is_the_engines_fault(autojump_clock: Clock) -> None:
    """A document that cannot be parsed is Internal, and quoted."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.handlers["GET", "/x"] = ok
        with pytest.raises(Internal, match="what is not JSON"):
            await service.client.get_json("/x")


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
async def test_answer_that_breaks_off(autojump_clock: Clock, method: str, kind: type[SwarmError]) -> None:
    """An answer that ends in mid-body is Unavailable for what changes nothing, else Timeout: it may have been done."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()
        engine.handlers[method, "/x"] = lambda request: _begun(receiver)
        engine.nursery.start_soon(sender.send_all, b"half")
        reply = await service.client.exchange(EngineRequest(method=method, target="/x?secret=1"))
        sender.cut(Unavailable("gone"))
        with pytest.raises(kind, match=f"host e broke off its answer to {method} /x: the connection ended within a"):
            await service.client.whole(reply)
        assert engine.sent(method, "/x") == ["/v1.41/x?secret=1"]


async def _begun(body: trio.abc.ReceiveStream) -> Response:
    return Response(200, Headers(), body)


async def test_answer_without_end(autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a document no more is taken than fits, and the host is named that sends more."""
    monkeypatch.setattr(client, "MAX_DOCUMENT", 1)
    async with memory_engine() as engine, opened(engine) as service:
        with pytest.raises(Internal, match="host e does not end its answer: more than the 1 bytes"):
            await service.client.get_json("/info")


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

        service.client.pool.dialer = type(
            "Never", (), {"address": "memory://never", "ip": None, "__call__": staticmethod(never)}
        )()
        engine.freeze()
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
