"""Endpoints of etcd that answer as a test says, over streams in memory, and note what they were asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field, frozen
from trio.testing import memory_stream_pair

from backends.etcd.client import EtcdClient
from backends.etcd.credentials import Credentials
from backends.etcd.messages import encode
from swarmkit.http import Headers, Request, Response, serve_connection
from swarmkit.streams import PipeSender, open_pipe, read_whole

Answer = Callable[[dict[str, Any]], Awaitable[Response]]
"""Answers the JSON of a request."""


@frozen
class Asked:
    """One request that was answered, or is not."""

    path: str
    body: dict[str, Any]
    headers: Headers


@define(eq=False)
class Gateway:
    """One endpoint, and its dialer. `answers` are by path, without `/v3/`; what has none is answered with `{}`.

    `garbage` is sent in place of HTTP, and then the connection ends.
    """

    nursery: trio.Nursery
    name: str = "etcd-1"
    answers: dict[str, Answer] = field(factory=dict)
    asked: list[Asked] = field(factory=list)
    dialled: int = 0
    refuses: bool = False
    unreachable: bool = False
    garbage: bytes | None = None

    @property
    def address(self) -> str:
        return f"tcp://{self.name}:2379"

    @property
    def ip(self) -> None:
        return None

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked]

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        self.dialled += 1
        await trio.lowlevel.checkpoint()
        if self.refuses:
            raise OSError("connection refused")
        if self.unreachable:
            await trio.sleep_forever()
        ours, theirs = memory_stream_pair()
        if self.garbage is None:
            self.nursery.start_soon(serve_connection, theirs, self._handle)
        else:
            self.nursery.start_soon(self._send_garbage, theirs)
        return ours

    async def _send_garbage(self, stream: trio.abc.Stream) -> None:
        assert self.garbage is not None
        await stream.receive_some(65536)
        self.asked.append(Asked("", {}, Headers()))
        await stream.send_all(self.garbage)
        await stream.aclose()

    async def _handle(self, request: Request) -> Response:
        body = json.loads(await read_whole(request.body))
        path = request.target.removeprefix("/v3/")
        self.asked.append(Asked(path, body, request.headers))
        return await self.answers[path](body) if path in self.answers else say({})


@asynccontextmanager
async def gateways(
    count: int = 1, credentials: Credentials | None = None
) -> AsyncIterator[tuple[EtcdClient, list[Gateway]]]:
    """Give a client, and the endpoints that it speaks to, for the length of a block."""
    async with trio.open_nursery() as nursery:
        found = [Gateway(nursery, f"etcd-{number}") for number in range(1, count + 1)]
        client = EtcdClient(found, credentials)
        yield client, found
        await client.aclose()
        nursery.cancel_scope.cancel()


def say(document: Any, status: int = 200) -> Response:
    """Make an answer of JSON."""
    return Response(status, body=json.dumps(document).encode())


def wrong(message: str, code: int, status: int = 400) -> Response:
    """Make an answer that is an error."""
    return say({"error": message, "message": message, "code": code}, status)


def always(response: Callable[[], Response]) -> Answer:
    """Answer each request so."""

    async def answer(body: dict[str, Any]) -> Response:
        return response()

    return answer


async def silent(body: dict[str, Any]) -> Response:
    """Never answer."""
    await trio.sleep_forever()
    raise AssertionError


def in_turn(*answers: Answer) -> Answer:
    """Answer the first request as the first says, and so on; the last goes on for ever."""
    left = list(answers)

    async def answer(body: dict[str, Any]) -> Response:
        return await (left.pop(0) if len(left) > 1 else left[0])(body)

    return answer


class Lines:
    """The answer to a watch, line by line as a test goes on."""

    def __init__(self, *said: Any) -> None:
        self._pipe: PipeSender | None = None
        self._said = said

    async def answer(self, body: dict[str, Any]) -> Response:
        """Begin to answer, with what is said at once."""
        self._pipe, receiver = open_pipe(1 << 20)
        for each in self._said:
            await self.say(each)
        return Response(200, body=receiver)

    async def say(self, document: Any) -> None:
        """Say one line."""
        await self.send(json.dumps(document).encode() + b"\n")

    async def send(self, data: bytes) -> None:
        """Send bytes of a line, or of several."""
        assert self._pipe is not None
        await self._pipe.send_all(data)

    def end(self) -> None:
        """End the body well."""
        assert self._pipe is not None
        self._pipe.send_eof()

    async def cut(self) -> None:
        """End it in the middle."""
        assert self._pipe is not None
        await self._pipe.aclose()


CREATED = {"result": {"header": {"revision": "5"}, "created": True}}
"""The first line of a watch."""


def row(key: str, value: bytes = b"", revision: int = 5) -> dict[str, Any]:
    """Make a key as it is said."""
    return {"key": encode(key), "value": encode(value), "mod_revision": str(revision)}


def found(*rows: dict[str, Any], revision: int = 5) -> dict[str, Any]:
    """Make the answer to a range."""
    return {"header": {"revision": str(revision)}, "kvs": list(rows), "count": str(len(rows))}


def events(*said: dict[str, Any]) -> dict[str, Any]:
    """Make a line of a watch."""
    return {"result": {"header": {"revision": "9"}, "events": list(said)}}


def put(key: str, value: bytes = b"", revision: int = 6) -> dict[str, Any]:
    """Make an event: a key was put."""
    return {"kv": row(key, value, revision)}


def gone(key: str, revision: int = 6) -> dict[str, Any]:
    """Make an event: a key was deleted."""
    return {"type": "DELETE", "kv": {"key": encode(key), "mod_revision": str(revision)}}


def count_of(paths: Iterable[str], path: str) -> int:
    """Count how often something was asked for."""
    return sum(each == path for each in paths)
