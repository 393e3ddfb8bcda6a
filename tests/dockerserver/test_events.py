"""Events over several hosts: history and news in one stream, each once, filtered, and ended when due."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import trio
import trio.testing

from swarmkit import Message, Unavailable, Verb
from swarmkit.http import Connection, Reply
from swarmkit.streams import open_pipe, read_whole

from .scripted import Client, Scripted, node, reply, serving

PAST = "1.5"


def event(moment: int, action: str = "start", name: str = "web") -> dict[str, Any]:
    """Return a container's event."""
    actor = {"ID": f"id-{name}", "Attributes": {"name": name, "image": "x"}}
    return {"Type": "container", "Action": action, "Actor": actor, "time": moment // 10**9, "timeNano": moment}


def told(host: str, event: dict[str, Any]) -> Message:
    """Return what a watch says of an event."""
    return Message(Verb.WATCH, ("nodes", host), {"kind": "event", "event": event, "member": host})


def remembering(**events: list[dict[str, Any]]) -> Scripted:
    """Return hosts a and b with a history."""
    answers = {
        (host, "GET /events"): "\n".join(json.dumps(each) for each in those).encode() + b"\n"
        for host, those in events.items()
    }
    return Scripted(answers={("*", "GET /events"): b"", **answers})


async def read(client: Client, query: str) -> list[str]:
    """Read a stream that ends: `host action name` of each event."""
    answer = await client("GET", f"/events?{query}")
    return [_short(json.loads(line)) for line in answer.data.splitlines()]


def _short(event: dict[str, Any]) -> str:
    attributes = event["Actor"]["Attributes"]
    return f"{attributes['swarmd.host']} {event['Action']} {attributes['name']}"


async def subscribe(client: Client, query: str = "") -> tuple[Connection, Reply]:
    """Open a stream that goes on."""
    return await client.open("GET", f"/events?{query}")


@pytest.mark.parametrize("query", [f"since=1&until={PAST}", f"until={PAST}"])
async def test_history_is_told_in_order_with_hosts(query: str) -> None:
    """Until a time that has passed there is history only, as on an engine even without `since`."""
    hosts = remembering(a=[event(5), event(9, "die")], b=[event(7, name="db")])
    async with serving(hosts) as client:
        assert await read(client, query) == ["a start web", "b start db", "a die web"]
        (target,) = {request.partition(" GET ")[2] for request in hosts.requests()}
        assert parse_qs(urlsplit(target).query)["until"] == ["1.500000000"]


async def test_history_ends_now_where_no_end_is_asked_for() -> None:
    """Hosts are asked for what has been, or else they would not end."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, _ = await subscribe(client, "since=3")
        await connection.aclose()
        asked = parse_qs(urlsplit(hosts.requests()[0].partition(" GET ")[2]).query)
        assert asked["since"] == ["3.000000000"]
        assert abs(float(asked["until"][0]) - time.time()) < 60


async def test_without_a_past_no_host_is_asked() -> None:
    """News come from the watch alone."""
    hosts = remembering(a=[event(5)])
    async with serving(hosts) as client:
        connection, _ = await subscribe(client)
        assert hosts.requests() == []
        assert hosts.last(Verb.WATCH).args == {"documents": False}
        await connection.aclose()


async def test_what_history_and_news_both_tell_is_told_once() -> None:
    """The subscription is older than the question, so that some come twice; a host's own event is another's not."""
    hosts = remembering(a=[event(5)])
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, "since=1")
        for host in ("a", "b"):
            hosts.watches[0].offer(told(host, event(5)))
        hosts.watches[0].offer(told("a", event(6, "die")))
        got: list[str] = []
        while len(got) < 3:
            got += [_short(json.loads(line)) for line in (await answer.body.receive_some()).splitlines()]
        assert got == ["a start web", "b start web", "a die web"]
        await connection.aclose()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"node": ["b"]}, ["b start db"]),
        ({"event": ["die"]}, ["a die web"]),
        ({"container": ["web"]}, ["a start web", "a die web"]),
        ({"container": ["b/db"]}, ["b start db"]),
        ({"label": ["swarmd.host=a"], "event": ["start"]}, ["a start web"]),
        ({"type": ["image"]}, []),
    ],
)
async def test_filters_see_the_hosts(filters: dict[str, list[str]], expected: list[str]) -> None:
    """They are applied here, so that those which no engine knows work too."""
    hosts = remembering(a=[event(5), event(9, "die")], b=[event(7, name="db")])
    async with serving(hosts) as client:
        assert await read(client, f"until={PAST}&filters={quote(json.dumps(filters))}") == expected


async def test_the_stream_ends_when_it_is_due() -> None:
    """News until then are told, and the end is no cut."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, f"until={time.time() + 1.5:.3f}")
        hosts.watches[0].offer(told("a", event(6)))
        data = b""
        while some := await answer.body.receive_some():
            data += some
        assert _short(json.loads(data)) == "a start web"
        await connection.aclose()


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("since=5&until=3", 400, "`since` time (5) cannot be after `until` time (3)"),
        ("since=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("filters=x", 400, "invalid character 'x' looking for beginning of value"),
    ],
)
async def test_what_makes_no_sense_is_refused(query: str, status: int, message: str) -> None:
    """The words are the engine's, and nothing is watched."""
    hosts = remembering()
    async with serving(hosts) as client:
        answer = await client("GET", f"/events?{query}")
        assert (answer.status, answer.message) == (status, message)
        assert hosts.watches == []


