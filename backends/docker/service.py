"""The verbs on one engine, each as Engine API requests. Documents pass verbatim."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import trio
from attrs import frozen

from swarmkit.channel import DEFAULT_BOUND, open_channel
from swarmkit.engine.names import names_of, primary_name
from swarmkit.errors import Internal, Invalid, NotFound, SwarmError, Unimplemented
from swarmkit.http import Headers, Reply
from swarmkit.message import Message, Path, Verb, ack
from swarmkit.rows import Listing, Row
from swarmkit.service import VerbService, close_ends

from .client import EngineClient, EngineRequest
from .facts import Facts
from .framing import FramingStream
from .health import Health

INSPECTED_AT_ONCE = 8
"""Containers that are inspected at the same time for their state."""

LISTED = 65536
"""Messages that a watch of documents holds: it begins with one for each container, and events come meanwhile."""

DETAIL = ("State", "Created")
"""What of a container's inspect goes with its row: exact times, for the texts and the order of a list."""

COLLECTIONS = ("containers", "images", "networks", "volumes", "nodes")
_REACHED_BY_CONNECT = frozenset({"containers", "images", "networks", "volumes", "exec"})

_HOP_BY_HOP = (
    *("Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding"),
    "Upgrade",
)
_OURS = (*_HOP_BY_HOP, "Host", "Content-Length", "Expect")


@frozen
class Snapshot:
    """A listing with the number of the fetch it came from: a greater one was begun later."""

    stamp: int
    rows: tuple[Row, ...]


