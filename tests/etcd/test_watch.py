"""A watch: however it ends, it ends with an error, also where the connection stays open and silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from backends.etcd.client import EtcdClient
from backends.etcd.credentials import Credentials
from backends.etcd.messages import Change, KeyValue
from backends.etcd.watch import MAX_LINE, Watch, open_watch
from swarmkit.errors import Denied, SwarmError, Unavailable

from .gateway import CREATED, Answer, Lines, always, events, gateways, gone, put, say, silent, wrong

USER = Credentials("bob", None, "secret")


@asynccontextmanager
async def watching(*said: Any) -> AsyncIterator[tuple[Watch, Lines]]:
    """Give a watch that has begun, and what says its lines."""
    lines = Lines(CREATED, *said)
    async with gateways() as (client, (only,)):
        only.answers["watch"] = lines.answer
        async with open_watch(client, "p/", "p0", 6) as watch:
            yield watch, lines


async def test_what_is_asked() -> None:
    """A watch is of a range, from a revision on; it says that it needs a leader."""
    async with gateways() as (client, (only,)):
        only.answers["watch"] = Lines(CREATED).answer
        async with open_watch(client, "p/", "p0", 6):
            (asked,) = only.asked
        expected = {"create_request": {"key": "cC8=", "range_end": "cDA=", "start_revision": "6"}}
        assert (asked.body, asked.headers.get("grpc-metadata-hasleader")) == (expected, "true")


async def test_changes() -> None:
    """Each line has the changes of a revision, whichever way it is cut into pieces; one may have none."""
    async with watching(events(put("a", b"x"), gone("b"))) as (watch, lines):
        assert await watch.receive() == (
            Change(KeyValue("a", b"x", mod_revision=6), deleted=False),
            Change(KeyValue("b", mod_revision=6), deleted=True),
        )
        await lines.say({"result": {"header": {"revision": "7"}}})
        assert await watch.receive() == ()
        for data in (b'{"result": {"ev', b'ents": [{"kv": {"key": "YQ=="}}]}}\n{"result"', b": {}}\n"):
            await lines.send(data)
            await trio.testing.wait_all_tasks_blocked()
        assert await watch.receive() == (Change(KeyValue("a"), deleted=False),)
        assert await watch.receive() == ()


CANCELED = {"result": {"header": {"revision": "9"}, "canceled": True, "compact_revision": "8"}}
ERROR = {"error": {"grpc_code": 14, "http_code": 503, "message": "etcdserver: no leader"}}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (CANCELED, "has cancelled the watch: it was compacted"),
        ({"result": {"canceled": True, "cancel_reason": "mvcc: x"}}, "has cancelled the watch: mvcc: x"),
        (ERROR, "refuses watch: etcdserver: no leader"),
        ({"error": {"code": 14, "message": "etcdserver: no leader"}}, "refuses watch: etcdserver: no leader"),
        ({"error": {"message": "odd"}}, "gave no answer to watch: odd"),
        ({"result": {"events": [{}]}}, "what it says is not etcd's"),
        ({"result": {"events": [{"kv": {"key": "%"}}]}}, "what it says is not etcd's"),
        ({}, "what it says is not etcd's"),
        ([], "what it says is not etcd's"),
    ],
)
async def test_a_line_that_is_the_last(said: Any, why: str) -> None:
    """What says that it is over is an error at once, though the body does not end."""
    async with watching(said) as (watch, _):
        with pytest.raises(Unavailable) as ended:
            await watch.receive()
        assert why in ended.value.message


@pytest.mark.parametrize("data", [b"", b'{"result": {'])
async def test_a_body_that_ends(data: bytes) -> None:
    """An end is an error, with or without a line that was begun; so is a cut."""
    async with watching() as (watch, lines):
        await lines.send(data)
        lines.end()
        with pytest.raises(Unavailable, match="gave no answer to watch: it has ended the watch"):
            await watch.receive()
    async with watching() as (watch, lines):
        await lines.send(data)
        await lines.cut()
        with pytest.raises(Unavailable, match="gave no answer to watch: the connection"):
            await watch.receive()


async def test_a_line_without_end() -> None:
    """No line is taken that is longer than any of etcd's can be."""
    async with watching() as (watch, lines), trio.open_nursery() as nursery:

        async def flood() -> None:
            for _ in range(MAX_LINE // 65536 + 40):
                await lines.send(b" " * 65536)

        nursery.start_soon(flood)
        with pytest.raises(Unavailable, match=f"a line of more than {MAX_LINE} bytes"):
            await watch.receive()
        nursery.cancel_scope.cancel()


async def test_a_watch_is_given_up() -> None:
    """Whoever finds that it is not what it should be ends it, now or while it waits; the first reason counts."""
    async with watching() as (watch, _), trio.open_nursery() as nursery:
        await trio.testing.wait_all_tasks_blocked()

        async def give_up() -> None:
            await trio.testing.wait_all_tasks_blocked()
            watch.give_up(Unavailable("it is frozen"))
            watch.give_up(Unavailable("too late"))

        nursery.start_soon(give_up)
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"^it is frozen$"):
                await watch.receive()


