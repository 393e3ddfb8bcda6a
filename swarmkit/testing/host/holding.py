"""Checks of images, networks and volumes: as the engine lists them, after every write, and by a watch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import frozen

from ...channel import Receiver
from ...errors import Code, SwarmError
from ...host import Host
from ...message import Message, Path, Verb
from ...rows import Row
from ..check import check
from ..containers import CLEAN_UP, known_nodes, open_host, spawned, unique_name
from ..expect import await_message, equal, refused, subscribe
from ..subjects import HostSubject

COLLECTIONS = ("images", "networks", "volumes")
_LISTS = {"images": "/images/json", "networks": "/networks", "volumes": "/volumes"}


@frozen
class _Thing:
    """Something made for a check: how its engine makes and removes it, and what it is called."""

    collection: str
    name: str
    create: tuple[str, Mapping[str, Any] | None]
    remove: str

    @property
    def own(self) -> bool:
        """Whether it has a row of its own; an image's name is one more name of an image that stays."""
        return self.collection != "images"


def _things(subject: HostSubject) -> list[_Thing]:
    name = unique_name()
    return [
        _Thing("networks", name, ("/networks/create", {"Name": name}), f"/networks/{name}"),
        _Thing("volumes", name, ("/volumes/create", {"Name": name}), f"/volumes/{name}"),
        _Thing("images", f"{name}:1", (f"/images/{subject.image}/tag?repo={name}&tag=1", None), f"/images/{name}:1"),
    ]


@asynccontextmanager
async def _made(host: Host, node: Path, thing: _Thing) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Make it on a node; give the function that removes it. It is removed with the block in any case."""

    async def remove() -> None:
        await (await host.connect("DELETE", thing.remove, path=node)).json()

    target, body = thing.create
    await (await host.connect("POST", target, path=node, body=body)).json()
    try:
        yield remove
    finally:
        with trio.CancelScope(shield=True), trio.fail_after(CLEAN_UP):
            try:
                await remove()
            except SwarmError as error:
                if error.code is not Code.NOT_FOUND:
                    raise


async def _first_node(host: Host) -> Path:
    return (await known_nodes(host))[0].path  # type: ignore[no-any-return]


async def _named(host: Host, node: Path, thing: _Thing) -> list[Row]:
    """List what has the thing's name on the node, from the host as a whole."""
    rows = [row for row in await host.ls(thing.collection) if thing.name in row.names]
    return [row for row in rows if row.path[:-2] in ((), node)]


@check
async def collections_are_verbatim(subject: HostSubject) -> None:
    """LS of images, networks and volumes of a node has the documents of the engine's own lists, no more and no less."""
    async with open_host(subject) as host:
        node = await _first_node(host)
        async with _made(host, node, _things(subject)[1]):
            for collection in COLLECTIONS:
                reply = await host.service(Message(Verb.LS, (*node, collection)))
                told = await (await host.connect("GET", _LISTS[collection], path=node)).json()
                told = told["Volumes"] if collection == "volumes" else told
                listed = {row["id"]: row["document"] for row in reply["rows"]}
                theirs = {str(document.get("Id") or document["Name"]): document for document in told}
                equal(listed, theirs, f"the documents of {collection}, beside the engine's")


@check
async def writes_to_collections_are_seen(subject: HostSubject) -> None:
    """What was made is listed and found by its name right after it was made, and neither right after its removal."""
    async with open_host(subject) as host:
        node = await _first_node(host)
        for thing in _things(subject):
            await host.ls(thing.collection)
            async with _made(host, node, thing) as remove:
                ids = [row.id for row in await _named(host, node, thing)]
                found = await host.service(Message(Verb.ATTACH, (thing.collection, thing.name)))
                equal(ids, [found.get("id")], f"{thing.collection} called {thing.name} in LS, beside ATTACH's")
                await remove()
                equal(await _named(host, node, thing), [], f"{thing.collection} called {thing.name} after its removal")
                await refused(host.service, Message(Verb.ATTACH, (thing.collection, thing.name)), Code.NOT_FOUND)


