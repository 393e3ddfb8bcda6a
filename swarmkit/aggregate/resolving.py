"""What a reference means among many members: an id, a name, the beginning of an id, or any of these behind `host/`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import trio

from ..errors import Conflict, NotFound, SwarmError, Unavailable
from ..message import Message, Verb
from ..mirror import COLLECTIONS, CONTAINERS
from ..rows import Row
from .members import Member, ask, shown

RESOLVE_DEADLINE = 1.5
"""Seconds that a member may take to say what a reference means, where its mirror does not know."""

Found = tuple[Member, Row]


def candidates(members: Mapping[str, Member], reference: str) -> tuple[list[Member], str]:
    """Return the members in which to look, and what to look for there."""
    host, slash, rest = reference.removeprefix("/").partition("/")
    if slash and host in members:
        return [members[host]], rest
    return shown(members.values()), reference


def lookup(members: Iterable[Member], collection: str, reference: str) -> list[Found]:
    """Return what a reference means by what is known: an id goes before a name, and that before an id's beginning."""
    tiers: tuple[list[Found], ...] = ([], [], [])
    for member in members:
        if not member.mirror.holds(collection):
            continue
        for found, rows in zip(tiers, member.mirror.tiers(reference, collection), strict=True):
            found.extend((member, row) for row in rows)
    return next((found for found in tiers if found), [])


async def resolve(members: Mapping[str, Member], collection: str, reference: str) -> Found:
    """Find the one thing that a reference means.

    Raises `NotFound`, saying which hosts were never seen, or `Conflict` naming every host that has it.
    """
    among, wanted = candidates(members, reference)
    found = _by_lasting_id(among, wanted) if COLLECTIONS[collection].by_id else []
    if not found:
        silent = await refresh(among, collection)
        found = lookup(among, collection, wanted)
        found += await _ask_unheld(among, collection, wanted, certain=bool(found))
        if not found and silent:
            names = ", ".join(member.name for member in silent)
            raise Unavailable(f"cannot tell whether there is {reference}: no answer in time from {names}")
    if not found:
        raise not_found(among, collection, reference)
    if len(found) > 1:
        raise _ambiguous(reference, [member.row(row) for member, row in found])
    return found[0]


def _by_lasting_id(members: Iterable[Member], id: str) -> list[Found]:
    """Return what has this id, if it is one: a container's has one owner for ever, and nothing is to be read first."""
    known = [(member, member.mirror.known(id)) for member in members]
    return [(member, row) for member, row in known if row is not None]


async def _ask_unheld(members: Iterable[Member], collection: str, reference: str, *, certain: bool) -> list[Found]:
    """Ask the members whose mirrors do not hold a collection; raise what one fails with if nothing has been found."""
    found: list[Found] = []
    failures: list[SwarmError] = []

    async def ask_one(member: Member) -> None:
        try:
            reply = await ask(member, Message(Verb.ATTACH, (collection, reference)), RESOLVE_DEADLINE)
            found.append((member, Row.from_plain(reply.args)))
        except NotFound:
            return
        except SwarmError as error:
            failures.append(error)

    async with trio.open_nursery() as nursery:
        for member in members:
            if not member.mirror.holds(collection) and member.mirror.why_lost() is None:
                nursery.start_soon(ask_one, member)
    if failures and not (found or certain):
        raise failures[0]
    return found


async def holders(members: Mapping[str, Member], collection: str, reference: str) -> list[Found]:
    """Return where there is what several hosts may have alike, those that answer first.

    Raises `Conflict` where the reference begins several ids.
    """
    among = shown(members.values())
    await refresh(among, collection)
    found = lookup(among, collection, reference)
    kind = COLLECTIONS[collection]
    if len({row.id for _, row in found}) > 1 and not any(kind.name_in(reference) in row.names for _, row in found):
        raise _ambiguous(reference, [member.row(row) for member, row in found])
    return sorted(found, key=lambda each: each[0].mirror.why_lost(each[1].member) is not None)


def _ambiguous(reference: str, rows: Collection[Row]) -> Conflict:
    names = sorted(row.qualified for row in rows)
    if len({row.member for row in rows}) > 1:
        alike = "is on several hosts"
    else:
        alike = "begins several ids" if len(set(names)) == len(names) else "is the name of several"
        names = names if len(set(names)) == len(names) else sorted(row.id for row in rows)
    return Conflict(f"{reference} {alike}: say which one you mean: {', '.join(names)}")


async def refresh(members: Iterable[Member], collection: str = CONTAINERS) -> list[Member]:
    """Have every member read what was written through it; return those that did not answer in time."""
    unsettled = [member for member in members if not member.mirror.settled(collection)]
    silent: list[Member] = []

    async def refresh_one(member: Member) -> None:
        if not await member.mirror.refresh(collection):
            silent.append(member)

    if unsettled:
        async with trio.open_nursery() as nursery:
            for member in unsettled:
                nursery.start_soon(refresh_one, member)
    return silent


def not_found(members: Iterable[Member], collection: str, reference: str) -> NotFound:
    """Say that nothing is known by this name, and of which hosts nothing is known at all."""
    gaps = [(member.host(gap.member), gap.reason) for member in members for gap in member.mirror.missing(collection)]
    unseen = [f"{host} ({reason})" for host, reason in gaps]
    text = f"No such {COLLECTIONS[collection].noun}: {reference}"
    return NotFound(f"{text}; never seen so far: {', '.join(unseen)}" if unseen else text)


def owned(message: Message) -> tuple[str, str] | None:
    """Return collection and reference where a message is about one thing that has one owner."""
    match message.path:
        case (collection, reference, *_) if collection in COLLECTIONS and not COLLECTIONS[collection].shared:
            return collection, reference
    return None
