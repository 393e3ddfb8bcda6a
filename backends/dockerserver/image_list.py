"""The list of images over all hosts (operation ImageList): from the mirror, each image once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import trio

from swarmkit.engine.containers import NODE_FILTER
from swarmkit.engine.images import ImageQuery, in_version, select, ties
from swarmkit.engine.merges import merge_images
from swarmkit.engine.times import parse_time
from swarmkit.errors import SwarmError
from swarmkit.http import Response
from swarmkit.message import Message, Verb
from swarmkit.rows import Listing, Row

from .answers import json_answer, naming_missing
from .call import Call
from .hosts import ANSWER_DEADLINE, Hosts


async def list_images(hosts: Hosts, call: Call, version: str) -> Response:
    """List the images of all hosts, written as in a version of the API.

    No host is asked, but for `all`, `shared-size` and `manifests`, which are not in what is held, and for the exact age
    of images that `before` and `since` cannot tell apart by their seconds. Hosts that do not answer are named, their
    images listed as last known.
    """
    query = ImageQuery.parse(call.params, version)
    listing = _on(await find_images(hosts, query.options), query.filters.get(NODE_FILTER))
    images = merge_images([(host, rows) for host, rows in by_host(listing).items()])
    created = await _exact_times(hosts, ties(images, query)) if query.cuts else {}
    rows = select(images, query, now=time.time_ns(), created=created)
    return naming_missing(json_answer([in_version(row, version) for row in rows]), _not_fresh(listing))


async def find_images(hosts: Hosts, options: Mapping[str, bool] | None = None) -> Listing:
    """List every host's images; of one that does not tell what `options` ask for, as last known."""
    known = Listing.of(await hosts.service(Message(Verb.LS, ("images",))))
    if not options:
        return known
    asked = Listing.of(await hosts.service(Message(Verb.LS, ("images",), dict(options))))
    silent = {gap.member for gap in asked.missing}
    return Listing((*asked, *(row for row in known if row.member in silent)), asked.missing)


def by_host(listing: Iterable[Row]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the documents of each host's images."""
    held: dict[str, list[Mapping[str, Any]]] = {}
    for row in listing:
        held.setdefault(row.member, []).append(row.document)
    return held


def _on(listing: Listing, patterns: Sequence[str]) -> Listing:
    """Leave the hosts that one of the patterns means: all where there are none."""

    def meant(member: str) -> bool:
        return not patterns or any(fnmatchcase(member, pattern) for pattern in patterns)

    return Listing(
        tuple(row for row in listing if meant(row.member)), tuple(gap for gap in listing.missing if meant(gap.member))
    )


def _not_fresh(listing: Listing) -> list[tuple[str, str]]:
    """Return the hosts of which nothing is listed, or nothing new, and why."""
    missing = {gap.member: gap.reason for gap in listing.missing}
    lost = {row.member: f"{row.lost} (as last known)" for row in listing if row.lost is not None}
    return sorted((lost | missing).items())


async def _exact_times(hosts: Hosts, ids: Sequence[str]) -> dict[str, int]:
    """Return when these images were made, in nanoseconds; one that cannot be asked has its second."""
    times: dict[str, int] = {}

    async def ask(id: str) -> None:
        try:
            document = await hosts.document(("images", id), "GET", "/json")
        except SwarmError:
            return  # its second is known, and a list is not refused for the order of two images
        if document.get("Created"):
            times[id] = parse_time(document["Created"])

    with trio.move_on_after(ANSWER_DEADLINE):
        async with trio.open_nursery() as nursery:
            for id in ids:
                nursery.start_soon(ask, id)
    return times