# -- beginning -------------------------------------------------------------------------------------------------------


async def opening(client: EtcdClient) -> SwarmError:
    """Return the error with which a watch does not begin."""
    with pytest.raises(SwarmError) as refused:
        async with open_watch(client, "p/", "p0", 6):
            raise AssertionError("it has begun")
    return refused.value


async def test_an_endpoint_that_says_nothing(autojump_clock: MockClock) -> None:
    """Neither a head nor a first line in four seconds: it has not begun, and another endpoint is asked next time."""
    async with gateways(3) as (client, (first, second, third)):
        first.answers["watch"] = silent
        second.answers["watch"] = Lines().answer
        third.refuses = True
        errors = [(await opening(client)).message for _ in range(3)]
        assert errors == [
            "etcd at http://etcd-1:2379 gave no answer to watch: nothing for 4 s",
            "etcd at http://etcd-2:2379 gave no answer to watch: nothing for 4 s",
            "etcd cannot be reached at http://etcd-3:2379: connection refused",
        ]
        assert [len(each.asked) for each in (first, second, third)] == [1, 1, 0]


def canceled(reason: str) -> Answer:
    """Make the answer that begins and cancels a watch in one line, and does not end."""
    return Lines({"result": {"watch_id": "-1", "created": True, "canceled": True, "cancel_reason": reason}}).answer


async def test_a_token_that_is_not_taken() -> None:
    """Another is had for the next watch: etcd says so with 200 and a cancelled watch, or as an error."""
    for refusal in (
        canceled("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token"),
        always(lambda: wrong("etcdserver: invalid auth token", 16, 401)),
    ):
        async with gateways(credentials=USER) as (client, (only,)):
            only.answers["auth/authenticate"] = always(lambda: say({"token": "t.1"}))
            only.answers["watch"] = refusal
            assert isinstance(await opening(client), Denied)
            only.answers["watch"] = Lines(CREATED).answer
            async with open_watch(client, "p/", "p0", 6):
                assert only.paths == ["auth/authenticate", "watch"] * 2


async def test_a_range_that_we_may_not_watch() -> None:
    """It is denied, by either way of saying so; the endpoint is as good as any."""
    for refusal in (
        canceled("rpc error: code = PermissionDenied desc = etcdserver: permission denied"),
        always(lambda: wrong("etcdserver: permission denied", 7, 403)),
    ):
        async with gateways(2) as (client, each):
            for gateway in each:
                gateway.answers["watch"] = refusal
            errors = [await opening(client) for _ in range(2)]
            assert [type(error) for error in errors] == [Denied] * 2
            assert [len(gateway.asked) for gateway in each] == [2, 0]


async def test_a_watch_has_a_connection_of_its_own() -> None:
    """It is closed with the block."""
    async with gateways() as (client, (only,)):
        lines = Lines(CREATED)
        only.answers["watch"] = lines.answer
        async with open_watch(client, "p/", "p0", 6):
            await client.range("a")
            assert only.dialled == 2
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BrokenResourceError):
            await lines.say({})
