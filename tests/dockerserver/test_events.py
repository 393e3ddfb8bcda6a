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

HOST_TIME = "2026-11-24T20:00:00.5Z"
"""What time it is for the hosts, which have a clock of their own."""


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
    return Scripted(answers={("*", "GET /events"): b"", ("*", "GET /info"): {"SystemTime": HOST_TIME}, **answers})


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


@pytest.mark.parametrize("query", ["since=3", "since=3&until=99999999999"])
async def test_history_ends_when_it_is_now_for_the_host(query: str) -> None:
    """Hosts are asked for what has been, or else they would not end; by their own clocks, or else there were a gap."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, _ = await subscribe(client, query)
        await connection.aclose()
        asked = [parse_qs(urlsplit(request).query) for request in hosts.requests() if "/events" in request]
        assert asked == [{"since": ["3.000000000"], "until": ["1795550400.500000000"]}] * 2


async def test_a_host_that_does_not_tell_its_time_is_named() -> None:
    """Without it nobody knows where its history ends."""
    hosts = remembering()
    hosts.answers["b", "GET /info"] = {}
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, "since=3")
        await connection.aclose()
        assert answer.head.headers.get("Swarmd-Missing") == "b: host b does not tell its time"


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
        ("since=x", 500, 'strconv.ParseInt: parsing "x": invalid syntax'),
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
    hosts = remembering()
    hosts.answers["*", "GET /events"] = hang
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


def state(kind: str, host: str) -> Message:
    """Return what a watch says of a host that stopped answering (`lost`), or answers again (`back`)."""
    return Message(Verb.WATCH, (), {"kind": kind, "member": host, "reason": "no route"})


async def told_next(answer: Reply, count: int) -> list[str]:
    """Read so many events of a stream that goes on."""
    got: list[str] = []
    while len(got) < count:
        got += [_short(json.loads(line)) for line in (await answer.body.receive_some()).splitlines()]
    return got


async def test_a_host_that_is_lost_and_comes_back_is_told() -> None:
    """Other hosts go on meanwhile, and who reads knows that there may be a gap."""
    hosts = remembering()
    async with serving(hosts) as client:
        connection, answer = await subscribe(client)
        for message in (state("lost", "a"), told("b", event(6)), state("back", "a")):
            hosts.watches[0].offer(message)
        assert await told_next(answer, 3) == ["a lost a", "b start web", "a back a"]
        await connection.aclose()


async def test_a_lost_host_is_an_event_that_filters_see() -> None:
    """It is of the daemon's type, and says why."""
    hosts = remembering()
    hosts.nodes = [node("a", ID="AA:BB"), node("b")]
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, f"filters={quote(json.dumps({'type': ['daemon']}))}")
        for message in (told("b", event(6)), state("lost", "a")):
            hosts.watches[0].offer(message)
        lost = json.loads(await answer.body.receive_some())
        await connection.aclose()
        assert (lost["Type"], lost["Action"], lost["scope"]) == ("daemon", "lost", "local")
        assert lost["Actor"] == {
            "ID": "AA:BB",
            "Attributes": {"name": "a", "reason": "no route", "swarmd.host": "a"},
        }
        assert abs(lost["timeNano"] / 1e9 - time.time()) < 60


async def test_a_host_that_is_down_is_named_from_the_start() -> None:
    """In the header, whether the past is asked for or not; that it is still down is no event."""
    hosts = remembering()
    hosts.nodes += [node("c", lost="gone")]
    async with serving(hosts) as client:
        connection, answer = await subscribe(client)
        for message in (state("lost", "c"), told("a", event(6)), state("back", "c")):
            hosts.watches[0].offer(message)
        assert answer.head.headers.get("Swarmd-Missing") == "c: gone"
        assert await told_next(answer, 2) == ["a start web", "c back c"]
        await connection.aclose()


async def test_a_host_that_was_down_tells_its_past_when_it_is_back() -> None:
    """Once, and before what it says now."""
    hosts = remembering(c=[event(5), event(7, "die")])
    hosts.nodes += [node("c", lost="gone")]
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, "since=1")
        hosts.nodes[-1] = node("c")
        for message in (told("c", event(7, "die")), told("c", event(9, "start")), state("back", "c")):
            hosts.watches[0].offer(message)
        assert await told_next(answer, 4) == ["c start web", "c die web", "c start web", "c back c"]
        await connection.aclose()


async def test_the_hosts_of_a_member_are_asked_when_it_is_back() -> None:
    """A member may be many hosts, none of which was known."""
    hosts = remembering(**{"dc/x": [event(5)]})
    hosts.nodes += [node("dc", lost="not reached yet")]
    async with serving(hosts) as client:
        connection, answer = await subscribe(client, "since=1")
        hosts.nodes[-1] = node("dc/x", member="dc")
        hosts.watches[0].offer(state("back", "dc"))
        assert await told_next(answer, 2) == ["dc/x start web", "dc back dc"]
        await connection.aclose()


async def test_each_host_s_order_is_kept_whatever_its_clock_says() -> None:
    """A clock that was set back does not turn a life round."""
    hosts = remembering(a=[event(9), event(5, "die")], b=[event(7, name="db")])
    async with serving(hosts) as client:
        assert await read(client, f"until={PAST}") == ["b start db", "a start web", "a die web"]


@pytest.mark.parametrize(
    ("version", "fields"),
    [("v1.41", {"status": "start", "id": "id-web", "from": "x"}), ("v1.52", {})],
)
async def test_fields_of_old_are_there_for_clients_of_old(version: str, fields: dict[str, str]) -> None:
    """Up to API 1.51, whatever the engine sends."""
    hosts = remembering(a=[event(5)], b=[{**event(6), "status": "start", "id": "id-web", "from": "x"}])
    async with serving(hosts, api="1.52") as client:
        answer = await client("GET", f"/{version}/events?until={PAST}")
        for line in answer.data.splitlines():
            got = json.loads(line)
            assert {key: got[key] for key in ("status", "id", "from") if key in got} == fields


@pytest.mark.parametrize(
    ("version", "accept", "kind", "start"),
    [
        ("v1.52", "application/json-seq, application/x-ndjson", "application/json-seq", b"\x1e{"),
        ("v1.52", "application/x-ndjson;q=1", "application/x-ndjson", b"{"),
        ("v1.52", "*/*", "application/json", b"{"),
        ("v1.51", "application/json-seq", "application/json", b"{"),
    ],
)
async def test_events_are_written_as_the_client_asks(version: str, accept: str, kind: str, start: bytes) -> None:
    """Since API 1.52; before that there is JSON only."""
    async with serving(remembering(a=[event(5)]), api="1.52") as client:
        answer = await client("GET", f"/{version}/events?until={PAST}", headers=[("Accept", accept)])
        assert answer.headers.get("Content-Type") == kind
        assert answer.data.startswith(start)


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
