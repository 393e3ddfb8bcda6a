"""Listing many members at once: what each has, in the names of the whole, and which have nothing to show.

Rows stay the plain values that a message carries: nothing is read of them here but whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import trio

from ..errors import SwarmError
from ..message import Message
from ..mirror import COLLECTIONS
from ..rows import Listing, Missing, Row
from .members import Member, ask, shown

LIST_DEADLINE = 1.5
"""Seconds that a member may take for what its mirror does not answer; after that it is named as missing."""

Listed = Mapping[str, Any]
"""What a reply to LS carries: `rows` and `missing`."""


def list_root() -> Listed:
    """List the collections themselves."""
    return Listing(tuple(Row(name=name, path=(name,)) for name in (*COLLECTIONS, "nodes"))).to_args()


def list_nodes(members: Mapping[str, Member], missing: Sequence[Missing] = ()) -> Listed:
    """List the hosts beneath all members; `missing` is what a source lists and that is none, or what it cannot see."""
    rows = tuple(row for member in members.values() for row in member.nodes())
    return Listing(rows, tuple(missing)).to_args()


async def list_all(members: Mapping[str, Member], message: Message) -> Listed:
    """Ask all members at once. What is mirrored comes without asking, and from a lost member as it last was."""
    # In the members' order, whoever answers first.
    listings: dict[str, Listed] = dict.fromkeys(members, Listing().to_args())

    async def list_into(member: Member) -> None:
        try:
            listings[member.name] = await list_one(member, message)
        except SwarmError as error:
            listings[member.name] = Listing(missing=(Missing(member.name, error.reason),)).to_args()

    async with trio.open_nursery() as nursery:
        for member in shown(members.values()):
            nursery.start_soon(list_into, member)
    return {part: [each for listed in listings.values() for each in listed[part]] for part in ("rows", "missing")}


async def list_one(member: Member, message: Message) -> Listed:
    """List what one member has; the path is one as the member knows it."""
    if message.path == ("nodes",):
        return list_nodes({member.name: member})
    if member.hidden is not None or not member.mirror.answers(message):
        member.check()
    reply = await ask(member, message, LIST_DEADLINE)
    return {
        "rows": [member.plain(row) for row in reply.get("rows", ())],
        "missing": [{**gap, "member": member.host(gap["member"])} for gap in reply.get("missing", ())],
    }
