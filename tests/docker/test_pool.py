"""Connections: used again, few and not for long; dialled within a deadline; none is left."""

from __future__ import annotations

import pytest
import trio

from backends.docker import EngineRequest
from backends.docker.health import PING_INTERVAL
from backends.docker.pool import DIAL_DEADLINE, IDLE_CONNECTIONS, IDLE_SECONDS
from swarmkit import Unavailable, open_pipe, read_whole
from swarmkit.http import Headers, Request, Response

from .engine import ask, memory_engine, ok, opened, post

Clock = trio.testing.MockClock


PINGING = 1
"""The connection that is kept for pings."""


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
        assert engine.open == IDLE_CONNECTIONS + PINGING
        await trio.sleep(IDLE_SECONDS + 2 * PING_INTERVAL)
        assert engine.open == PINGING
        assert service.client.pool.open == PINGING


async def test_body_left_unread_costs_the_connection(autojump_clock: Clock) -> None:
    """A reply closed before its end closes the connection; one read to it may be used again."""
    async with memory_engine() as engine, opened(engine) as service:
        reply = await service.client.exchange(EngineRequest(method="GET", target="/events"))
        before = engine.open
        await reply.body.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.open == before - 1


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


async def test_request_that_was_not_sent_is_unavailable(autojump_clock: Clock) -> None:
    """An engine that cannot be dialled is Unavailable for whatever was asked: it is known not done."""
    async with memory_engine() as engine, opened(engine) as service:
        engine.refused = True
        with pytest.raises(Unavailable, match=r"host e cannot be reached at memory://engine: connection refused"):
            await service.client.exchange(post())


async def test_transport_without_room_is_no_failure_of_the_engine(autojump_clock: Clock) -> None:
    """Where there is no room for another connection, that is told, and the engine that answers pings stays healthy."""
    async with memory_engine(room=PINGING) as engine, opened(engine) as service:
        with pytest.raises(Unavailable, match=r"cannot be reached at memory://engine: all are in use"):
            await ask(service, post())
        await trio.sleep(PING_INTERVAL * 3)
        assert service.node.health.healthy


async def test_unused_connections_make_room(autojump_clock: Clock) -> None:
    """Where there is no room for another connection, those that are kept for later are let go."""
    async with memory_engine(room=PINGING + 1) as engine, opened(engine) as service:
        engine.handlers["POST", "/x"] = ok
        await service.client.get_json("/info")
        assert engine.open == PINGING + 1
        await ask(service, post())


async def test_dialling_has_a_deadline(autojump_clock: Clock) -> None:
    """An engine that takes too long to be reached is Unavailable."""
    async with memory_engine() as engine, opened(engine) as service:

        async def never() -> trio.abc.HalfCloseableStream:
            await trio.sleep_forever()
            raise AssertionError

        service.client.pool.dialer = type(
            "Never", (), {"address": "memory://never", "ip": None, "__call__": staticmethod(never)}
        )()
        with pytest.raises(Unavailable, match="no connection in 5 s"):
            await service.client.pool.dial()
        assert trio.current_time() == pytest.approx(DIAL_DEADLINE)


async def test_nothing_is_kept_of_an_engine_that_is_lost(autojump_clock: Clock) -> None:
    """A lost engine's idle connections are closed, and one whose reply ends meanwhile is not kept."""
    async with memory_engine() as engine, opened(engine) as service:
        sender, receiver = open_pipe()

        async def slow(request: Request) -> Response:
            return Response(200, Headers(), receiver)

        engine.handlers["GET", "/slow"] = slow
        reply = await service.client.exchange(EngineRequest(method="GET", target="/slow"))
        await service.client.get_json("/info")
        assert service.client.pool.open == 2 + PINGING
        engine.refused = True
        service.node.health.suspect()
        await trio.sleep(PING_INTERVAL + 0.1)
        assert service.client.pool.open == 1
        sender.send_eof()
        await read_whole(reply.body)
        await trio.testing.wait_all_tasks_blocked()
        assert service.client.pool.open == 0