async def test_a_client_that_goes_away_ends_the_watch() -> None:
    """Nobody is told what nobody reads."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, _ = await subscribe(client)
        await connection.aclose()
        await hosts.watches[0].wait_closed()


async def test_a_client_that_goes_away_during_history_ends_the_watch(autojump_clock: object) -> None:
    """The subscription was made first, and must not stay."""

    async def hang(message: Message) -> Message:
        asked.set()
        await trio.sleep_forever()
        raise AssertionError

    asked = trio.Event()
    hosts = Scripted(answers={("*", "GET /events"): hang})
    async with serving(hosts) as client:
        stream = client.dial()
        await stream.send_all(b"GET /events?since=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        await asked.wait()
        await stream.aclose()
        await hosts.watches[0].wait_closed()


async def test_a_reader_that_falls_behind_is_ended_with_an_error() -> None:
    """The stream breaks off, which a client notices; it does not go on with a gap."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, answer = await subscribe(client)
        for moment in range(5000):
            hosts.watches[0].offer(told("a", event(moment, name="x" * 500)))
        with pytest.raises(Unavailable):
            await read_whole(answer.body)
        await connection.aclose()


async def test_a_lost_host_does_not_end_the_stream() -> None:
    """Other hosts go on, and what is no event is not told."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, answer = await subscribe(client)
        hosts.watches[0].offer(Message(Verb.WATCH, (), {"kind": "lost", "member": "a", "reason": "x", "seen": True}))
        hosts.watches[0].offer(told("b", event(6)))
        assert _short(json.loads(await answer.body.receive_some())) == "b start web"
        await connection.aclose()


async def test_a_strange_event_ends_its_stream_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in one answer is logged; the client sees it break off, and the front lives on."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, answer = await subscribe(client)
        hosts.watches[0].offer(told("a", {"Actor": 5}))
        with pytest.raises(Unavailable):
            await read_whole(answer.body)
        await connection.aclose()
        assert (await client("GET", "/_ping")).data == b"OK"
    assert "a streamed answer failed" in caplog.text


async def test_a_history_that_is_no_json_is_that_host_s_fault() -> None:
    """The others' history is told, and the host is named."""
    hosts = remembering(a=[event(5)])
    hosts.answers["b", "GET /events"] = b"<html>\n"
    async with serving(hosts) as client:
        answer = await client("GET", f"/events?until={PAST}")
        assert _short(json.loads(answer.data)) == "a start web"
        assert answer.missing == "b: a host answered with what is not JSON: b'<html>'"


async def test_hosts_without_history_are_named(autojump_clock: object) -> None:
    """A host that is down, or that hangs, is in the header; the others' history is told."""

    async def hang(message: Message) -> Message:
        await trio.sleep_forever()
        raise AssertionError

    hosts = remembering(a=[event(5)])
    hosts.nodes += [node("c", lost="gone")]
    hosts.answers["b", "GET /events"] = hang
    async with serving(hosts) as client:
        answer = await client("GET", f"/events?until={PAST}")
        assert _short(json.loads(answer.data)) == "a start web"
        assert answer.missing == "b: no answer in 1.5 s; c: gone"


async def test_a_host_whose_clock_is_behind_tells_its_history(autojump_clock: object) -> None:
    """It waits for an end that it holds to be in the future; what it told until then counts, a broken line not."""
    sender, body = open_pipe()
    await sender.send_all(json.dumps(event(5)).encode() + b'\n{"Type": "cont')
    hosts = remembering()
    hosts.answers["a", "GET /events"] = reply(200, body)
    async with serving(hosts) as client:
        answer = await client("GET", f"/events?until={PAST}")
        assert _short(json.loads(answer.data)) == "a start web"
        assert answer.missing == ""
        await sender.wait_reader_gone()
