"""Renaming one of many: the new name is free everywhere, unless the host is named in front of it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from ..errors import Invalid
from ..message import Message, Verb
from ..mirror import CONTAINERS
from .members import Member, forward
from .names import Names
from .resolving import resolve


def is_renaming(message: Message) -> bool:
    """Tell whether a message gives a container another name."""
    return message.verb is Verb.SET and "Name" in message.args and message.path[:-1] == (CONTAINERS,)


async def rename(members: Mapping[str, Member], names: Names, message: Message) -> Message:
    """Rename on the host that has the container, as SET `Name` does; what else is set with it is set, too.

    `host/name` is compared on its host alone, which looks for itself, and whose error is the answer. Raises `Conflict`
    where another host has the name, and `Invalid` for the name of another host.
    """
    member, row = await resolve(members, CONTAINERS, message.path[1])
    host, wanted = member.host(row.member), str(message["Name"]).removeprefix("/")
    name = wanted.removeprefix(f"{host}/")
    if "/" in name:
        raise Invalid(f"{message.path[1]} is on host {host} and cannot be renamed to {wanted}")
    # A member of many hosts resolves it anew, and so holds the name where its own sources do.
    path = (CONTAINERS, f"{row.member}/{row.id}") if row.member else row.path
    inner = evolve(message, path=path, args={**message.args, "Name": name})
    if not name or name != wanted:
        return await forward(member, inner)
    async with names.giving(name, on=host) as giving:
        return giving.warn(await forward(member, inner))
