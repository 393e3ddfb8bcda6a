"""Who is a member, and for how long: members that were given, and those that sources list."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import trio
from attrs import define, field

from ..errors import Invalid, SwarmError, Unavailable, located
from ..instance import open_instance
from ..mirror import open_mirror
from ..pipeline import Pipeline
from ..rows import Missing
from ..service import Service
from .following import Entry, Followed, Follower
from .instance import Instance, Opening
from .members import Member

log = logging.getLogger(__name__)

Parse = Callable[[str], Pipeline]
"""Make a pipeline of the text by which a source names a member's stage; raise a `SwarmError` where that cannot be."""


class Interested(Protocol):
    """Who must know at once of members that come and go."""

    def enter(self, member: Member) -> None:
        """Take note of a new member."""

    def leave(self, member: Member) -> None:
        """Take note that one is a member no more."""


@define(eq=False)
class _Listed:
    """A member that a source lists; `leave` has it be a member no more."""

    name: str
    labels: Mapping[str, str]
    drained: bool
    opening: Opening
    leave: Callable[[Member], None]
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    member: Member | None = None

    def describe(self, labels: Mapping[str, str], *, drained: bool) -> None:
        self.labels, self.drained = labels, drained
        if self.member is not None:
            self.member.describe(labels, drained=drained)

    def end(self) -> None:
        if self.member is not None:
            self.leave(self.member)  # before it is closed, which may take its time
        self.scope.cancel()


@define(eq=False)
class _Refused:
    """What a source lists and cannot be a host; `forget` has it not be told of any more."""

    missing: Missing
    forget: Callable[[_Refused], None]

    def describe(self, labels: Mapping[str, str], *, drained: bool) -> None:
        """Labels do not change what it is called."""

    def end(self) -> None:
        self.forget(self)


class Membership:
    """Open members, keep them in `members` by name, and end them."""

    def __init__(
        self,
        members: dict[str, Member],
        nursery: trio.Nursery,
        interested: Interested,
        check_name: Callable[[str], None],
    ) -> None:
        self._members = members
        self._nursery = nursery
        self._interested = interested
        self._check_name = check_name
        self._left = trio.Event()
        self._refused: set[_Refused] = set()
        self._followers: list[Follower] = []
        self.sources: list[Instance] = []

    def missing(self) -> list[Missing]:
        """Return what sources list and cannot be a host, and what they say that they miss, with the reasons."""
        missed = [missing for follower in self._followers for missing in follower.missing]
        return sorted([*(each.missing for each in self._refused), *missed], key=lambda missing: missing.member)

    async def run_member(
        self, name: str, pipeline: Pipeline, *, task_status: trio.TaskStatus[Member] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open a member and keep it until cancelled; its name is then free again.

        What its opening fails with is raised, with its name; if it fails later it is down until it is opened again.
        """
        instance = Instance(name)
        async with open_mirror(instance, name) as mirror:
            member = Member(name, mirror, address=_address(pipeline))
            self._enter(member)
            try:
                opening = pipeline.named(name).open
                await instance.keep(opening, patient=False, started=lambda: task_status.started(member))
            except SwarmError as error:
                raise located(error, f"member {name}") from error
            finally:
                self._leave(member)

    def _enter(self, member: Member) -> None:
        self._members[member.name] = member
        self._interested.enter(member)

    def _leave(self, member: Member) -> None:
        if self._members.get(member.name) is not member:
            return
        del self._members[member.name]
        self._left.set()
        self._left = trio.Event()
        self._interested.leave(member)

    # -- sources --------------------------------------------------------------------------------------------------

    async def run_source(
        self, pipeline: Pipeline, parse: Parse, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open a source and follow it until cancelled; what its opening fails with is raised."""
        source = Instance(pipeline.name)
        self.sources.append(source)
        try:
            async with open_instance() as nursery:
                nursery.start_soon(self.follow_source, source, parse)
                await source.keep(pipeline.open, patient=False, started=task_status.started)
        finally:
            self.sources.remove(source)

    async def follow_source(self, source: Service, parse: Parse) -> None:
        """Open and end members as a source says, until cancelled."""

        def begin(name: str, entry: Entry) -> Followed:
            try:
                self._check_name(name)
            except Invalid as error:
                log.error("a source lists what cannot be a host: %s", error)
                refused = _Refused(Missing(name, error.message), self._refused.discard)
                self._refused.add(refused)
                return refused
            listed = _Listed(name, entry.labels, entry.drained, lambda: _open(listed, entry, parse), self._leave)
            self._nursery.start_soon(self._run_listed, listed)
            return listed

        follower = Follower(source, begin)
        self._followers.append(follower)
        try:
            await follower.run()
        finally:
            self._followers.remove(follower)

    async def _run_listed(self, listed: _Listed) -> None:
        with listed.scope:
            while listed.name in self._members:  # another of that name; it may be the one before, on its way out
                log.info("the host %s is listed; it waits for another of that name to leave", listed.name)
                await self._left.wait()
            instance = Instance(listed.name)
            async with open_mirror(instance, listed.name) as mirror:
                listed.member = Member(listed.name, mirror, listed.labels, drained=listed.drained)
                self._enter(listed.member)
                try:
                    await instance.keep(listed.opening, patient=True)
                finally:
                    self._leave(listed.member)


@asynccontextmanager
async def _open(listed: _Listed, entry: Entry, parse: Parse) -> AsyncIterator[Service]:
    if entry.lost is not None:
        raise Unavailable(entry.lost)
    pipeline = parse(entry.stage).named(listed.name)
    if listed.member is not None:
        listed.member.address = _address(pipeline)
    async with pipeline.open() as service:
        yield service


def _address(pipeline: Pipeline) -> str:
    return ", ".join(sorted(pipeline.reaches))


def any_name(name: str) -> None:
    """Raise `Invalid` for what cannot be told apart in `host/name`."""
    if not name or "/" in name:
        raise Invalid(f"{name!r} cannot be the name of a host")
