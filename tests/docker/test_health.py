"""Whether an engine answers: found out by pings, told with the reason, and at once where there is suspicion."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import trio

from backends.docker import EngineRequest
from backends.docker.breaker import HOLD_FIRST, LOSSES
from backends.docker.health import PING_DEADLINE, PING_INTERVAL, RETRY_LAST, Health, State
from backends.docker.pool import IDLE_SECONDS
from swarmkit import Unavailable, open_pipe
from swarmkit.engine.times import SECOND, parse_time
from swarmkit.http import Headers, Request, Response

from .engine import answer, memory_engine, opened

Clock = trio.testing.MockClock


async def test_engine_that_answers_is_healthy(autojump_clock: Clock) -> None:
    """It is pinged at intervals, on one connection that is kept for that."""
    async with memory_engine() as engine, opened(engine) as service:
        assert service.node.health.state is State.HEALTHY
        await trio.sleep(IDLE_SECONDS + 2 * PING_INTERVAL)  # what fetched the facts is closed
        pings, dialled = engine.pings, engine.dialled
        await trio.sleep(10 * PING_INTERVAL)
        assert (engine.pings - pings, engine.dialled - dialled, engine.open) == (10, 0, 1)


async def test_engine_that_was_restarted_is_pinged_on_a_new_connection(autojump_clock: Clock) -> None:
    """The end of the connection that is kept for pings says nothing: the engine is dialled, and stays healthy."""
    async with memory_engine() as engine, opened(engine) as service:
        await engine.hang_up()
        dialled = engine.dialled
        await trio.sleep(2 * PING_INTERVAL)
        assert (service.node.health.healthy, engine.dialled - dialled) == (True, 1)


async def test_way_that_opens_is_used_at_once(autojump_clock: Clock) -> None:
    """An engine that was tried in vain for long is tried at once where there is hope, and not only when it is due."""
    async with memory_engine(refused=True) as engine, opened(engine) as service:
        await trio.sleep(60)
        engine.refused = False
        began = trio.current_time()
        service.node.health.hope()
        await service.node.health.wait_healthy()
        assert trio.current_time() == began


async def test_engine_that_hangs_is_unhealthy(autojump_clock: Clock) -> None:
    """One that gives no answer in time is unhealthy, with the reason, and healthy again when it answers."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.freeze()
        await trio.sleep(PING_INTERVAL + PING_DEADLINE + 0.1)
        assert (service.node.health.state, service.node.health.reason) == (
            State.UNHEALTHY,
            "no answer to a ping in 2 s",
        )
        engine.thaw()
        await trio.sleep(RETRY_LAST * 1.25 + PING_DEADLINE)
        assert service.node.health.healthy


async def test_engine_that_refuses_is_unhealthy(autojump_clock: Clock) -> None:
    """One that cannot be dialled is so with the reason, and tried again at growing intervals."""
    async with memory_engine(refused=True) as engine, opened(engine) as service:
        assert (service.node.health.state, service.node.health.reason) == (State.UNHEALTHY, "connection refused")
        engine.refused = False
        await trio.sleep(1)
        assert service.node.health.healthy


@pytest.mark.parametrize("headers", [Headers(), Headers((("Api-Version", "new"),))])
async def test_what_is_no_engine_is_unhealthy(autojump_clock: Clock, headers: Headers) -> None:
    """A server that says no version of the API, or nonsense, is no engine, and harms nobody."""
    async with memory_engine(ping_headers=headers) as engine, opened(engine) as service:
        assert "does not answer as a Docker Engine" in service.node.health.reason
        engine.ping_headers = Headers((("Api-Version", "1.44"),))
        await trio.sleep(2)
        assert (service.node.health.healthy, service.client.versions.newest) == (True, (1, 44))


