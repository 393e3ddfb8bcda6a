"""What streams through the front: bodies of every size and kind, raw conversations, and clients that go away."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import AsyncGenerator

import pytest
import trio
import trio.testing

from backends.dockerserver.call import SMALL_BODY
from backends.dockerserver.execs import REMEMBERED, ExecOwners
from backends.dockerserver.hosts import Hosts
from swarmkit import Message, Verb
from swarmkit.http import Headers, RequestHead
from swarmkit.streams import CHUNK, HookedStream, open_pipe, read_whole

from .scripted import Client, Scripted, container, node, reply, serving

UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "tcp"))


def owning(request: str, answer: object) -> Scripted:
    """Return two hosts of which one has a container web that answers a request."""
    return Scripted(containers=[container("a", "web")], answers={("a", request): answer})


async def receive_head(stream: trio.abc.ReceiveStream) -> tuple[str, bytes]:
    """Read the head of a response; return it and what came behind."""
    data = b""
    while b"\r\n\r\n" not in data:
        some = await stream.receive_some()
        assert some, f"the connection ended after {data!r}"
        data += some
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode(), rest


# -- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY, SMALL_BODY + 1, 3 * SMALL_BODY])
async def test_an_upload_arrives_whole(size: int) -> None:
    """A small body is at hand before it is passed on, a larger one streams; its length is kept."""
    data = bytes(index % 253 for index in range(size))
    hosts = owning("PUT /containers/web/archive", reply(200))
    async with serving(hosts) as client:
        answer = await client("PUT", "/containers/web/archive?path=%2Ftmp", data)
        assert answer.status == 200
        assert hosts.bodies == [data]
        sent = hosts.last(Verb.CONNECT)
        assert sent["target"] == "/archive?path=%2Ftmp"
        assert (sent.att is not None, sent.get("length")) == ((True, size) if size > SMALL_BODY else (False, None))


async def test_an_upload_in_chunks_arrives_whole() -> None:
    """Its length is not known, and not told; it is asked for with 100-continue only when it is read."""
    hosts = owning("PUT /containers/web/archive", reply(200))
    headers = Headers((("Transfer-Encoding", "chunked"), ("Expect", "100-continue")))
    async with serving(hosts) as client:
        stream = client.dial()
        await stream.send_all(RequestHead("PUT", "/containers/web/archive?path=/", headers).to_bytes())
        assert await receive_head(stream) == ("HTTP/1.1 100 Continue", b"")
        for part in (b"one", b"two", b""):
            await stream.send_all(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        head, _ = await receive_head(stream)
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert hosts.bodies == [b"onetwo"]
        assert hosts.last(Verb.CONNECT).get("length") is None
        await stream.aclose()


async def test_an_upload_that_nobody_wants_is_not_asked_for() -> None:
    """With `Expect` a client learns of the refusal before it has sent anything."""
    headers = Headers((("Content-Length", str(1 << 40)), ("Expect", "100-continue")))
    async with serving(Scripted()) as client:
        stream = client.dial()
        await stream.send_all(RequestHead("PUT", "/containers/nosuch/archive?path=/", headers).to_bytes())
        head, _ = await receive_head(stream)
        assert head.startswith("HTTP/1.1 404 Not Found\r\n")
        await stream.aclose()


async def test_a_request_without_a_body_has_an_empty_one() -> None:
    """Nothing is waited for, and nothing is passed on."""
    hosts = owning("POST /containers/web/start", reply(204))
    async with serving(hosts) as client:
        stream = client.dial()
        await stream.send_all(b"POST /containers/web/start HTTP/1.1\r\nHost: x\r\n\r\n")
        head, rest = await receive_head(stream)
        assert (head.splitlines()[0], rest) == ("HTTP/1.1 204 No Content", b"")
        assert hosts.bodies == [b""]
        await stream.aclose()


async def test_a_connection_is_used_again() -> None:
    """Requests of one connection are answered one after another, errors among them."""
    hosts = owning("POST /containers/web/start", reply(204))
    async with serving(hosts) as client:
        stream = client.dial()
        for target in ("/containers/web/start", "/containers/nosuch/start", "/containers/web/start"):
            await stream.send_all(f"POST {target} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
            head, _ = await receive_head(stream)
            assert head.split()[1] == ("404" if "nosuch" in target else "204")
        await stream.aclose()


async def test_a_download_flows_and_is_not_held() -> None:
    """An export of any length goes through with a bound on memory, at the pace of its reader."""
    sender, body = open_pipe()
    hosts = owning("GET /containers/web/export", reply(200, body, headers={"Content-Type": "application/octet-stream"}))

    async def write() -> None:
        block = bytes(CHUNK)
        for _ in range(500):  # 32 MB
            await sender.send_all(block)
        sender.send_eof()

    async with serving(hosts) as client:
        client.nursery.start_soon(write)
        connection, answer = await client.open("GET", "/containers/web/export")
        tracemalloc.start()
        size = 0
        while data := await answer.body.receive_some():
            size += len(data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size == 500 * CHUNK
        assert peak < 3_000_000
        await connection.aclose()


async def test_the_answer_to_a_head_has_its_headers() -> None:
    """The stat of a path is in a header; there is no body although a length may be told."""
    stat = {"X-Docker-Container-Path-Stat": "eyJ9", "Content-Length": "5"}
    hosts = owning("HEAD /containers/web/archive", reply(200, headers=stat))
    async with serving(hosts) as client:
        answer = await client("HEAD", "/containers/web/archive?path=/etc")
        assert (answer.status, answer.data) == (200, b"")
        assert {name: answer.headers.get(name) for name in stat} == stat


# -- raw conversations ------------------------------------------------------------------------------------------------


class Told(trio.abc.ReceiveStream):
    """A stream of what a generator yields."""

    def __init__(self, parts: AsyncGenerator[bytes, None]) -> None:
        self._parts = parts

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await anext(self._parts, b"")

    async def aclose(self) -> None:
        await self._parts.aclose()


async def echo(message: Message) -> Message:
    """Converse: tell the input back, then say that it has ended."""
    assert message.att is not None
    source = message.att

    async def run() -> AsyncGenerator[bytes, None]:
        async with source:
            while data := await source.receive_some(CHUNK):
                yield bytes(data).upper()
        yield b"EOF"

    headers = {"Content-Type": "application/vnd.docker.raw-stream"}
    return reply(101 if message.get("upgrade") else 200, Told(run()), headers=headers, raw=True)


@pytest.mark.parametrize(("headers", "status"), [(UPGRADE, "101 Switching Protocols"), ((), "200 OK")])
async def test_a_conversation_has_two_ends_of_file(headers: tuple[tuple[str, str], ...], status: str) -> None:
    """With or without an upgrade, bytes that come early are its first, and a half-close is no hanging up."""
    hosts = owning("POST /containers/web/attach", echo)
    async with serving(hosts) as client:
        stream = client.dial()
        head = RequestHead("POST", "/containers/web/attach?stdin=1&stream=1", Headers(headers))
        await stream.send_all(head.to_bytes() + b"early ")
        await stream.send_all(b"late")
        await stream.send_eof()
        answered, data = await receive_head(stream)
        while some := await stream.receive_some():
            data += some
        assert answered.startswith(f"HTTP/1.1 {status}\r\n")
        assert data == b"EARLY LATEEOF"
        assert ("Upgrade: tcp" in answered) == bool(headers)
        sent = hosts.last(Verb.CONNECT)
        assert (sent["raw"], sent["upgrade"]) == (True, "tcp" if headers else "")
        await stream.aclose()


@pytest.mark.parametrize("coding", ["length", "chunked"])
async def test_the_body_of_an_exec_comes_before_its_conversation(coding: str) -> None:
    """The JSON is the body, and only what follows is input."""
    hosts = Scripted(answers={("a", "POST /exec/e1/start"): echo, ("a", "GET /exec/e1/json"): {}})
    body = json.dumps({"Detach": False}).encode()
    async with serving(hosts) as client:
        stream = client.dial()
        if coding == "length":
            head = RequestHead("POST", "/exec/e1/start", Headers((*UPGRADE, ("Content-Length", str(len(body))))))
            await stream.send_all(head.to_bytes() + body + b"input")
        else:
            head = RequestHead("POST", "/exec/e1/start", Headers((*UPGRADE, ("Transfer-Encoding", "chunked"))))
            await stream.send_all(head.to_bytes() + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\ninput")
        await stream.send_eof()
        _, data = await receive_head(stream)
        while some := await stream.receive_some():
            data += some
        assert data == b"INPUTEOF"
        assert hosts.last(Verb.CONNECT)["body"] == body
        await stream.aclose()


async def test_a_conversation_that_is_refused_is_an_answer() -> None:
    """A container that does not run is told as such, and the connection goes on."""
    refused = reply(409, {"message": "You cannot attach to a stopped container, start it first"})
    async with serving(owning("POST /containers/web/attach", refused)) as client:
        answer = await client("POST", "/containers/web/attach?stream=1", headers=UPGRADE)
        assert answer.status == 409


@pytest.mark.parametrize("protocol", ["tcp", "h2c"])
async def test_the_protocol_that_was_asked_for_is_agreed_to(protocol: str) -> None:
    """A build's session of one host is HTTP/2, and says so."""
    hosts = Scripted(nodes=[node("box", member="")], answers={("", "POST /session"): echo})
    async with serving(hosts) as client:
        stream = client.dial()
        headers = Headers((("Connection", "Upgrade"), ("Upgrade", protocol), ("X-Docker-Expose-Session-Uuid", "u")))
        await stream.send_all(RequestHead("POST", "/session", headers).to_bytes())
        await stream.send_eof()
        head, _ = await receive_head(stream)
        assert f"Upgrade: {protocol}" in head.splitlines()
        await stream.aclose()


