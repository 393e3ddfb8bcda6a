"""Listing many members at once: what each has, in the names of the whole, and which have nothing to show."""

from __future__ import annotations

from collections.abc import Mapping

import trio

from ..errors import SwarmError
from ..message import Message
from ..rows import Listing, Missing, Row
from .members import Member, ask

LIST_DEADLINE = 1.5
"""Seconds that a member may take for what is not mirrored; after that it is named as missing."""

COLLECTIONS = ("containers", "images", "networks", "volumes")
"""What is listed of all members together, besides the nodes."""


def list_root() -> Listing:
    """List the collections themselves."""
    return Listing(tuple(Row(name=name, path=(name,)) for name in (*COLLECTIONS, "nodes")))


def list_nodes(members: Mapping[str, Member]) -> Listing:
    """List the hosts beneath all members."""
    return Listing(tuple(row for member in members.values() for row in member.nodes()))


async def list_all(members: Mapping[str, Member], message: Message) -> Listing:
    """Ask all members at once. What is mirrored comes without asking, and from a lost member as it last was."""
    listings = dict.fromkeys(members, Listing())  # in the members' order, whoever answers first

    async def list_into(member: Member) -> None:
        try:
            listings[member.name] = await list_one(member, message)
        except SwarmError as error:
            listings[member.name] = Listing(missing=(Missing(member.name, error.message),))

    async with trio.open_nursery() as nursery:
        for member in members.values():
            nursery.start_soon(list_into, member)
    rows = [row for listing in listings.values() for row in listing]
    return Listing(tuple(rows), tuple(gap for listing in listings.values() for gap in listing.missing))


async def list_one(member: Member, message: Message) -> Listing:
    """List what one member has; the path is one as the member knows it."""
    if message.path == ("nodes",):
        return Listing(tuple(member.nodes()))
    if message.path != ("containers",) or message.get("size"):  # else it is mirrored
        member.check()
    listing = Listing.of(await ask(member, message, LIST_DEADLINE))
    missing = [Missing(member.host(gap.member), gap.reason) for gap in listing.missing]
    return Listing(tuple(member.row(row) for row in listing), tuple(missing))