async def test_newer_version_is_noticed(autojump_clock: Clock) -> None:
    """An engine replaced between two pings is asked in its own version from the next ping on."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.ping_headers = Headers((("Api-Version", "1.44"),))
        await trio.sleep(2 * PING_INTERVAL)
        assert service.client.versions.newest == (1, 44)


async def test_suspicion_is_looked_into_at_once(autojump_clock: Clock) -> None:
    """A failed connection has the engine pinged now, not at the next interval."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.refused = True
        with pytest.raises(Unavailable):
            await service.client.call("POST", "/x")
        await trio.testing.wait_all_tasks_blocked()
        assert service.node.health.state is State.UNHEALTHY
        assert trio.current_time() == 0


async def test_waits_grow_to_a_bound(autojump_clock: Clock) -> None:
    """An engine that stays unhealthy is tried less and less often, but no less than the bound says."""
    times: list[float] = []

    async def ping(anew: bool) -> str:
        times.append(trio.current_time())
        return "refused"

    with trio.move_on_after(60):
        await Health().watch("e", ping)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits[0] < 1
    assert RETRY_LAST <= waits[-1] <= RETRY_LAST * 1.25


async def test_engine_that_comes_and_goes_has_to_stay(autojump_clock: Clock) -> None:
    """Lost too often, it is kept out while it answers, says why, and is asked what it is once it is taken back."""
    async with memory_engine() as engine, opened(engine) as service:
        health = service.node.health
        for _ in range(LOSSES):
            await health.wait_healthy()
            engine.refused = True
            await engine.hang_up()
            await health.wait_lost()
            engine.refused = False
        engine.requests.clear()
        began = trio.current_time()
        await trio.sleep(HOLD_FIRST)
        assert health.reason.startswith("it comes and goes (lost 3 times in")
        assert health.reason.endswith("last: connection refused")
        assert engine.requests == []
        await health.wait_healthy()
        assert HOLD_FIRST < trio.current_time() - began < HOLD_FIRST + 2
        await trio.testing.wait_all_tasks_blocked()
        assert len(engine.sent("GET", "/version")) == 1


async def test_engine_that_is_heard_is_not_hung(autojump_clock: Clock) -> None:
    """While a stream of it flows a ping may be late: it waits behind that. When nothing comes any more, it is hung."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()

        async def flow(request: Request) -> Response:
            return Response(200, Headers(), receiver)

        engine.handlers["GET", "/flow"] = flow
        reply = await service.client.exchange(EngineRequest(method="GET", target="/flow"))
        engine.freeze()
        for _ in range(60):
            await sender.send_all(b"x")
            assert await reply.body.receive_some() == b"x"
            await trio.sleep(1)
            assert service.node.health.healthy
        await trio.sleep(PING_DEADLINE)
        assert not service.node.health.healthy
        await reply.body.aclose()


async def test_node_says_since_when(autojump_clock: Clock) -> None:
    """Its document has the time of day at which its state began, and how long ago that was."""
    async with memory_engine() as engine, opened(engine) as service:
        await trio.sleep(5)
        document = service.node.row().document
        assert document["StateSeconds"] == 5
        assert abs(parse_time(document["Since"]) - time.time_ns()) < 60 * SECOND
        since = service.node.health.since_time
        engine.freeze()
        await service.node.health.wait_lost()
        assert service.node.health.since_time > since


async def test_change_of_the_reason_is_told(autojump_clock: Clock) -> None:
    """Who follows the state is told of another reason, too; who asked for losses is told each once."""
    health, losses = Health(), list[str]()
    health.when_lost(losses.append)
    health.mark(State.UNHEALTHY, "frozen")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(health.wait_change)
        await trio.testing.wait_all_tasks_blocked()
        health.mark(State.UNHEALTHY, "refused")
    assert losses == ["frozen"]


async def test_engine_that_describes_itself_oddly_is_healthy(autojump_clock: Clock) -> None:
    """An engine whose version is no object, or nonsense, is used all the same."""
    documents: tuple[object, ...] = ([], {"MinAPIVersion": "old"})
    for document in documents:
        async with memory_engine() as engine:

            async def odd(request: Request, document: object = document) -> Response:
                return answer(document)

            engine.handlers["GET", "/version"] = odd
            async with opened(engine) as service:
                assert service.node.health.healthy
                assert service.node.row().document["State"] == "healthy"