@check
async def collections_are_found_by_every_reference(subject: HostSubject) -> None:
    """ATTACH finds each by its name; a network and an image by the id, too, with `sha256:` or without, or 12 digits."""
    async with open_host(subject) as host:
        node = await _first_node(host)
        network, volume, image = _things(subject)
        async with _made(host, node, network), _made(host, node, volume), _made(host, node, image):
            for thing in (network, volume, image):
                (row,) = await _named(host, node, thing)
                digits = row.id.removeprefix("sha256:")
                references = [thing.name, row.id] + ([] if thing is volume else [digits, digits[:12]])
                for reference in references:
                    found = await host.service(Message(Verb.ATTACH, (thing.collection, reference)))
                    equal(found.get("id"), row.id, f"the id of what {reference!r} of {thing.collection} leads to")


@check
async def containers_bring_and_take_volumes(subject: HostSubject) -> None:
    """A volume that a container's creation makes is listed right after it, and not after its removal with volumes."""
    async with open_host(subject) as host:
        before = {row.path for row in await host.ls("volumes")}
        async with spawned(host, subject, Volumes={"/data": {}}) as container:
            after = {row.path for row in await host.ls("volumes")}
            equal(len(after - before), 1, "how many volumes more LS has after a SPAWN that makes one")
            await (await container.connect("DELETE", "?v=1&force=1")).json()
            left = {row.path for row in await host.ls("volumes")}
            equal(left & (after - before), set(), "what LS still has of these after the container's removal")


@check
async def collections_are_said(subject: HostSubject) -> None:
    """A watch says each image, network and volume that LS lists, and then `synced` at the collection's path."""
    async with open_host(subject) as host:
        node = await _first_node(host)
        async with _made(host, node, _things(subject)[1]):
            for collection in COLLECTIONS:
                listed = {row.path: row.document for row in await host.ls(collection)}
                async with await subscribe(host.service) as channel:
                    said = _rows(await await_message(channel, _is("synced", (collection,)), f"synced of {collection}"))
                said = {path: document for path, document in said.items() if path[-2] == collection}
                equal(said, listed, f"the rows of {collection} that the watch says, beside LS's")


@check
async def changes_of_collections_are_told(subject: HostSubject) -> None:
    """What is made in a collection is `put`, what is removed is `gone`, with no request of ours."""
    async with open_host(subject) as host, await subscribe(host.service) as channel:
        node = await _first_node(host)
        await _await_synced(channel)
        for thing in _things(subject):
            async with _made(host, node, thing) as remove:

                def named(message: Message, thing: _Thing = thing) -> bool:
                    row = message.get("row") or {}
                    return thing.name in row.get("names", ()) and message.path[-2:-1] == (thing.collection,)

                path = (await await_message(channel, named, f"put of {thing.name}"))[-1].path
                await remove()
                if thing.own:
                    await await_message(channel, _is("gone", path), f"gone of {thing.name}")
                else:
                    await await_message(channel, _is("put", path), f"put without {thing.name}")


async def _await_synced(channel: Receiver) -> None:
    """Wait until each collection has been said."""
    waiting: set[Path] = {(collection,) for collection in COLLECTIONS}

    def is_last(message: Message) -> bool:
        if message.get("kind") == "synced":
            waiting.discard(message.path[-1:])
        return not waiting

    await await_message(channel, is_last, "synced of every collection")


def _is(kind: str, path: Path) -> Callable[[Message], bool]:
    return lambda message: bool(message.get("kind") == kind and message.path == path)


def _rows(messages: list[Message]) -> dict[Path, Any]:
    """Return the documents that have been said, by path."""
    rows: dict[Path, Any] = {}
    for message in messages:
        if message.get("kind") in ("have", "put"):
            rows[message.path] = message["row"]["document"]
        elif message.get("kind") == "gone":
            rows.pop(message.path, None)
    return rows


HOLDING = (
    collections_are_verbatim,
    writes_to_collections_are_seen,
    collections_are_found_by_every_reference,
    containers_bring_and_take_volumes,
    collections_are_said,
    changes_of_collections_are_told,
)