async def test_attach_wait_and_start_are_three_conversations() -> None:
    """As a foreground run does them: none waits for another, and the wait's head comes before its end."""
    started = trio.Event()
    sender, body = open_pipe()

    async def attach(message: Message) -> Message:
        assert message.att is not None
        assert await message.att.receive_some() == b""  # the client half-closes at once

        async def run() -> AsyncGenerator[bytes, None]:
            await started.wait()
            yield b"hi\n"

        return reply(101, Told(run()), raw=True)

    async def start(message: Message) -> Message:
        started.set()
        await sender.send_all(b'{"StatusCode":0}\n')
        sender.send_eof()
        return reply(204)

    hosts = owning("POST /containers/web/attach", attach)
    hosts.answers["a", "POST /containers/web/wait"] = reply(200, body)
    hosts.answers["a", "POST /containers/web/start"] = start
    async with serving(hosts) as client:
        attached = client.dial()
        await attached.send_all(RequestHead("POST", "/containers/web/attach?stream=1", Headers(UPGRADE)).to_bytes())
        await attached.send_eof()
        head, output = await receive_head(attached)
        assert head.startswith("HTTP/1.1 101 ")
        connection, waiting = await client.open("POST", "/containers/web/wait?condition=removed")
        assert waiting.head.status == 200
        assert (await client("POST", "/containers/web/start")).status == 204
        while some := await attached.receive_some():
            output += some
        assert output == b"hi\n"
        assert json.loads(await read_whole(waiting.body)) == {"StatusCode": 0}
        await connection.aclose()
        await attached.aclose()


