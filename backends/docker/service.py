"""The verbs on one engine, each as Engine API requests. Listing is in `listing`, what opens a stream in `streams`."""

from __future__ import annotations

import json

import trio

from swarmkit.channel import DEFAULT_BOUND, open_channel
from swarmkit.errors import NotFound, Unimplemented
from swarmkit.message import Message, Path, Verb, ack
from swarmkit.rows import Listing, Row
from swarmkit.service import VerbService, close_ends

from .client import EngineClient
from .creation import create_container
from .failures import understanding
from .listing import EngineListing
from .node import EngineNode
from .paths import COLLECTIONS, container_target
from .streams import carry_archive, converse, join_streams, open_log
from .watch import EngineWatch

LISTED = 65536
"""Messages that a watch of documents holds: it begins with one for each thing there is, and events come meanwhile."""


class EngineService(VerbService):
    """One engine as a service. Watches run in `nursery`."""

    takes_ends = frozenset({Verb.CONNECT, Verb.FILE, Verb.ATTACH})

    def __init__(self, node: EngineNode, nursery: trio.Nursery) -> None:
        self.name = node.name
        self.node = node
        self.client: EngineClient = node.client
        self.listing = EngineListing(node.client)
        self._nursery = nursery

    async def __call__(self, message: Message, /) -> Message:
        path = message.path
        if path[:2] == ("nodes", self.name) and (len(path) > 2 or message.verb in (Verb.CONNECT, Verb.SPAWN)):
            message = Message(message.verb, path[2:], message.args, message.ret, message.att)
        return await super().__call__(message)

    # -- what there is --------------------------------------------------------------------------------------------

    async def ls(self, message: Message) -> Message:
        match message.path:
            case ():
                rows = [Row(name=collection, path=(collection,)) for collection in COLLECTIONS]
                return ack(Listing(tuple(rows)).to_args())
            case ("nodes",):
                return ack(Listing((self.node.row(),)).to_args())
            case ("containers",):
                snapshot = await self.listing.containers(
                    ids=message.get("ids"), size=bool(message.get("size")), detail=bool(message.get("detail"))
                )
                return ack({**Listing(snapshot.rows).to_args(), "stamp": snapshot.stamp})
            case ("images" | "networks" | "volumes" as collection,):
                snapshot, ids = await self.listing.whole(collection, message.args), message.get("ids")
                listed = tuple(row for row in snapshot.rows if ids is None or row.id in ids)
                return ack({**Listing(listed).to_args(), "stamp": snapshot.stamp})
        raise NotFound(f"{self.name} has no collection {'/'.join(message.path)!r}; it has {', '.join(COLLECTIONS)}")

    async def attach(self, message: Message) -> Message:
        """Resolve what the path names; with `io`, join its standard streams."""
        if message.get("io") is not None:
            return await join_streams(self.client, container_target(message, self.name), message)
        row = await self._resolve(message.path)
        await close_ends(message)
        return ack(row.to_plain(), path=row.path)

    async def _resolve(self, path: Path) -> Row:
        match path:
            case ():
                return Row(name=self.name, path=())
            case ("nodes", self.name):
                return self.node.row()
            case ("containers" | "images" | "networks" | "volumes" as collection, reference):
                return await self.listing.find(collection, reference)
        raise self._nothing_at(path)

    async def get(self, message: Message) -> Message:
        match message.path:
            case ():
                return ack({"document": await self.client.get_json("/info")})
            case ("nodes", self.name):
                return ack({"document": dict(self.node.row().document)})
            case ("containers" | "images" | "networks" | "volumes" as collection, reference):
                return ack({"document": await self.listing.inspect(collection, reference)}, path=message.path)
        raise self._nothing_at(message.path)

    def _nothing_at(self, path: Path) -> NotFound:
        return NotFound(f"{self.name} has nothing at {'/'.join(path)!r}")

    # -- changes --------------------------------------------------------------------------------------------------

    async def set(self, message: Message) -> Message:
        """Rename a container (`Name`), and update its resources with whatever else is given."""
        container = container_target(message, self.name)
        changes = dict(message.args)
        name = changes.pop("Name", None)
        warnings: list[str] = []
        if changes:
            _, data = await self.client.call("POST", f"{container}/update", body=changes)
            with understanding(self.name, "an account of an update"):
                warnings = json.loads(data).get("Warnings") or []
        if name is not None:
            await self.client.call("POST", f"{container}/rename", {"name": name})
        return ack({"warnings": warnings})

    async def spawn(self, message: Message) -> Message:
        """Create a container (operation ContainerCreate)."""
        if message.path not in ((), ("containers",)):
            raise Unimplemented(f"{self.name} creates containers only, not {'/'.join(message.path)!r}")
        created = await create_container(self.client, message)
        id, warnings = str(created["Id"]), created.get("Warnings") or []
        return ack({"id": id, "warnings": warnings, "document": created}, path=("containers", id))

    async def start(self, message: Message) -> Message:
        await self.client.call("POST", f"{container_target(message, self.name)}/start")
        return ack()

    async def stop(self, message: Message) -> Message:
        """Stop a container; `timeout` is the grace in seconds, `signal` what is sent first."""
        query = {key: message.get(name) for key, name in (("t", "timeout"), ("signal", "signal"))}
        query = {key: value for key, value in query.items() if value is not None}
        await self.client.call("POST", f"{container_target(message, self.name)}/stop", query)
        return ack()

    # -- streams --------------------------------------------------------------------------------------------------

    async def log(self, message: Message) -> Message:
        return await open_log(self.client, container_target(message, self.name), message)

    async def file(self, message: Message) -> Message:
        return await carry_archive(self.client, container_target(message, self.name), message)

    async def connect(self, message: Message) -> Message:
        return await converse(self.client, message)

    async def watch(self, message: Message) -> Message:
        """Follow the engine; see `EngineWatch`. `documents=False` leaves the documents out."""
        if message.path:
            raise Unimplemented(f"{self.name} is watched as a whole, not {'/'.join(message.path)!r} of it")
        documents = bool(message.get("documents", True))
        sender, receiver = open_channel(LISTED if documents else DEFAULT_BOUND)
        watch = EngineWatch(self.node, self.listing, sender, documents=documents)
        self._nursery.start_soon(watch.run)
        return ack(ret=receiver)
