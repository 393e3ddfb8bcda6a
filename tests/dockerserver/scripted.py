"""Hosts that answer as a test says and note what they were asked, and a client that asks the front over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
import trio.testing
from attrs import define, field, frozen

from backends.dockerserver.front import Front
from backends.dockerserver.hosts import Hosts
from backends.dockerserver.image_arrivals import Pull
from swarmkit import Conflict, Message, NotFound, Row, Service, Unavailable, Verb, ack, close_ends
from swarmkit.channel import Sender, open_channel
from swarmkit.http import Connection, Headers, Reply, RequestHead, serve_connection
from swarmkit.rows import Listing, Missing
from swarmkit.streams import BytesStream, read_whole

Answer = Callable[[Message], Awaitable[Message]]


def id_of(name: str) -> str:
    """Return an id of 64 digits that the name makes recognizable."""
    return name.encode().hex().ljust(64, "0")


def container(host: str, name: str, *, lost: str | None = None, **document: Any) -> Row:
    """Make the row of a running container."""
    id = id_of(f"{host}{name}")
    document = {"Id": id, "Names": [f"/{name}"], "State": "running", "Status": "Up 1 second", "Created": 5} | document
    path = ("nodes", host, "containers", id) if host else ("containers", id)
    return Row(name=name, path=path, id=id, names=(name,), document=document, member=host, lost=lost)


def image(host: str, id: str, *names: str, lost: str | None = None, **document: Any) -> Row:
    """Make the row of an image with these tags."""
    document = {"Id": id, "RepoTags": list(names), "RepoDigests": [], "Created": 5, "Containers": -1} | document
    path = ("nodes", host, "images", id)
    return Row(name=id, path=path, id=id, names=names, document=document, member=host, lost=lost)


def network(host: str, name: str, *, lost: str | None = None, **document: Any) -> Row:
    """Make the row of a network."""
    id = id_of(f"{host}{name}")
    document = {"Id": id, "Name": name, "Scope": "local", "Driver": "bridge", "Labels": {}} | document
    return _thing(host, "networks", name, id, document, lost)


def volume(host: str, name: str, *, lost: str | None = None, **document: Any) -> Row:
    """Make the row of a volume."""
    document = {"Name": name, "Scope": "local", "Driver": "local", "Labels": None} | document
    return _thing(host, "volumes", name, name, document, lost)


def _thing(host: str, collection: str, name: str, id: str, document: Any, lost: str | None) -> Row:
    path = ("nodes", host, collection, id)
    return Row(name=name, path=path, id=id, names=(name,), document=document, member=host, lost=lost)


def node(name: str, *, lost: str | None = None, member: str | None = None, **document: Any) -> Row:
    """Make the row of a host."""
    document = {"Name": name, "State": "unhealthy" if lost else "healthy", "ApiVersion": "1.41", **document}
    host = name if member is None else member
    return Row(name=name, path=("nodes", name), document=document, member=host, lost=lost)


def reply(status: int, document: Any = None, *, headers: Mapping[str, str] | None = None, raw: bool = False) -> Message:
    """Make the reply to a CONNECT; the document is bytes, a stream, or JSON."""
    body = document if isinstance(document, trio.abc.ReceiveStream) else BytesStream(_bytes(document))
    return ack({"status": status, "headers": [list(item) for item in (headers or {}).items()], "raw": raw}, att=body)


def _bytes(document: Any) -> bytes:
    if document is None:
        return b""
    return document if isinstance(document, bytes) else json.dumps(document).encode()


@define(eq=False)
class Scripted:
    """A service of several hosts (of one, where there is one node whose member is empty).

    `answers` holds, for a host and `METHOD /target` without its query, what is answered: a document (200), a reply, an
    error that is raised, or a function of the message. `("*", …)` is every host. `chosen` is where a policy
    puts things.
    """

    nodes: list[Row] = field(factory=lambda: [node("a"), node("b")])
    containers: list[Row] = field(factory=list)
    images: list[Row] = field(factory=list)
    networks: list[Row] = field(factory=list)
    volumes: list[Row] = field(factory=list)
    answers: dict[tuple[str, str], Any] = field(factory=dict)
    missing: list[Missing] = field(factory=list)
    sized: Listing | None = None
    listed_all: Listing | None = None
    chosen: str = "b"
    asked: list[Message] = field(factory=list)
    bodies: list[bytes] = field(factory=list)
    watches: list[Sender] = field(factory=list)

    async def __call__(self, message: Message, /) -> Message:
        self.asked.append(message)
        match message.verb, message.path:
            case Verb.LS, ("nodes",):
                return ack(Listing(tuple(self.nodes)).to_args())
            case Verb.LS, ("containers",):
                listing = Listing(tuple(self.containers), tuple(self.missing))
                return ack((self.sized if message.get("size") and self.sized else listing).to_args())
            case Verb.LS, ("images",):
                known = Listing(tuple(self.images), tuple(self.missing))
                return ack((self.listed_all if message.args and self.listed_all else known).to_args())
            case Verb.LS, ("networks" | "volumes" as collection,):
                return ack(Listing(tuple(getattr(self, collection)), tuple(self.missing)).to_args())
            case Verb.ATTACH, ("containers" | "networks" | "volumes" as collection, reference):
                row = self._find(collection, reference)
                return ack(row.to_plain(), path=row.path)
            case Verb.GET, ("nodes",):
                return ack(path=("nodes", self.chosen))
            case Verb.SPAWN, ("containers",):
                return await self._answer(message, "spawn", "POST /containers/create")
            case Verb.SET, ("containers", _):
                return await self._answer(message, "set", "POST /rename")
            case Verb.WATCH, ():
                sender, receiver = open_channel(4)
                self.watches.append(sender)
                return ack(ret=receiver)
            case Verb.CONNECT, path:
                return await self._connect(message, path)
        raise AssertionError(f"not scripted: {message}")

    def _find(self, collection: str, reference: str) -> Row:
        rows: list[Row] = getattr(self, collection)
        found = [row for row in rows if reference in (row.id, row.name, row.qualified)]
        if len(found) > 1:
            raise Conflict(f"{reference} is on several hosts: {', '.join(row.qualified for row in found)}")
        if not found:
            raise NotFound(f"No such {collection.removesuffix('s')}: {reference}")
        return found[0]

    async def _connect(self, message: Message, path: tuple[str, ...]) -> Message:
        host, rest = (path[1], path[2:]) if path[:1] == ("nodes",) else ("", path)
        target = "".join(f"/{word}" for word in rest) + str(message["target"]).partition("?")[0]
        return await self._answer(message, host, f"{message['method']} {target}")

    async def _answer(self, message: Message, host: str, request: str) -> Message:
        answer = self.answers.get((host, request), self.answers.get(("*", request), NotFound(f"{host}: {request}?")))
        if callable(answer):
            return await answer(message)  # type: ignore[no-any-return]
        self.bodies.append(await _body(message))
        if isinstance(answer, Exception):
            raise answer
        made = answer if isinstance(answer, Message) else reply(200, answer)
        return Message(made.verb, made.path or message.path, made.args, made.ret, made.att)

    def requests(self) -> list[str]:
        """Return the CONNECTs so far: `host METHOD /target`, by host and path."""
        return [
            f"{'/'.join(message.path)} {message['method']} {message['target']}".strip()
            for message in self.asked
            if message.verb is Verb.CONNECT
        ]

    def last(self, verb: Verb) -> Message:
        """Return the last message of a verb."""
        return next(message for message in reversed(self.asked) if message.verb is verb)


async def _body(message: Message) -> bytes:
    if message.get("raw"):  # the input of a conversation that is refused
        await close_ends(message)
        return bytes(message["body"])
    try:
        return await read_whole(message.att) if message.att is not None else bytes(message.get("body") or b"")
    except Unavailable:
        return b"(cut)"


@frozen
class Answered:
    """What the client got."""

    status: int
    headers: Headers
    data: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.data)

    @property
    def message(self) -> str:
        """The text of an error."""
        return str(self.json["message"])

    @property
    def missing(self) -> str:
        """The header that names the hosts which are missing."""
        return self.headers.get("Swarmd-Missing")


@define(eq=False)
class Client:
    """Asks the front over connections in memory, a new one for each request."""

    front: Front
    nursery: trio.Nursery

    def dial(self) -> trio.abc.HalfCloseableStream:
        """Open a connection."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(partial(serve_connection, theirs, self.front))
        return ours

    async def open(
        self, method: str, target: str, body: bytes = b"", *, headers: Iterable[tuple[str, str]] = (), raw: bool = False
    ) -> tuple[Connection, Reply]:
        """Send a request and return the connection, which is the caller's to close, and the reply."""
        connection = Connection(self.dial())
        await connection.send(RequestHead(method, target, Headers(tuple(headers))), body)
        answer = await connection.receive(method, raw=raw)
        assert answer is not None
        return connection, answer

    async def __call__(
        self, method: str, target: str, body: Any = b"", *, headers: Iterable[tuple[str, str]] = ()
    ) -> Answered:
        """Send a request; a body that is no bytes goes as JSON."""
        if not isinstance(body, bytes):
            headers, body = (*headers, ("Content-Type", "application/json")), json.dumps(body).encode()
        connection, answer = await self.open(method, target, body, headers=headers)
        data = await read_whole(answer.body)
        await connection.aclose()
        return Answered(answer.head.status, answer.head.headers, data)


@asynccontextmanager
async def serving(service: Service, *, api: str | None = None, pull: Pull = Pull.EVERY) -> AsyncIterator[Client]:
    """Open a front over hosts and a client of it."""
    async with trio.open_nursery() as nursery:
        front = Front(await Hosts.of(service), nursery, software="7", api=api, pull=pull)
        yield Client(front, nursery)
        nursery.cancel_scope.cancel()