# -- clients that go away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_line", ["GET /containers/web/logs?follow=1", "POST /containers/web/wait"])
async def test_a_client_that_goes_away_ends_its_stream(request_line: str) -> None:
    """What is open for it at the host is closed."""
    closed = trio.Event()
    _, body = open_pipe()
    method, target = request_line.split()
    hosts = owning(f"{method} {target.partition('?')[0]}", reply(200, HookedStream(body, closed.set)))
    async with serving(hosts) as client:
        connection, _ = await client.open(method, target)
        await connection.aclose()
        await closed.wait()


async def test_a_client_that_goes_away_is_not_waited_for() -> None:
    """A request that has had no answer yet is cancelled."""
    asked, cancelled = trio.Event(), trio.Event()

    async def hang(message: Message) -> Message:
        asked.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(owning("POST /containers/web/stop", hang)) as client:
        stream = client.dial()
        await stream.send_all(b"POST /containers/web/stop HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        await asked.wait()
        await stream.aclose()
        await cancelled.wait()


async def test_clients_do_not_wait_for_each_other() -> None:
    """Many requests are under way at once."""
    arrived = 0
    all_here = trio.Event()

    async def gather(message: Message) -> Message:
        nonlocal arrived
        arrived += 1
        if arrived == 50:
            all_here.set()
        await all_here.wait()
        return reply(204)

    hosts = owning("POST /containers/web/start", gather)
    statuses: list[int] = []

    async def ask(client: Client) -> None:
        statuses.append((await client("POST", "/containers/web/start")).status)

    async with serving(hosts) as client, trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(ask, client)
    assert statuses == [204] * 50


def test_no_more_execs_are_remembered_than_there_is_room() -> None:
    """The oldest is forgotten, and asked for should it be named again."""
    execs = ExecOwners(Hosts(Scripted(), []))
    for number in range(REMEMBERED + 5):
        execs.remember(f"e{number}", ("nodes", "a", "containers", "x"))
    assert len(execs._owners) == REMEMBERED
    assert "e4" not in execs._owners
    assert execs._owners["e5"] == ("nodes", "a")
