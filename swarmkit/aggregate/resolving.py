"""What a reference means among many members: an id, a name, the beginning of an id, or any of these behind `host/`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import trio

from ..errors import Conflict, NotFound, Unavailable
from ..message import Message
from ..rows import Row
from .members import Member

Found = tuple[Member, Row]


def candidates(members: Mapping[str, Member], reference: str) -> tuple[list[Member], str]:
    """Return the members in which to look, and what to look for there."""
    host, slash, rest = reference.removeprefix("/").partition("/")
    if slash and host in members:
        return [members[host]], rest
    return list(members.values()), reference


def lookup(members: Iterable[Member], reference: str) -> list[Found]:
    """Return what a reference means by what is known: an id goes before a name, and that before an id's beginning."""
    tiers: tuple[list[Found], ...] = ([], [], [])
    for member in members:
        for found, rows in zip(tiers, member.mirror.tiers(reference), strict=True):
            found.extend((member, row) for row in rows)
    return next((found for found in tiers if found), [])


async def resolve(members: Mapping[str, Member], reference: str) -> Found:
    """Find the one thing that a reference means.

    Raises `NotFound`, saying which hosts were never seen, or `Conflict` naming every host that has it.
    """
    among, wanted = candidates(members, reference)
    known = [(member, member.mirror.known(wanted)) for member in among]
    found = [(member, row) for member, row in known if row is not None]
    if not found:  # else it is an id, which has one owner for ever
        silent = await refresh(among)
        found = lookup(among, wanted)
        if not found and silent:
            names = ", ".join(member.name for member in silent)
            raise Unavailable(f"cannot tell whether there is {reference}: no answer in time from {names}")
    if not found:
        raise not_found(among, reference)
    if len(found) > 1:
        raise _ambiguous(reference, [member.row(row) for member, row in found])
    return found[0]


def _ambiguous(reference: str, rows: Collection[Row]) -> Conflict:
    names = sorted(row.qualified for row in rows)
    alike = "is on several hosts" if len({row.member for row in rows}) > 1 else "begins several ids"
    return Conflict(f"{reference} {alike}: say which one you mean: {', '.join(names)}")


async def refresh(members: Iterable[Member]) -> list[Member]:
    """Have every member read what was written through it; return those that did not answer in time."""
    unsettled = [member for member in members if not member.mirror.settled]
    silent: list[Member] = []

    async def refresh_one(member: Member) -> None:
        if not await member.mirror.refresh():
            silent.append(member)

    if unsettled:
        async with trio.open_nursery() as nursery:
            for member in unsettled:
                nursery.start_soon(refresh_one, member)
    return silent


def not_found(members: Iterable[Member], reference: str) -> NotFound:
    """Say that nothing is known by this name, and of which hosts nothing is known at all."""
    unseen = [f"{gap.member} ({gap.reason})" for member in members for gap in member.missing()]
    text = f"No such container: {reference}"
    return NotFound(f"{text}; never seen so far: {', '.join(unseen)}" if unseen else text)


def owned_path(message: Message) -> str | None:
    """Return the reference where a message is about one thing that has one owner."""
    return message.path[1] if len(message.path) >= 2 and message.path[0] == "containers" else None
