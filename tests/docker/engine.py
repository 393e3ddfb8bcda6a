"""An engine over memory streams that answers what a test says, and notes every request and every connection."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import Any
from urllib.parse import parse_qs

import trio
from attrs import define, field

from backends.docker import EngineRequest
from backends.docker.service import EngineService
from backends.docker.stage import EngineStage
from swarmkit.http import Headers, Request, Response, serve_connection
from swarmkit.streams import PipeSender, open_pipe, read_whole

Handler = Callable[[Request], Awaitable[Response]]

PING = Headers((("Api-Version", "1.41"),))
JSON = Headers((("Content-Type", "application/json"),))


def answer(value: Any, status: int = 200) -> Response:
    """Make a response of a JSON document."""
    return Response(status, JSON, json.dumps(value).encode())


@define(eq=False)
class MemoryEngine:
    """An engine and the dialer that reaches it. `handlers` answer by method and path; what has none is a 404.

    `frozen` keeps it from answering, `refused` from being dialled; there is `room` for so many connections.
    `requests` are all but pings.
    """

    nursery: trio.Nursery
    address: str = "memory://engine"
    ip: str | None = None
    handlers: dict[tuple[str, str], Handler] = field(factory=dict)
    requests: list[tuple[str, str]] = field(factory=list)
    containers: dict[str, dict[str, Any]] = field(factory=dict)
    images: list[dict[str, Any]] = field(factory=list)
    networks: list[dict[str, Any]] = field(factory=list)
    volumes: list[dict[str, Any]] = field(factory=list)
    ping_headers: Headers = PING
    refused: bool = False
    room: float = inf
    frozen: bool = False
    dialled: int = 0
    pings: int = 0
    open: int = 0
    events: list[PipeSender] = field(factory=list)
    connections: set[trio.abc.HalfCloseableStream] = field(factory=set)
    _thawed: trio.Event = field(factory=trio.Event)

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        await trio.lowlevel.checkpoint()
        if self.refused:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        if self.open >= self.room:
            raise BlockingIOError("all are in use")
        self.dialled += 1
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self._serve, theirs)
        return ours

    async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.open += 1
        self.connections.add(stream)
        try:
            await serve_connection(stream, self._handle)
        finally:
            self.connections.discard(stream)
            self.open -= 1

    async def hang_up(self) -> None:
        """End every connection, as a restart does."""
        for stream in list(self.connections):
            await stream.aclose()

    def freeze(self) -> None:
        """Answer nothing more."""
        self.frozen = True

    def thaw(self) -> None:
        """Answer again."""
        self.frozen = False
        self._thawed.set()
        self._thawed = trio.Event()

    async def _handle(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        if path == "/_ping":
            self.pings += 1
        else:
            self.requests.append((request.method, request.target))
        while self.frozen:
            await self._thawed.wait()
        if path == "/_ping":
            return Response(200, self.ping_headers, b"OK")
        path = path if not path.startswith("/v1.") else "/" + path.split("/", 2)[2]
        handler = self.handlers.get((request.method, path))
        return await (handler(request) if handler else self._own(request, path))

    async def _own(self, request: Request, path: str) -> Response:
        match path.split("/")[1:]:
            case ["version"]:
                return answer({"MinAPIVersion": "1.12", "ApiVersion": "1.41"})
            case ["info"]:
                return answer({"ID": "E", "NCPU": 2, "Labels": ["disk=ssd"], "Name": "memory"})
            case ["events"]:
                sender, receiver = open_pipe()
                self.events.append(sender)
                return Response(200, JSON, receiver)
            case ["containers", "json"]:
                query = parse_qs(request.target.partition("?")[2])
                ids = json.loads(query.get("filters", ["{}"])[0]).get("id", self.containers)
                return answer([document for id, document in self.containers.items() if id in ids])
            case ["images", "json"]:
                return answer(self.images)
            case ["networks"]:
                return answer(self.networks)
            case ["volumes"]:
                return answer({"Volumes": self.volumes or None, "Warnings": None})
            case ["containers", id, "json"] if id in self.containers:
                return answer({"Id": id, "Created": "", "State": {}, "Config": {"Tty": False}})
        return answer({"message": f"no such thing: {path}"}, 404)

    def add(self, name: str, state: str = "created") -> str:
        """Have a container, and return its id."""
        id = name.encode().hex().ljust(64, "0")
        self.containers[id] = {"Id": id, "Names": [f"/{name}"], "State": state}
        return id

    async def emit(self, action: str, id: str, nanoseconds: int, kind: str = "container") -> None:
        """Send an event on every event stream that is open."""
        event = {"Type": kind, "Action": action, "Actor": {"ID": id}, "timeNano": nanoseconds}
        await self.say(json.dumps(event).encode() + b"\n")

    async def say(self, data: bytes) -> None:
        """Send bytes on every event stream that is open."""
        for sender in list(self.events):
            try:
                await sender.send_all(data)
            except trio.BrokenResourceError:
                self.events.remove(sender)

    def sent(self, method: str, path: str) -> list[str]:
        """Return the targets of the requests of one method whose path ends so."""
        return [target for verb, target in self.requests if verb == method and target.partition("?")[0].endswith(path)]


@asynccontextmanager
async def memory_engine(**options: Any) -> AsyncIterator[MemoryEngine]:
    """Run an engine in memory."""
    async with trio.open_nursery() as nursery:
        yield MemoryEngine(nursery, **options)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def opened(engine: MemoryEngine) -> AsyncIterator[EngineService]:
    """Open the part `docker` over an engine in memory, and wait until it knows how the engine is."""
    async with EngineStage(engine, "e").open(None) as service:
        assert isinstance(service, EngineService)
        await trio.testing.wait_all_tasks_blocked()
        engine.requests.clear()
        yield service


def post(path: str = "/x", **options: object) -> EngineRequest:
    """Make a request that may change something."""
    return EngineRequest(method="POST", target=path, **options)  # type: ignore[arg-type]


async def ok(request: Request) -> Response:
    """Take the body, and answer with it."""
    return Response(200, Headers(), await read_whole(request.body))


async def ask(service: EngineService, request: EngineRequest) -> bytes:
    """Exchange, and read the whole body."""
    return await read_whole((await service.client.exchange(request)).body)
