"""Following etcd: what is listed stays while there is no answer, and a watch that is not what it should be is left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from backends.etcd.client import EtcdClient
from backends.etcd.entries import Means
from backends.etcd.following import PROBE_INTERVAL, SETTLE_DEADLINE
from backends.etcd.service import EtcdSource, open_source
from swarmkit import Listing, Message, Verb
from swarmkit.errors import NotFound, Timeout, Unavailable
from swarmkit.http import Response
from swarmkit.testing.expect import subscribe

from .gateway import CREATED, Gateway, Lines, always, events, found, gateways, gone, put, row, say, silent, wrong

FROZEN_FOR = PROBE_INTERVAL + 4.0 + 1.0
"""Seconds in which a frozen endpoint has been left: a probe, the client's deadline, and some for the next listing."""


def entry(name: str) -> bytes:
    """Return a member's entry."""
    return json.dumps({"name": name, "address": "docker tcp://192.0.2.7:2376", "version": 1}).encode()


class Etcd:
    """What an endpoint has: members by name, listed and watched. `newest` is what is said to be the last change."""

    def __init__(self, gateway: Gateway, *names: str) -> None:
        self.gateway = gateway
        self.names = list(names)
        self.revision = 5
        self.watch = Lines(CREATED)
        gateway.answers = {"kv/range": self._range, "watch": self.begin}

    async def _range(self, body: dict[str, Any]) -> Response:
        rows = [row(f"p/members/{name}", entry(name), self.revision) for name in self.names]
        answer = found(*(rows[-1:] if "limit" in body else rows), revision=self.revision)
        return say({**answer, "count": str(len(rows))})

    async def begin(self, body: dict[str, Any]) -> Response:
        """Begin a watch, of which the lines are said later."""
        self.watch = Lines(CREATED)
        return await self.watch.answer(body)

    async def add(self, name: str) -> None:
        """Register a member, and say so."""
        self.names.append(name)
        self.revision += 1
        await self.watch.say(events(put(f"p/members/{name}", entry(name), self.revision)))

    async def remove(self, name: str) -> None:
        """Take a member away, and say so."""
        self.names.remove(name)
        self.revision += 1
        await self.watch.say(events(gone(f"p/members/{name}", self.revision)))

    def freeze(self) -> None:
        """Answer nothing any more."""
        for path in self.gateway.answers:
            self.gateway.answers[path] = silent


@asynccontextmanager
async def source(count: int = 1) -> AsyncIterator[tuple[EtcdClient, list[Etcd]]]:
    """Give a client, and endpoints that have a member "a"."""
    async with gateways(count) as (client, found):
        yield client, [Etcd(gateway, "a") for gateway in found]


@asynccontextmanager
async def following(count: int = 1) -> AsyncIterator[tuple[EtcdSource, list[Etcd]]]:
    """Give a source that has listed and watches, and the endpoints behind it."""
    async with source(count) as (client, endpoints), open_source("etcd", client, "p", Means()) as service:
        await trio.testing.wait_all_tasks_blocked()
        yield service, endpoints


async def names(service: EtcdSource) -> list[str]:
    """Return who is listed."""
    return [row.name for row in await listing(service)]


async def listing(service: EtcdSource) -> Listing:
    """List the members."""
    return Listing.of(await service(Message(Verb.LS)))


async def test_members_come_and_go(autojump_clock: MockClock) -> None:
    """They are listed at once, and watched from the revision after; nothing is listed again."""
    async with following() as (service, (etcd,)):
        assert await names(service) == ["a"]
        async with await subscribe(service) as channel:
            await etcd.add("b")
            await etcd.remove("a")
            said = [(each.get("kind"), *each.path) for each in [await channel.receive() for _ in range(4)]]
        assert said == [("have", "a"), ("synced",), ("put", "b"), ("gone", "a")]
        await trio.sleep(60)
        assert await names(service) == ["b"]
        watch = [asked.body for asked in etcd.gateway.asked if asked.path == "watch"]
        assert [body["create_request"]["start_revision"] for body in watch] == ["6"]
        assert sum(asked.path == "kv/range" and "limit" not in asked.body for asked in etcd.gateway.asked) == 1


