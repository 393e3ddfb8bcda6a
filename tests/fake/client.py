"""A client of an engine over dialled streams: whole exchanges, streams, and raw conversations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import frozen

from swarmkit.frames import FrameDecoder
from swarmkit.http import Connection, Headers, Reply, RequestHead
from swarmkit.streams import BytesStream, read_whole

Dial = Callable[[], Awaitable[trio.abc.HalfCloseableStream]]

_UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "tcp"))


@frozen
class Answer:
    """A status, the header fields, and the whole body."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What an error says."""
        return str(self.json["message"])

    @property
    def lines(self) -> list[Any]:
        """The body as lines of JSON."""
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def output(self) -> dict[int, bytes]:
        """The body as frames: what each stream said."""
        return split_frames(self.body)


def split_frames(data: bytes) -> dict[int, bytes]:
    """Return what each stream said in framed output."""
    found: dict[int, bytes] = {}
    for record in FrameDecoder().feed(data):
        found[record.stream] = found.get(record.stream, b"") + record.data
    return found


class Client:
    """Requests to one engine, each on a connection of its own."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    async def ask(self, method: str, target: str, body: Any = None, *, kind: str = "") -> Answer:
        """Make a request, with JSON or with bytes; return the whole answer."""
        async with self.opened(method, target, body, kind=kind) as reply:
            data = await read_whole(reply.body, 1 << 30)
            return Answer(reply.head.status, reply.head.headers, data)

    async def get(self, target: str) -> Any:
        """Get a document that must be there."""
        answer = await self.ask("GET", target)
        assert answer.status == 200, answer
        return answer.json

    async def create(self, *command: str, name: str = "", **config: Any) -> str:
        """Create a container of busybox; return its id."""
        body = {"Image": "busybox", **({"Cmd": list(command)} if command else {}), **config}
        answer = await self.ask("POST", f"/containers/create{'?name=' + name if name else ''}", body)
        assert answer.status == 201, answer
        return str(answer.json["Id"])

    async def start(self, *command: str, name: str = "", **config: Any) -> str:
        """Create a container and start it; return its id."""
        container_id = await self.create(*command, name=name, **config)
        answer = await self.ask("POST", f"/containers/{container_id}/start")
        assert answer.status == 204, answer
        return container_id

    async def wait(self, container: str) -> int:
        """Wait until a container does not run; return its exit code."""
        answer = await self.ask("POST", f"/containers/{container}/wait")
        return int(answer.json["StatusCode"])

    async def run(self, *command: str, **config: Any) -> tuple[int, dict[int, bytes]]:
        """Run a container to its end; return its exit code and output."""
        container_id = await self.start(*command, **config)
        code = await self.wait(container_id)
        answer = await self.ask("GET", f"/containers/{container_id}/logs?stdout=1&stderr=1")
        await self.ask("DELETE", f"/containers/{container_id}?force=1")
        return code, answer.output

    async def execute(self, container: str, *command: str, **config: Any) -> tuple[int, dict[int, bytes]]:
        """Run a command in a container; return its exit code and output."""
        body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **config}
        exec_id = (await self.ask("POST", f"/containers/{container}/exec", body)).json["Id"]
        data = await self.talk(f"/exec/{exec_id}/start", b"", {"Detach": False})
        return (await self.get(f"/exec/{exec_id}/json"))["ExitCode"], split_frames(data)

    async def talk(self, target: str, data: bytes, body: Any = None) -> bytes:
        """Hold a raw conversation: write everything, half-close, and return all that is said."""
        async with self.conversation(target, body) as (connection, reply), trio.open_nursery() as nursery:
            nursery.start_soon(connection.converse, BytesStream(data))
            answer = await read_whole(reply.body, 1 << 30)
            nursery.cancel_scope.cancel()  # the process may have ended without reading everything
        return answer

    @asynccontextmanager
    async def opened(self, method: str, target: str, body: Any = None, *, kind: str = "") -> AsyncIterator[Reply]:
        """Give a reply whose body is still to be read."""
        kind = kind or ("application/json" if body is not None and not isinstance(body, bytes) else "")
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        headers = Headers((("Host", "docker"), *((("Content-Type", kind),) if kind else ())))
        connection = Connection(await self._dial())
        try:
            await connection.send(RequestHead(method, target, headers), data)
            reply = await connection.receive(method)
            assert reply is not None
            yield reply
        finally:
            await connection.aclose()

    @asynccontextmanager
    async def conversation(
        self, target: str, body: Any = None, *, upgrade: bool = True
    ) -> AsyncIterator[tuple[Connection, Reply]]:
        """Give a connection and the reply of a raw conversation."""
        data = json.dumps(body).encode() if body is not None else b""
        kind = (("Content-Type", "application/json"),) if body is not None else ()
        length = () if data else (("Content-Length", "0"),)
        headers = Headers((("Host", "docker"), *kind, *length, *(_UPGRADE if upgrade else ())))
        connection = Connection(await self._dial())
        try:
            await connection.send(RequestHead("POST", target, headers), data)
            reply = await connection.receive("POST", raw=True)
            assert reply is not None
            yield connection, reply
        finally:
            await connection.aclose()