class EngineService(VerbService):
    """One engine as a service."""

    takes_ends = frozenset({Verb.CONNECT, Verb.FILE, Verb.ATTACH})

    def __init__(self, name: str, client: EngineClient, health: Health, nursery: trio.Nursery) -> None:
        self.name = name
        self.client = client
        self.health = health
        self.facts = Facts()
        self._nursery = nursery
        self._stamp = 0

    async def __call__(self, message: Message, /) -> Message:
        path = message.path
        if path[:2] == ("nodes", self.name) and (len(path) > 2 or message.verb in (Verb.CONNECT, Verb.SPAWN)):
            message = Message(message.verb, path[2:], message.args, message.ret, message.att)
        try:
            return await super().__call__(message)
        except BaseException:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise

    # -- listing --------------------------------------------------------------------------------------------------

    async def ls(self, message: Message) -> Message:
        match message.path:
            case ():
                rows = [Row(name=collection, path=(collection,)) for collection in COLLECTIONS]
                return ack(Listing(tuple(rows)).to_args())
            case ("nodes",):
                return ack(Listing((self.node_row(),)).to_args())
            case ("containers",):
                snapshot = await self.containers(
                    ids=message.get("ids"), size=bool(message.get("size")), detail=bool(message.get("detail"))
                )
                return ack({**Listing(snapshot.rows).to_args(), "stamp": snapshot.stamp})
            case ("images" | "networks" | "volumes" as collection,):
                return ack(Listing(tuple(await self._rows(collection))).to_args())
        raise NotFound(f"{self.name} has no collection {'/'.join(message.path)!r}; it has {', '.join(COLLECTIONS)}")

    async def containers(
        self, *, ids: Sequence[str] | None = None, size: bool = False, detail: bool = False
    ) -> Snapshot:
        """List all containers, or those of the ids given; with `detail` each row has that of its inspect."""
        self._stamp += 1
        stamp = self._stamp
        query: dict[str, Any] = {"all": "1"}
        if size:
            query["size"] = "1"
        if ids is not None:
            query["filters"] = json.dumps({"id": list(ids)})
        documents = await self.client.get_json("/containers/json", query) if ids is None or ids else []
        details: dict[str, Mapping[str, Any] | None] = {}
        try:
            if detail:
                details = await self._details([document["Id"] for document in documents])
            rows = [_container_row(document, details.get(document["Id"])) for document in documents]
        except (KeyError, TypeError, AttributeError) as error:
            raise Internal(f"host {self.name} answered with what is no list of containers: {error!r}") from error
        return Snapshot(stamp, tuple(row for row in rows if not detail or row.detail is not None))

    async def _details(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
        """Inspect containers for what a list lacks; one that has gone meanwhile has None."""
        details: dict[str, Mapping[str, Any] | None] = {}
        limiter = trio.CapacityLimiter(INSPECTED_AT_ONCE)

        async def inspect(container: str) -> None:
            async with limiter:
                try:
                    inspected = await self.client.get_json(f"/containers/{container}/json")
                    details[container] = {key: inspected[key] for key in DETAIL}
                except NotFound:
                    details[container] = None
                except SwarmError as error:
                    failures.append(error)
                except (KeyError, TypeError) as error:
                    failures.append(Internal(f"host {self.name} described {container} without {error}"))

        failures: list[SwarmError] = []
        async with trio.open_nursery() as nursery:
            for container in ids:
                nursery.start_soon(inspect, container)
        if failures:
            raise failures[0]
        return details

    async def _rows(self, collection: str) -> list[Row]:
        found = await self.client.get_json(f"/{collection}" if collection != "images" else "/images/json")
        if collection == "volumes":
            found = found["Volumes"] or []
        return [_row(collection, document) for document in found]

    def refresh_facts(self) -> None:
        """Ask the engine anew what it is; whoever opened it decides when."""

    def node_row(self) -> Row:
        """Describe this engine as a node: what it is, where, and whether it answers."""
        document: dict[str, Any] = {
            "Name": self.name,
            "Address": self.client.dialer.address,
            "State": self.health.state.value,
            "Reason": self.health.reason,
            "StateSeconds": round(trio.current_time() - self.health.since, 3),
            **self.facts.node(),
        }
        if self.client.newest is not None:
            document["ApiVersion"] = "{}.{}".format(*self.client.newest)
        lost = None if self.health.healthy else self.health.reason
        return Row(name=self.name, path=("nodes", self.name), id=document.get("ID", ""), document=document, lost=lost)

    # -- one thing ------------------------------------------------------------------------------------------------

    async def attach(self, message: Message) -> Message:
        if message.get("io") is not None:
            return await self._attach_io(message)
        row = await self.resolve(message.path)
        await close_ends(message)
        return ack(row.to_plain(), path=row.path)

    async def resolve(self, path: Path) -> Row:
        """Find what a path names, by name, id or the beginning of an id; raise `NotFound` with the engine's text."""
        match path:
            case ():
                return Row(name=self.name, path=())
            case ("nodes", self.name):
                return self.node_row()
            case ("containers", reference):
                document = await self.client.get_json(f"/containers/{_quoted(reference)}/json")
                rows = (await self.containers(ids=[document["Id"]])).rows
                if not rows:
                    raise NotFound(f"No such container: {reference}", host=self.name)
                return rows[0]
            case ("images" | "networks" | "volumes" as collection, reference):
                return _row(collection, await self._inspect(collection, reference))
        raise NotFound(f"{self.name} has nothing at {'/'.join(path)!r}")

    async def _inspect(self, collection: str, reference: str) -> Any:
        path = f"/{collection}/{_quoted(reference)}"
        return await self.client.get_json(f"{path}/json" if collection in ("containers", "images") else path)

    async def get(self, message: Message) -> Message:
        match message.path:
            case ():
                return ack({"document": await self.client.get_json("/info")})
            case ("nodes", self.name):
                return ack({"document": dict(self.node_row().document)})
            case ("containers" | "images" | "networks" | "volumes" as collection, reference):
                return ack({"document": await self._inspect(collection, reference)}, path=message.path)
        raise NotFound(f"{self.name} has nothing at {'/'.join(message.path)!r}")

    async def set(self, message: Message) -> Message:
        """Rename a container (`Name`), and update its resources with whatever else is given."""
        reference = self._container(message)
        changes = dict(message.args)
        name = changes.pop("Name", None)
        warnings: list[str] = []
        if changes:
            _, data = await self.client.call("POST", f"/containers/{reference}/update", body=changes)
            warnings = json.loads(data).get("Warnings") or []
        if name is not None:
            await self.client.call("POST", f"/containers/{reference}/rename", {"name": name})
        return ack({"warnings": warnings})

    async def spawn(self, message: Message) -> Message:
        """Create a container (operation ContainerCreate)."""
        if message.path not in ((), ("containers",)):
            raise Unimplemented(f"{self.name} creates containers only, not {'/'.join(message.path)!r}")
        query = {key: message.get(key) for key in ("name", "platform") if message.get(key)}
        version = message.get("version")
        reply = await self.client.exchange(
            EngineRequest(
                method="POST",
                target=f"/containers/create?{urlencode(query)}" if query else "/containers/create",
                headers=Headers((("Content-Type", "application/json"),)),
                body=json.dumps(message.get("spec") or {}).encode(),
                version=str(version) if version else None,
            )
        )
        data = await self.client.whole(reply)
        try:
            created = json.loads(data)
            path = ("containers", str(created["Id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Internal(f"host {self.name} created a container and did not say which: {data[:80]!r}") from error
        return ack({"id": created["Id"], "warnings": created.get("Warnings") or [], "document": created}, path=path)

    async def start(self, message: Message) -> Message:
        await self.client.call("POST", f"/containers/{self._container(message)}/start")
        return ack()

    async def stop(self, message: Message) -> Message:
        """Stop a container; `timeout` is the grace in seconds, `signal` what is sent first."""
        query = {key: message.get(name) for key, name in (("t", "timeout"), ("signal", "signal"))}
        query = {key: value for key, value in query.items() if value is not None}
        await self.client.call("POST", f"/containers/{self._container(message)}/stop", query)
        return ack()

    def _container(self, message: Message) -> str:
        match message.path:
            case ("containers", reference):
                return _quoted(reference)
        where = "/".join(message.path) or self.name
        raise Unimplemented(f"{self.name}: {message.verb.name} is for containers, not for {where}")

    # -- streams --------------------------------------------------------------------------------------------------

    async def log(self, message: Message) -> Message:
        """Return a container's log, framed (operation ContainerLogs)."""
        reference = self._container(message)
        query = {key: "1" for key in ("follow", "timestamps") if message.get(key)}
        query |= {key: str(message.get(key)) for key in ("tail", "since", "until") if message.get(key) is not None}
        query |= {key: "1" for key in ("stdout", "stderr") if message.get(key, True)}
        tty = await self._is_tty(reference)
        reply = await self.client.exchange(
            EngineRequest(method="GET", target=f"/containers/{reference}/logs?{urlencode(query)}")
        )
        return await self._framed(reply, tty)

    async def _attach_io(self, message: Message) -> Message:
        """Join a container's standard streams (operation ContainerAttach); `att` is its standard input."""
        reference = self._container(message)
        wanted = message.get("io") or {}
        query = {key: "1" for key in ("stdin", "stdout", "stderr", "logs") if wanted.get(key)}
        query["stream"] = "1"
        tty = await self._is_tty(reference)
        reply = await self.client.exchange(
            EngineRequest(
                method="POST",
                target=f"/containers/{reference}/attach?{urlencode(query)}",
                upload=message.att,
                raw=True,
                upgrade="tcp",
            )
        )
        return await self._framed(reply, tty)

    async def _is_tty(self, reference: str) -> bool:
        return bool((await self.client.get_json(f"/containers/{reference}/json"))["Config"]["Tty"])

    async def _framed(self, reply: Reply, tty: bool) -> Message:
        if reply.head.status >= 400:
            await self.client.whole(reply)
        return ack(att=FramingStream(reply.body) if tty else reply.body)

    async def file(self, message: Message) -> Message:
        """Fetch an archive of `path`, or with `att` unpack one there (operations ContainerArchive and Put…)."""
        reference = self._container(message)
        target = f"/containers/{reference}/archive?{urlencode({'path': message.get('path', '/')})}"
        if message.att is None:
            reply = await self.client.exchange(EngineRequest(method="GET", target=target))
            if reply.head.status >= 400:
                await self.client.whole(reply)
            return ack({"stat": reply.head.headers.get("X-Docker-Container-Path-Stat")}, att=reply.body)
        headers = Headers((("Content-Type", "application/x-tar"),))
        request = EngineRequest(method="PUT", target=target, headers=headers, upload=message.att)
        await self.client.whole(await self.client.exchange(request))
        return ack()

    async def connect(self, message: Message) -> Message:
        """Hold one conversation with the engine: an Engine API request, relative to what the path names.

        Arguments: `method`, `target` (path and query behind the path's own), `headers` (pairs), `body` (bytes, where
        it is at hand), `length` (of `att`, where known), `raw` and `upgrade` (a raw conversation is wanted, and the
        protocol named), `version` (of the API, without "v"). The reply has `status`, `headers`, `raw`, and the body
        as `att`.
        """
        headers = Headers(tuple((str(key), str(value)) for key, value in message.get("headers") or ()))
        version = message.get("version")
        reply = await self.client.exchange(
            EngineRequest(
                method=str(message.get("method", "GET")),
                target=_base(message.path, self.name) + str(message.get("target", "")),
                headers=headers.without(*_OURS),
                body=message.get("body") or b"",
                upload=message.att,
                length=message.get("length"),
                raw=bool(message.get("raw")),
                upgrade=str(message.get("upgrade") or ""),
                version=str(version) if version else None,
            )
        )
        sent = [[key, value] for key, value in reply.head.headers.without(*_HOP_BY_HOP)]
        return ack({"status": reply.head.status, "headers": sent, "raw": reply.raw}, path=message.path, att=reply.body)

    async def watch(self, message: Message) -> Message:
        """Follow the engine; see `EngineWatch`. `documents=False` leaves the documents out."""
        from .watch import EngineWatch

        await close_ends(message)
        if message.path:
            raise Unimplemented(f"{self.name} is watched as a whole, not {'/'.join(message.path)!r} of it")
        documents = bool(message.get("documents", True))
        sender, receiver = open_channel(LISTED if documents else DEFAULT_BOUND)
        watch = EngineWatch(self, sender, documents=documents)
        self._nursery.start_soon(watch.run)
        return ack(ret=receiver)


def _container_row(document: Mapping[str, Any], detail: Mapping[str, Any] | None) -> Row:
    return Row(
        name=primary_name(document),
        path=("containers", document["Id"]),
        id=document["Id"],
        names=tuple(names_of(document)),
        document=document,
        detail=detail,
    )


def _row(collection: str, document: Mapping[str, Any]) -> Row:
    found = str(document.get("Id") or document["Name"])
    tags = document.get("RepoTags") or ()
    name = str(document.get("Name") or (tags[0] if tags else found))
    return Row(name=name, path=(collection, found), id=found, names=tuple(tags), document=document)


def _base(path: Path, where: str) -> str:
    match path:
        case ():
            return ""
        case (collection, reference) if collection in _REACHED_BY_CONNECT:
            return f"/{collection}/{_quoted(reference)}"
    raise Invalid(f"{where}: CONNECT is not for {'/'.join(path)!r}")


def _quoted(reference: str) -> str:
    return quote(reference.removeprefix("/"), safe="/:@+,=~!$&'()*;-._")