@pytest.mark.parametrize("how", ["end", "cut", "canceled", "error", "rubbish"])
async def test_a_watch_that_ends(how: str, autojump_clock: MockClock) -> None:
    """All is listed again at once, however it ends, and nobody who has not changed is mentioned."""
    async with following() as (service, (etcd,)):
        async with await subscribe(service) as channel:
            etcd.names.append("b")
            etcd.revision += 1
            match how:
                case "end":
                    etcd.watch.end()
                case "cut":
                    await etcd.watch.cut()
                case "canceled":
                    await etcd.watch.say({"result": {"canceled": True, "compact_revision": "7"}})
                case "error":
                    await etcd.watch.say({"error": {"grpc_code": 14, "message": "etcdserver: no leader"}})
                case _:
                    await etcd.watch.send(b"?\n")
            await trio.sleep(0.5)
            said = [(each.get("kind"), *each.path) for each in iter(channel.receive_nowait, None)]
        assert said == [("have", "a"), ("synced",), ("put", "b")]
        assert (await listing(service)).missing == ()


async def test_a_frozen_endpoint_is_left(autojump_clock: MockClock) -> None:
    """A watch that is silent because nothing happens stays; where its endpoint gives no answer, another is watched."""
    async with following(2) as (service, (first, second)):
        await trio.sleep(100)
        assert second.gateway.asked == []
        first.freeze()
        second.names.append("b")
        await trio.sleep(FROZEN_FOR)
        assert await names(service) == ["a", "b"]
        await second.add("c")
        await trio.testing.wait_all_tasks_blocked()
        assert ((await listing(service)).missing, await names(service)) == ((), ["a", "b", "c"])


async def test_a_deaf_watch_is_left(autojump_clock: MockClock) -> None:
    """A watch that does not say what its endpoint has is ended, and all listed; a change on its way is no sign."""
    async with following() as (service, (etcd,)):
        await trio.sleep(PROBE_INTERVAL - 0.1)
        etcd.names.append("b")
        etcd.revision += 1
        await trio.sleep(0.2)  # the probe has seen it, the watch not yet
        await etcd.watch.say(events(put("p/members/b", entry("b"), etcd.revision)))
        await trio.sleep(60)
        assert etcd.gateway.paths.count("watch") == 1
        etcd.names.append("c")
        etcd.revision += 1
        await trio.sleep(3 * PROBE_INTERVAL)
        assert (await names(service), etcd.gateway.paths.count("watch")) == (["a", "b", "c"], 2)


# -- no etcd ---------------------------------------------------------------------------------------------------------


