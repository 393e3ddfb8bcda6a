"""Which host the policy would choose, for what is not created by SPAWN: a build, which the caller then sends there."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from ..errors import Unavailable
from ..message import Message, Path
from ..placement import Policy
from .members import Member
from .resolving import refresh
from .within import Within


async def choose(members: Mapping[str, Member], policy: Policy, message: Message) -> Path:
    """Return the path of the leaf host on which the policy would put what `spec` describes.

    A member that is many hosts chooses among its own. Raises what the policy raises, where no host may have it, and
    `Unavailable` where there is none. Nothing is held for it: what is placed meanwhile does not count it.
    """
    for collection in ("containers", "images"):
        await refresh(members.values(), collection)
    within = Within.of(message)
    order = policy(message.get("spec") or {}, [member.candidate(within) for member in members.values()])
    if not order:
        raise Unavailable("no host can take it")
    member = members[order[0].name]
    if not member.nested:
        return ("nodes", member.name)
    reply = await member(evolve(message, path=("nodes",)))
    return member.outward(reply.path)
