"""What goes on for long begins when it is asked for: logs, events, and waiting."""

from __future__ import annotations

import json

import trio

from backends.fake import FakeEngine
from backends.fake.clock import Clock
from backends.fake.output import Log
from swarmkit.http import Request, RequestHead
from swarmkit.streams import BytesStream

from .client import Client


async def test_what_follows_begins_with_the_call(autojump_clock: trio.testing.MockClock) -> None:
    """What is written, and a run that ends, between the call and the first entry asked for are not missed."""
    log = Log(Clock(0))
    log.write(1, b"before\n")
    news = log.follow()
    log.write(1, b"between\n")
    log.flush()
    with trio.fail_after(1):
        assert [entry.data async for entry in news] == [b"between\n"]


async def answer(engine: FakeEngine, method: str, target: str) -> trio.abc.ReceiveStream:
    """Have a request answered, and return the body, of which nothing has been read."""
    request = Request(RequestHead(method, target), BytesStream(b""), BytesStream(b""))
    body = (await engine.handler(request)).body
    assert not isinstance(body, bytes)
    return body


async def test_events_are_heard_from_before_the_head_is_sent(engine: FakeEngine) -> None:
    """A client that has the head of the answer misses nothing, though nobody reads the body yet."""
    async with await answer(engine, "GET", "/events") as events:
        engine.create_container("web", "true")
        assert json.loads(await events.receive_some())["Action"] == "create"


async def test_the_next_exit_is_the_next_after_the_head(
    engine: FakeEngine, client: Client, autojump_clock: trio.testing.MockClock
) -> None:
    """A container that ends before anybody reads the body has been waited for."""
    await client.start("sleep", "1", name="web")
    async with await answer(engine, "POST", "/containers/web/wait?condition=next-exit") as waiting:
        await trio.sleep(2)
        with trio.fail_after(1):
            assert json.loads(await waiting.receive_some())["StatusCode"] == 0