async def test_what_was_listed_stays(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """Without an answer it is said why, once, and what was listed stays; with one, what is there then counts."""
    async with following() as (service, (etcd,)):
        assert await names(service) == ["a"]
        etcd.gateway.refuses = True
        etcd.watch.end()
        await trio.sleep(600)
        reason = "etcd cannot be reached at http://etcd-1:2379: connection refused"
        gap = f"{reason}; what was listed before stays, and it is tried again"
        found = await listing(service)
        assert ([row.name for row in found], [(each.member, each.reason) for each in found.missing]) == (
            ["a"],
            [("etcd", gap)],
        )
        assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [f"etcd: {gap}"]
        asked = etcd.gateway.dialled
        assert 600 / 8 <= asked <= 600 / 4 + 10, "it is asked every four to eight seconds"
        etcd.gateway.refuses = False
        etcd.names = ["b"]
        await trio.sleep(8)
        found = await listing(service)
        assert ([row.name for row in found], found.missing) == (["b"], ())


async def test_a_failure_soon_after_another(autojump_clock: MockClock) -> None:
    """What was followed for longer than it would be left alone is listed again at once."""
    async with following() as (service, (etcd,)):
        etcd.gateway.refuses = True
        await etcd.watch.cut()
        await trio.sleep(1.8)
        etcd.gateway.refuses = False
        await trio.sleep(7)  # at the fourth try, after 2 to 4 s; the next one would be 4 s later at most
        etcd.names.append("b")
        await etcd.watch.cut()
        await trio.sleep(0.5)
        assert await names(service) == ["a", "b"]


async def test_no_etcd_at_the_beginning(autojump_clock: MockClock) -> None:
    """Opening waits for nobody; the first who asks waits a little, and is then told why."""
    async with source() as (client, (etcd,)):
        etcd.gateway.unreachable = True
        async with open_source("etcd", client, "p", Means()) as service:
            begun = trio.current_time()
            found = await listing(service)
            assert (trio.current_time() - begun, len(found)) == (SETTLE_DEADLINE, 0)
            await trio.sleep(1)
            (gap,) = (await listing(service)).missing
            assert gap.reason.startswith("etcd cannot be reached at http://etcd-1:2379: no connection in 2 s")
            etcd.gateway.unreachable = False
            await trio.sleep(10)
            assert await names(service) == ["a"]


async def test_silence_at_the_beginning(autojump_clock: MockClock) -> None:
    """Who asks is not told that there is nobody: it is said that there is no answer yet, and later on why."""
    async with source() as (client, (etcd,)):
        etcd.freeze()
        async with open_source("etcd", client, "p", Means()) as service:
            for reason in ("no answer in 2 s; it is tried again", "etcd at http://etcd-1:2379 gave"):
                (gap,) = (await listing(service)).missing
                assert gap.reason.startswith(reason)
                await trio.sleep(4)


async def test_a_refusal_is_a_state_too(autojump_clock: MockClock) -> None:
    """A user who may not read is told so; where that is mended, it is followed."""
    async with source() as (client, (etcd,)):
        answers = dict(etcd.gateway.answers)
        etcd.gateway.answers["kv/range"] = always(lambda: wrong("etcdserver: permission denied", 7, 403))
        async with open_source("etcd", client, "p", Means()) as service:
            (gap,) = (await listing(service)).missing
            assert gap.reason.startswith("etcd at http://etcd-1:2379 refuses kv/range: etcdserver: permission denied")
            etcd.gateway.answers = answers
            await trio.sleep(10)
            assert await names(service) == ["a"]


async def test_a_watch_that_never_begins(autojump_clock: MockClock) -> None:
    """What is listed is listed again and again, at a distance."""
    async with following() as (service, (etcd,)):
        etcd.gateway.answers["watch"] = always(lambda: wrong("etcdserver: permission denied", 7, 403))
        etcd.watch.end()
        await trio.sleep(100)
        etcd.names.append("b")
        await trio.sleep(8)
        assert await names(service) == ["a", "b"]
        assert etcd.gateway.paths.count("watch") < 40


# -- draining --------------------------------------------------------------------------------------------------------


async def test_draining_writes_a_key(autojump_clock: MockClock) -> None:
    """It is put unless it is there, so that `since` stays; who asks sees it at once, without the watch."""
    async with following() as (service, (etcd,)):
        etcd.gateway.answers["kv/txn"] = always(lambda: say({"header": {"revision": "6"}, "succeeded": True}))
        await service(Message(Verb.SET, ("a",), {"drained": True}))
        assert (await listing(service))[0].document["Availability"] == "drain"
        await service(Message(Verb.SET, ("a",), {"drained": False}))
        assert "Availability" not in (await listing(service))[0].document
        assert [asked.path for asked in etcd.gateway.asked][-2:] == ["kv/txn", "kv/deleterange"]


async def test_draining_that_fails(autojump_clock: MockClock) -> None:
    """Nothing changes here where it is not known to have changed there; who is not listed is not found."""
    async with following() as (service, (etcd,)):
        with pytest.raises(NotFound):
            await service(Message(Verb.SET, ("b",), {"drained": True}))
        etcd.gateway.answers["kv/txn"] = silent
        with pytest.raises(Timeout):
            await service(Message(Verb.SET, ("a",), {"drained": True}))
        etcd.gateway.refuses = True
        with pytest.raises(Unavailable):
            await service(Message(Verb.SET, ("a",), {"drained": True}))
        assert "Availability" not in (await listing(service))[0].document
