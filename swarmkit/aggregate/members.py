"""Members: hosts under a name each, with the paths and rows of one seen as those of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import trio
from attrs import define, evolve, field

from ..errors import Unavailable, host_down
from ..message import Message, Path
from ..mirror import Mirror
from ..placement import DRAINED, Candidate, is_drained
from ..rows import Missing, Plain, Row
from .arrivals import Arrivals
from .within import WHOLE, Within, places


@define(eq=False)
class Member:
    """One host of many, mirrored. Call it to send it a message with a path as it knows it.

    Its `labels` are added to those that the hosts beneath have, and go before them. Where it is `drained`, so are they
    all. `address` is where it is reached, which is shown until it has said what it is. `hidden` is why nothing but its
    node is shown, where it is not a host of its own: it is down, then.
    """

    name: str
    mirror: Mirror
    labels: Mapping[str, str] = field(factory=dict)
    drained: bool = field(default=False, kw_only=True)
    address: str = field(default="", kw_only=True)
    hidden: str | None = field(default=None, init=False)
    arrivals: Arrivals = field(factory=Arrivals)

    async def __call__(self, message: Message, /) -> Message:
        if places(message) and self.nested:
            message = Within.of(message).beneath(self.name, self.labels).tell(message)
        return await self.mirror(message)

    def describe(self, labels: Mapping[str, str], *, drained: bool) -> None:
        """Give it other labels, take it out of placement or put it back, and have all who watch it told."""
        self.labels, self.drained = labels, drained
        for path, row in list(self.mirror.nodes.items()):
            self.mirror.put_node(path, row)

    def outward(self, path: Path) -> Path:
        """Turn a path of the member's into one of the whole: below `nodes`, where nested hosts are `member/host`."""
        if path[:1] == ("nodes",) and len(path) > 1:
            return ("nodes", f"{self.name}/{path[1]}", *path[2:])
        return ("nodes", self.name, *path)

    def host(self, member: str) -> str:
        """Return what a host is called in the whole that the member calls so (`""` is the member itself)."""
        return f"{self.name}/{member}" if member else self.name

    def row(self, row: Row) -> Row:
        """Turn a row of the member's into one of the whole."""
        return evolve(row, member=self.host(row.member), path=self.outward(row.path))

    def plain(self, row: Plain) -> Plain:
        """Turn what a message says of the member's row into what it says of the row of the whole."""
        path = self.outward(tuple(row.get("path", ())))
        return {**row, "member": self.host(row.get("member", "")), "path": list(path)}

    def node(self, row: Row) -> Row:
        """Turn the row of a node: a host that is no more than itself is called as the member is."""
        name = self.host(row.member)
        document = {**self._described(row, self.labels).document, "Name": name}
        lost = self.hidden or self.mirror.why_lost(row.member) or row.lost
        if lost and (self.hidden or row.lost is None):  # the host itself has not said so
            document |= {"State": "unhealthy", "Reason": lost}
        return evolve(row, name=name, member=name, path=("nodes", name), document=document, lost=lost)

    def nodes(self) -> list[Row]:
        """Return the hosts beneath."""
        return [self.node(row) for row in self.mirror.nodes.values()] or [self._unknown_node()]

    def _unknown_node(self) -> Row:
        reason = self.mirror.why_lost() or "not reached yet"
        state = "connecting" if self.mirror.why_lost() is None else "unhealthy"
        document = {"Name": self.name, "Address": self.address, "State": state, "Reason": reason}
        row = Row(name=self.name, member=self.name, path=("nodes", self.name), document=document, lost=reason)
        return self._described(row, self.labels)

    def _described(self, row: Row, labels: Mapping[str, str]) -> Row:
        """Return the row of a host beneath with labels that go before its own, and whether it takes anything."""
        labels = {**(row.document.get("Labels") or {}), **labels}
        availability = DRAINED if self.drained or is_drained(row.document) else "active"
        return evolve(row, document={**row.document, "Labels": labels, "Availability": availability})

    def missing(self) -> list[Missing]:
        """Return the hosts beneath of which nothing is known."""
        return [Missing(self.host(gap.member), gap.reason) for gap in self.mirror.missing()]

    def check(self) -> None:
        """Raise `Unavailable` where the member is known not to answer, or stands for another."""
        reason = self.hidden or self.mirror.why_lost()
        if reason is not None:
            raise host_down(self.name, reason)

    @property
    def nested(self) -> bool:
        """Whether there are hosts beneath that have names of their own."""
        return any(row.member for row in self.mirror.nodes.values())

    def candidate(self, within: Within = WHOLE) -> Candidate:
        """Describe the member to a placement policy, as it is seen in the whole."""
        mirror = self.mirror
        labels = {**self.labels, **within.labels}
        hosts = tuple(self._described(row, labels) for row in mirror.nodes.values())
        if self.hidden is not None:
            return Candidate(name=self.name, within=within.name, hosts=hosts, lost=self._silent())
        return Candidate(
            name=self.name,
            within=within.name,
            hosts=hosts,
            containers=tuple(mirror.replica.rows.values()),
            pending=self.arrivals.pending(mirror.unlisted()),
            lost=self._silent(),
            images=self._held("images"),
            networks=self._held("networks"),
            volumes=self._held("volumes"),
        )

    def _held(self, collection: str) -> tuple[Row, ...] | None:
        """Return what a collection has; None where that is not known."""
        mirror = self.mirror
        return tuple(mirror.replicas[collection].rows.values()) if mirror.holds(collection) else None

    def _silent(self) -> dict[str, str]:
        """Return the hosts beneath of which not enough is known to place anything there, and why."""
        unknown = None if self.mirror.synced else "still being listed"
        reasons = {host: self.hidden or self.mirror.why_lost(host) or unknown for host in self.mirror.members()}
        return {host: reason for host, reason in reasons.items() if reason is not None}


def shown(members: Iterable[Member]) -> list[Member]:
    """Return those that are hosts of their own."""
    return [member for member in members if member.hidden is None]


def inward(path: Path) -> tuple[str, Path]:
    """Split a path below `nodes` into the member's name and the path as the member knows it."""
    name, slash, rest = path[1].partition("/")
    return name, ("nodes", rest, *path[2:]) if slash else path[2:]


async def forward(member: Member, message: Message) -> Message:
    """Send a message to the one member that it is for; the reply's path is that of what was meant, in the whole."""
    member.check()
    reply = await member(message)
    return evolve(reply, path=member.outward(reply.path or message.path))


async def ask(member: Member, message: Message, deadline: float) -> Message:
    """Ask one member with a deadline; raise `Unavailable` where it does not answer in time."""
    with trio.move_on_after(deadline):
        return await member(message)
    raise Unavailable(f"host {member.name} did not answer in {deadline:g} s", host=member.name)
