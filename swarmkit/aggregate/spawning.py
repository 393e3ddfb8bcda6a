"""Creating on one of many: the name is free everywhere, the policy orders the members, the first that can does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve

from ..errors import Internal, Invalid, NotFound, SwarmError, Unavailable, no_such_host
from ..message import Message
from ..placement import Policy
from .members import Member
from .names import Names
from .resolving import refresh
from .within import Within


@define(eq=False)
class Spawner:
    """Place new things: where the name says, on the host that `on` names, or where the policy says.

    A name that says no host is held while it is given, so that of many at once only one gets it.
    """

    members: dict[str, Member]
    policy: Policy
    names: Names

    async def spawn(self, message: Message) -> Message:
        """Create on the member that the name says (`host/name`), or `on`, else on one of the policy's."""
        name = str(message.get("name") or "").removeprefix("/")
        host, slash, bare = name.partition("/")
        if slash:
            return await self._spawn_named(message, host, bare)
        if not name:
            return await self._place(message)
        async with self.names.giving(name) as giving:
            return giving.warn(await self._place(message))

    async def _spawn_named(self, message: Message, host: str, name: str) -> Message:
        """Create on the member that the name says; `on` may say more exactly where beneath it, and nothing else."""
        member = self._member(host)
        place, message = _inward(message)
        if place not in (None, host):
            raise Invalid(f"{host}/{name} cannot be created on {place}: its name says {host}")
        return await self.spawn_on(member, evolve(message, args={**message.args, "name": name}))

    async def _place(self, message: Message) -> Message:
        spec: Mapping[str, Any] = message.get("spec") or {}
        members, message = self._eligible(message)
        await refresh(members)  # what was removed through us has given back its room
        failures: dict[str, SwarmError] = {}
        within = Within.of(message)
        while True:
            member = self._choose(spec, members, failures, within)
            try:
                return await self.spawn_on(member, message)
            except SwarmError as error:
                if not _not_done(error):
                    raise
                failures[member.name] = error

    def _choose(
        self, spec: Mapping[str, Any], members: list[Member], failures: Mapping[str, SwarmError], within: Within
    ) -> Member:
        """Return the member that the policy puts first among those that have not failed.

        It is asked anew each time, because others have been placed meanwhile.
        """
        left = [each for each in members if each.name not in failures and self.members.get(each.name) is each]
        if failures and not left:
            raise _nowhere(failures)
        try:
            order = self.policy(spec, [member.candidate(within) for member in left])
        except Unavailable as refusal:
            raise (_nowhere(failures, refusal) if failures else refusal) from None
        if not order:
            raise _nowhere(failures)
        return self.members[order[0].name]

    def _eligible(self, message: Message) -> tuple[list[Member], Message]:
        """Return the members that may be asked, and the message for them: only the host that `on` names, if it does."""
        host, message = _inward(message)
        return list(self.members.values()) if host is None else [self._member(host)], message

    def _member(self, host: str) -> Member:
        if host not in self.members:
            raise Invalid(no_such_host(host, self.members))
        return self.members[host]

    async def spawn_on(self, member: Member, message: Message) -> Message:
        """Create on one member."""
        member.check()
        with member.arrivals.expect(message) as pending:
            reply = await member(evolve(message, path=("containers",)))
        if reply.path:
            member.arrivals.arrived(reply.path, pending)
        return evolve(reply, path=member.outward(reply.path))


def _inward(message: Message) -> tuple[str | None, Message]:
    """Return the member that `on` names, and the message with what `on` says of the hosts beneath that member."""
    if message.get("on") is None:
        return None, message
    host, _, beneath = str(message["on"]).partition("/")
    args = {key: value for key, value in message.args.items() if key != "on"}
    return host, evolve(message, args=args | {"on": beneath} if beneath else args)


def _not_done(error: SwarmError) -> bool:
    """Tell whether a creation is known not to have been done, so that another host may be asked.

    An engine that answers 500 has undone what it began: its disk is full, say, and without this such a host, having the
    fewest containers, would be chosen again and again. A 502, of something on the way to it, says nothing.
    """
    return isinstance(error, NotFound | Unavailable) or _failed_there(error)


def _failed_there(error: SwarmError) -> bool:
    return isinstance(error, Internal) and error.details.get("status") == 500


def _nowhere(failures: Mapping[str, SwarmError], refusal: Unavailable | None = None) -> SwarmError:
    """Choose what to say: what is missing where it was asked for is missing; else every member's reason.

    Where all have failed with the same words, it is what was asked that is wrong, and they are passed on as they are.
    """
    missing = [error for error in failures.values() if isinstance(error, NotFound)]
    if missing:
        return missing[0]
    errors = list(failures.values())
    if errors and refusal is None and all(_failed_there(each) and each.message == errors[0].message for each in errors):
        return errors[0]
    reasons = [f"{name}: {error.reason}" for name, error in failures.items()]
    return Unavailable("; ".join([*reasons, *([refusal.message] if refusal else [])]) or "no host can take it")
