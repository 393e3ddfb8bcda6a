"""The aggregate: one service over its members."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field

from ..channel import open_channel
from ..errors import Invalid, NotFound, SwarmError, Unavailable, Unimplemented, error_of
from ..instance import open_instance
from ..message import Message, Verb, ack
from ..mirror import open_mirror
from ..pipeline import Pipeline, parse_pipeline
from ..placement import Policy
from ..rows import Listing, Missing, Row
from ..service import Service, close_ends
from .following import Follower
from .instance import Instance, Opening
from .members import Member, ask, inward
from .resolving import owned_path, resolve
from .spawning import Spawner
from .watching import MergedWatch

log = logging.getLogger(__name__)

LIST_DEADLINE = 1.5
"""Seconds that a member may take for what is not mirrored; after that it is named as missing."""

WATCHED = 16384
"""Messages that a watcher of the whole may be behind, besides those that wait at each member."""


class Aggregate:
    """Many hosts as one service.

    A path below `nodes/HOST` goes to that host; one below `containers` to the owner of what it names; other
    collections are listed from all. CONNECT on the root is not implemented: what has no single owner is the caller's
    to spread.
    """

    def __init__(
        self,
        policy: Policy,
        nursery: trio.Nursery,
        name: str = "aggregate",
        *,
        check_name: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.name = name
        self._check_name = check_name
        self.members: dict[str, Member] = {}
        self._nursery = nursery
        self._spawner = Spawner(self.members, policy)
        self._watches: set[MergedWatch] = set()
        self._member_left = trio.Event()

    async def __call__(self, message: Message, /) -> Message:
        try:
            if message.verb is Verb.LS:
                await close_ends(message)
                return await self._ls(message)
            if message.verb is Verb.WATCH and not message.path:
                await close_ends(message)
                return self._watch(message)
            if message.path[:1] == ("nodes",) and len(message.path) > 1:
                return await self._to_node(message)
            if message.verb is Verb.SPAWN and message.path in ((), ("containers",)):
                return await self._spawner.spawn(message)
            if (reference := owned_path(message)) is not None:
                return await self._to_owner(message, reference)
            if len(message.path) == 2:
                return await self._to_any(message)
        except BaseException:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise
        await close_ends(message)
        if message.verb is Verb.GET and not message.path:
            return ack({"document": {"Name": self.name, "Members": [row.to_plain() for row in self._nodes()]}})
        where = "/".join(message.path) or "itself"
        raise Unimplemented(f"{self.name} does not implement {message.verb.name} on {where}: name a host below nodes")

    # -- listing --------------------------------------------------------------------------------------------------

    async def _ls(self, message: Message) -> Message:
        match message.path:
            case ():
                names = ("containers", "images", "networks", "volumes", "nodes")
                return ack(Listing(tuple(Row(name=name, path=(name,)) for name in names)).to_args())
            case ("nodes",):
                return ack(Listing(tuple(self._nodes())).to_args())
            case ("nodes", _, *_):
                member, inner = self._member(message)
                return ack((await self._list_one(member, evolve(message, path=inner))).to_args())
            case ("containers" | "images" | "networks" | "volumes",):
                return ack((await self._list_all(message)).to_args())
        raise NotFound(f"{self.name} has no collection {'/'.join(message.path)!r}")

    def _nodes(self) -> list[Row]:
        return [row for member in self.members.values() for row in member.nodes()]

    async def _list_all(self, message: Message) -> Listing:
        """Ask all members at once. What is mirrored comes without asking, and from a lost member as it last was."""
        listings = dict.fromkeys(self.members, Listing())  # in the members' order, whoever answers first

        async def list_one(member: Member) -> None:
            try:
                listings[member.name] = await self._list_one(member, message)
            except SwarmError as error:
                listings[member.name] = Listing(missing=(Missing(member.name, error.message),))

        async with trio.open_nursery() as nursery:
            for member in self.members.values():
                nursery.start_soon(list_one, member)
        rows = [row for listing in listings.values() for row in listing]
        return Listing(tuple(rows), tuple(gap for listing in listings.values() for gap in listing.missing))

    async def _list_one(self, member: Member, message: Message) -> Listing:
        """List what one member has, in the names of the whole."""
        if message.path == ("nodes",):
            return Listing(tuple(member.nodes()))
        if message.path != ("containers",) or message.get("size"):  # else it is mirrored
            member.check()
        listing = Listing.of(await ask(member, message, LIST_DEADLINE))
        missing = [Missing(member.host(gap.member), gap.reason) for gap in listing.missing]
        return Listing(tuple(member.row(row) for row in listing), tuple(missing))

    # -- one owner ------------------------------------------------------------------------------------------------

    def _member(self, message: Message) -> tuple[Member, tuple[str, ...]]:
        name, inner = inward(message.path)
        if name not in self.members:
            raise NotFound(f"there is no host called {name!r}; the hosts are {', '.join(sorted(self.members))}")
        return self.members[name], inner

    async def _to_node(self, message: Message) -> Message:
        member, inner = self._member(message)
        if not inner and message.verb in (Verb.GET, Verb.ATTACH):
            row = member.nodes()[0]
            await close_ends(message)
            return ack({**row.to_plain(), "document": row.document}, path=row.path)
        if message.verb is Verb.SPAWN and inner in ((), ("containers",)):
            return await self._spawner.spawn_on(member, message)
        return await self._forward(member, evolve(message, path=inner))

    async def _to_owner(self, message: Message, reference: str) -> Message:
        member, row = await resolve(self.members, reference)
        if message.verb is Verb.ATTACH and message.get("io") is None:
            await close_ends(message)
            row = evolve(member.row(row), lost=member.mirror.why_lost(row.member))
            return ack(row.to_plain(), path=row.path)
        return await self._forward(member, evolve(message, path=(*row.path, *message.path[2:])))

    async def _forward(self, member: Member, message: Message) -> Message:
        member.check()
        reply = await member(message)
        return evolve(reply, path=member.outward(reply.path or message.path))

    async def _to_any(self, message: Message) -> Message:
        """Read something that several members may hold alike (an image) from the first that has it."""
        reading = message.verb in (Verb.GET, Verb.ATTACH) or (
            message.verb is Verb.CONNECT and message.get("method", "GET") in ("GET", "HEAD")
        )
        if not reading:
            raise Invalid(f"{'/'.join(message.path)} may be on several hosts: name one below nodes")
        first: Message | SwarmError = Unavailable("no host answers")
        for member in list(self.members.values()):  # who may come and go meanwhile
            try:
                reply = await self._forward(member, message)
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

    # -- watching and membership ----------------------------------------------------------------------------------

    def _watch(self, message: Message) -> Message:
        sender, receiver = open_channel(WATCHED)
        watch = MergedWatch(sender, documents=bool(message.get("documents", True)), nursery=self._nursery)
        watch.begin(list(self.members.values()))
        self._watches.add(watch)
        self._nursery.start_soon(self._keep_watch, watch)
        return ack(ret=receiver)

    async def _keep_watch(self, watch: MergedWatch) -> None:
        try:
            await watch.keep(self.name)
        finally:
            self._watches.discard(watch)

    async def run_member(
        self, name: str, pipeline: Pipeline, *, task_status: trio.TaskStatus[Member] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open a member and keep it until cancelled; its name is then free again.

        What its opening fails with is raised, with its name; if it fails later it is down until it is opened again.
        """
        instance = Instance(name)
        async with open_mirror(instance, name) as mirror:
            member = Member(name, mirror)
            self._enter(member)
            try:
                opening = pipeline.named(name).open
                await instance.keep(opening, patient=False, started=lambda: task_status.started(member))
            except SwarmError as error:
                raise error_of(error.code, f"member {name}: {error.message}", **error.details) from error
            finally:
                self._leave(member)

    def _enter(self, member: Member) -> None:
        self.members[member.name] = member
        for watch in self._watches:
            watch.add(member)

    def _leave(self, member: Member) -> None:
        if self.members.get(member.name) is not member:
            return
        del self.members[member.name]
        self._member_left.set()
        self._member_left = trio.Event()
        for watch in self._watches:
            watch.drop(member)

    async def run_source(
        self, pipeline: Pipeline, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open a source and follow it until cancelled; what its opening fails with is raised."""
        source = Instance(pipeline.name)
        async with open_instance() as nursery:
            nursery.start_soon(self.follow_source, source, parse_pipeline)
            await source.keep(pipeline.open, patient=False, started=task_status.started)

    async def follow_source(self, source: Service, parse: Callable[[str], Pipeline]) -> None:
        """Open and end members as a source says, until cancelled; `parse` reads the stage that an entry names."""

        def begin(name: str, text: str) -> Callable[[], None]:
            self._check_name(name)
            listed = _Listed(name, lambda: parse(text).named(name).open())
            self._nursery.start_soon(self._run_listed, listed)

            def end() -> None:
                if listed.member is not None:
                    self._leave(listed.member)  # before it is closed, which may take its time
                listed.scope.cancel()

            return end

        await Follower(source, begin).run()

    async def _run_listed(self, listed: _Listed) -> None:
        with listed.scope:
            while listed.name in self.members:  # another of that name; it may be the one before, on its way out
                log.info("the host %s is listed; it waits for another of that name to leave", listed.name)
                await self._member_left.wait()
            instance = Instance(listed.name)
            async with open_mirror(instance, listed.name) as mirror:
                listed.member = Member(listed.name, mirror)
                self._enter(listed.member)
                try:
                    await instance.keep(listed.opening, patient=True)
                finally:
                    self._leave(listed.member)


@define(eq=False)
class _Listed:
    """A member that a source lists."""

    name: str
    opening: Opening
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    member: Member | None = None


def _any_name(name: str) -> None:
    if not name or "/" in name:
        raise Invalid(f"{name!r} cannot be the name of a host")


@asynccontextmanager
async def open_aggregate(
    members: Mapping[str, Pipeline],
    policy: Policy,
    sources: Sequence[Pipeline] = (),
    *,
    check_name: Callable[[str], None] = _any_name,
) -> AsyncIterator[Aggregate]:
    """Open an aggregate over members by name and over what sources list; no host is waited for.

    `check_name` raises `Invalid` for what a source lists that cannot be a host's name.
    """
    async with open_instance() as nursery:
        aggregate = Aggregate(policy, nursery, check_name=check_name)
        try:
            for name, pipeline in members.items():
                await nursery.start(aggregate.run_member, name, pipeline)
            for source in sources:
                await nursery.start(aggregate.run_source, source)
            yield aggregate
        finally:
            nursery.cancel_scope.cancel()
