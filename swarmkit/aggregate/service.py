"""The aggregate: one service over its members."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import evolve

from ..errors import Invalid, NotFound, SwarmError, Unavailable, Unimplemented, no_hosts, no_such_host
from ..instance import open_instance
from ..message import Message, Verb, ack
from ..mirror import COLLECTIONS
from ..pipeline import Pipeline, parse_pipeline
from ..placement import Policy
from ..rows import Row
from ..service import close_ends
from .choosing import choose
from .identity import Identification, Identities
from .listing import Listed, list_all, list_nodes, list_one, list_root
from .members import Member, forward, inward
from .membership import Membership, Parse, any_name
from .names import Names
from .renaming import is_renaming, rename
from .resolving import Found, holders, owned, resolve
from .spawning import Spawner
from .watching import Watches


class Aggregate:
    """Many hosts as one service.

    A path below `nodes/HOST` goes to that host; one below `containers`, `networks` or `volumes` to the owner of what it
    names; one below `images` is read from any host that has it. GET on `nodes` with a `spec` says, by the path of its
    reply, on which host the policy would put that. SPAWN, and SET `Name` of a container, give a name once, among all
    hosts and all who share a source that holds names. CONNECT on the root is not implemented: what has no single owner
    is the caller's to spread.
    """

    def __init__(
        self,
        policy: Policy,
        nursery: trio.Nursery,
        name: str = "aggregate",
        *,
        check_name: Callable[[str], None] = any_name,
        identification: Identification | None = None,
    ) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self._watches = Watches(name, self.members, nursery)
        identities = Identities(self.members, self._watches, nursery, identification)
        self.membership = Membership(self.members, nursery, identities, check_name)
        self._policy = policy
        self._names = Names(self.members, self.membership.sources)
        self._spawner = Spawner(self.members, policy, self._names)

    async def __call__(self, message: Message, /) -> Message:
        try:
            if message.verb is Verb.LS:
                await close_ends(message)
                return ack(await self._ls(message))
            if message.verb is Verb.WATCH and not message.path:
                await close_ends(message)
                return ack(ret=self._watches.open(documents=bool(message.get("documents", True))))
            if message.path[:1] == ("nodes",) and len(message.path) > 1:
                return await self._to_node(message)
            if message.verb is Verb.SPAWN and message.path in ((), ("containers",)):
                self._check_hosts()
                return await self._spawner.spawn(message)
            if message.verb is Verb.GET and message.path == ("nodes",):
                await close_ends(message)
                self._check_hosts()
                return ack(path=await choose(self.members, self._policy, message))
            if is_renaming(message):
                return await rename(self.members, self._names, message)
            if (thing := owned(message)) is not None:
                return await self._to_owner(message, *thing)
            if len(message.path) == 2:
                return await self._to_any(message)
        except BaseException:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise
        await close_ends(message)
        if message.verb is Verb.GET and not message.path:
            return ack({"document": {"Name": self.name, "Members": list_nodes(self.members)["rows"]}})
        where = "/".join(message.path) or "itself"
        raise Unimplemented(f"{self.name} does not implement {message.verb.name} on {where}: name a host below nodes")

    def _check_hosts(self) -> None:
        if not self.members:
            raise no_hosts((gap.member, gap.reason) for gap in self.membership.missing())

    async def _ls(self, message: Message) -> Listed:
        match message.path:
            case ():
                return list_root()
            case ("nodes",):
                return list_nodes(self.members, self.membership.missing())
            case ("nodes", _, *_):
                member, inner = self._member(message)
                return await list_one(member, evolve(message, path=inner))
            case (collection,) if collection in COLLECTIONS:
                return await list_all(self.members, message)
        raise NotFound(f"{self.name} has no collection {'/'.join(message.path)!r}")

    # -- one owner ------------------------------------------------------------------------------------------------

    def _member(self, message: Message) -> tuple[Member, tuple[str, ...]]:
        name, inner = inward(message.path)
        if name not in self.members:
            raise NotFound(no_such_host(name, self.members))
        return self.members[name], inner

    async def _to_node(self, message: Message) -> Message:
        member, inner = self._member(message)
        if not inner and message.verb in (Verb.GET, Verb.ATTACH):
            row = member.nodes()[0]
            await close_ends(message)
            return ack({**row.to_plain(), "document": row.document}, path=row.path)
        if message.verb is Verb.SPAWN and inner in ((), ("containers",)):
            return await self._spawner.spawn_on(member, message)
        return await forward(member, evolve(message, path=inner))

    async def _to_owner(self, message: Message, collection: str, reference: str) -> Message:
        member, row = await resolve(self.members, collection, reference)
        if message.verb is Verb.ATTACH and message.get("io") is None:
            await close_ends(message)
            return _resolved(member, row)
        return await forward(member, evolve(message, path=(*row.path, *message.path[2:])))

    async def _to_any(self, message: Message) -> Message:
        """Read something that several members may hold alike (an image): from one that is known to, else from another.

        All are asked where it is not found, for a list has not all there is.
        """
        reading = message.verb in (Verb.GET, Verb.ATTACH) or (
            message.verb is Verb.CONNECT and message.get("method", "GET") in ("GET", "HEAD")
        )
        if not reading:
            raise Invalid(f"{'/'.join(message.path)} may be on several hosts: name one below nodes")
        collection, reference = message.path
        found = await holders(self.members, collection, reference) if collection in COLLECTIONS else []
        if found and message.verb is Verb.ATTACH and message.get("io") is None:
            await close_ends(message)
            return _resolved(*found[0])
        first: Message | SwarmError = Unavailable("no host answers")
        for member in _first_of(found, self.members):
            try:
                reply = await forward(member, message)
            except (NotFound, Unavailable) as error:
                first = error if isinstance(error, NotFound) or isinstance(first, Unavailable) else first
                continue
            if reply.get("status") != 404:
                if isinstance(first, Message):
                    await close_ends(first)
                return reply
            if isinstance(first, Message):
                await close_ends(reply)
            else:
                first = reply
        if isinstance(first, SwarmError):
            raise first
        return first


def _resolved(member: Member, row: Row) -> Message:
    """Answer ATTACH with what is known."""
    row = evolve(member.row(row), lost=member.mirror.why_lost(row.member))
    return ack(row.to_plain(), path=row.path)


def _first_of(found: Sequence[Found], members: Mapping[str, Member]) -> list[Member]:
    """Return the members, who may come and go, those first where something was found."""
    return list(dict.fromkeys([*(member for member, _ in found), *members.values()]))


@asynccontextmanager
async def open_aggregate(
    members: Mapping[str, Pipeline],
    policy: Policy,
    sources: Sequence[Pipeline] = (),
    *,
    check_name: Callable[[str], None] = any_name,
    parse: Parse = parse_pipeline,
    identification: Identification | None = None,
) -> AsyncIterator[Aggregate]:
    """Open an aggregate over members by name and over what sources list; no host is waited for.

    `check_name` raises `Invalid` for what a source lists that cannot be a host's name; `parse` reads the stages.
    `identification` tells whether members that carry one id are one host; without it all are what they seem.
    """
    async with open_instance() as nursery:
        aggregate = Aggregate(policy, nursery, check_name=check_name, identification=identification)
        try:
            for name, pipeline in members.items():
                await nursery.start(aggregate.membership.run_member, name, pipeline)
            for source in sources:
                await nursery.start(aggregate.membership.run_source, source, parse)
            yield aggregate
        finally:
            nursery.cancel_scope.cancel()
