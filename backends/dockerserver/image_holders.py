"""Which hosts have an image, as far as is known of those that answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from swarmkit.engine.references import familiar_name, find_image, image_id, with_tag
from swarmkit.errors import Conflict
from swarmkit.rows import Listing

from .hosts import Hosts, Node
from .image_list import by_host, find_images


@frozen
class Holding:
    """A host that answers, and the image that a reference means there."""

    node: Node
    image: Mapping[str, Any]


async def holdings(hosts: Hosts, reference: str) -> list[Holding]:
    """Return the hosts that have what a reference means.

    Where a name is on several images, the newest comes first: it is the one that a single engine would have under it.
    Raises `Conflict` as `check_one` does.
    """
    listing = await find_images(hosts)
    check_one(listing, reference)
    up = {node.name: node for node in await hosts.nodes() if node.lost is None}
    found = [
        Holding(up[host], image)
        for host, images in by_host(listing).items()
        if host in up and (image := _meant(reference, images)) is not None
    ]
    return sorted(found, key=lambda each: each.image.get("Created", 0), reverse=True)


async def repository_holders(hosts: Hosts, repository: str) -> list[Node]:
    """Return the hosts that answer and have tags of a repository, but for those whose tags another has, too."""
    up = {node.name: node for node in await hosts.nodes() if node.lost is None}
    tags: dict[str, set[str]] = {}
    for row in await find_images(hosts):
        own = {name for name in row.names if "@" not in name and familiar_name(name) == familiar_name(repository)}
        if own and row.member in up:
            tags.setdefault(row.member, set()).update(own)
    chosen: list[Node] = []
    told: set[str] = set()
    for host in sorted(tags, key=lambda host: len(tags[host]), reverse=True):
        if not tags[host] <= told:
            told |= tags[host]
            chosen.append(up[host])
    return chosen


def check_one(listing: Listing, reference: str) -> None:
    """Raise `Conflict` for the beginning of an id that is that of different images of different hosts."""
    prefix, name = image_id(reference), with_tag(reference)
    if not prefix or any(name in row.names for row in listing):
        return
    found = {row.id: row.member for row in listing if row.id.startswith(prefix)}
    if len(found) > 1:
        places = ", ".join(f"{id} on {host}" for id, host in sorted(found.items()))
        raise Conflict(f"{reference} begins the ids of several images: say which one you mean: {places}")


def _meant(reference: str, images: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    id = find_image(reference, images)
    return next((image for image in images if image["Id"] == id), None)
