"""Checks of what a host lists: its collections, its containers, its nodes."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from ...errors import Code
from ...host import Answer, Container, Host
from ...message import Message, Verb
from ...rows import Row
from ..check import check
from ..containers import known_nodes, open_host, row_of, spawned, unique_name
from ..expect import equal, refused, true
from ..subjects import HostSubject

COLLECTIONS = {"containers", "images", "networks", "volumes", "nodes"}


@check
async def collections_are_listed(subject: HostSubject) -> None:
    """LS of the host itself names its five collections, each under a path that can be listed."""
    async with open_host(subject) as host:
        reply = await host.service(Message(Verb.LS))
        rows = [Row.from_plain(row) for row in reply["rows"]]
        missing = COLLECTIONS - {row.name for row in rows}
        true(not missing, f"LS of the host does not name {', '.join(sorted(missing))}")
        for row in rows:
            await host.service(Message(Verb.LS, row.path))


@check
async def unknown_collection_is_not_found(subject: HostSubject) -> None:
    """LS of a collection that is not there is not_found, never an empty listing."""
    async with open_host(subject) as host:
        await refused(host.service, Message(Verb.LS, (unique_name(),)), Code.NOT_FOUND)


@check
async def container_row_says_who_it_is(subject: HostSubject) -> None:
    """A container's row has its name, its names, its full id and its canonical path, which leads back to it."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        row = await _row(host, container)
        equal(row.name, container.name, "the row's name")
        true(container.name in row.names, f"the row's names must have {container.name}: {row.names}")
        equal(row.path, container.path, "the row's path")
        found = await host.service(Message(Verb.ATTACH, row.path))
        equal(found.get("id"), row.id, "the id of what the row's path leads to")


@check
async def container_rows_are_verbatim(subject: HostSubject) -> None:
    """A container's document in a listing is the engine's own summary of it, with every key, known to us or not."""
    async with open_host(subject) as host, spawned(host, subject, Labels={"check": "yes"}) as container:
        row = await _row(host, container)
        query = urlencode({"all": "1", "filters": json.dumps({"id": [container.id]})})
        answer: Answer = await host.connect("GET", f"/containers/json?{query}", path=container.path[:-2])
        equal([dict(row.document)], await answer.json(), "the row's document beside the engine's summary")


@check
async def listing_can_be_narrowed_to_ids(subject: HostSubject) -> None:
    """LS of containers with `ids` lists these only."""
    async with open_host(subject) as host, spawned(host, subject) as one, spawned(host, subject):
        rows = await host.ls(ids=[one.id])
        equal([row.id for row in rows], [one.id], "the ids listed when one was asked for")


@check
async def images_are_listed_and_found(subject: HostSubject) -> None:
    """An image is in the listing of images, and ATTACH and GET find it by its name."""
    async with open_host(subject) as host:
        names = [name for row in await host.ls("images") for name in row.names]
        true(subject.image in names, f"LS of images must have {subject.image}: {names}")
        found = await host.service(Message(Verb.ATTACH, ("images", subject.image)))
        document = await host.get("images", subject.image)
        equal(found.get("id"), document.get("Id"), f"the id of {subject.image} by ATTACH, beside GET's")


@check
async def networks_and_volumes_are_listed(subject: HostSubject) -> None:
    """LS of networks and of volumes gives rows with names and documents."""
    async with open_host(subject) as host:
        for collection in ("networks", "volumes"):
            for row in await host.ls(collection):
                equal(row.name, row.document.get("Name"), f"the name of a row of {collection}")


@check
async def nodes_are_the_leaves(subject: HostSubject) -> None:
    """LS of nodes lists the leaf hosts (a leaf lists itself): name, path `nodes/NAME`, a document with it as `Name`."""
    async with open_host(subject) as host:
        for row in await known_nodes(host):
            equal(row.path, ("nodes", row.name), "a node's path")
            equal(row.document.get("Name"), row.name, "a node's name in its document")


@check
async def a_node_is_a_host(subject: HostSubject) -> None:
    """Below `nodes/NAME` a leaf host answers like any host: it lists its containers and takes raw requests."""
    async with open_host(subject) as host:
        for row in await known_nodes(host):
            answer = await host.connect("GET", "/info", path=row.path)
            true("ID" in await answer.json(), f"/info of the node {row.name} has no ID")
            await host.service(Message(Verb.LS, (*row.path, "containers")))


async def _row(host: Host, container: Container) -> Row:
    row = await row_of(host, container)
    if row is None:
        raise AssertionError(f"LS does not show {container}")
    return row


LISTING = (
    collections_are_listed,
    unknown_collection_is_not_found,
    container_row_says_who_it_is,
    container_rows_are_verbatim,
    listing_can_be_narrowed_to_ids,
    images_are_listed_and_found,
    networks_and_volumes_are_listed,
    nodes_are_the_leaves,
    a_node_is_a_host,
)
