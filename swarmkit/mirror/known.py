"""What is known of a host: its containers and nodes, and which do not answer. Pure state, no I/O.

What is known is asked here, and changed in `learning`.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..message import Message, Path, Verb
from ..rows import Missing, Plain, Row
from .replica import Replica

MIRRORED = "containers"
"""The collection that is held."""

CREATED = 1024
"""Containers that are remembered as created and not yet listed."""


@frozen
class Lost:
    """Why a host does not answer, and whether it ever did."""

    reason: str
    seen: bool

    def message(self, member: str) -> Message:
        """Return what a watch says of it."""
        return Message(Verb.WATCH, (), {"kind": "lost", "member": member, "reason": self.reason, "seen": self.seen})


class Known:
    """A host as it was last heard of, or an aggregate of hosts.

    A `member` is one of the hosts beneath, and `""` the service itself where that is one host.
    """

    def __init__(self) -> None:
        self.replica = Replica()
        self.synced = False  # whether a whole listing was ever received
        self.broken: str | None = None  # why nothing at all is heard of the service behind
        self.lost: dict[str, Lost] = {}  # by member
        self.nodes: dict[Path, Row] = {}
        self._created: dict[str, Row] = {}  # by id, what was created through us and has not been listed yet

    # -- what answers ---------------------------------------------------------------------------------------------

    def why_lost(self, member: str = "") -> str | None:
        """Return why a host beneath does not answer; None where it does."""
        lost = self.lost.get(member)
        return lost.reason if lost is not None else self.broken

    def missing(self) -> list[Missing]:
        """Return the hosts of which nothing is known, not even how they last were; `""` is the service itself."""
        never = [Missing(member, lost.reason) for member, lost in self.lost.items() if not lost.seen]
        if never or self.synced:
            return never
        return [Missing("", "still being listed" if self.broken is None else self.broken)]

    def members(self) -> set[str]:
        """Return the hosts beneath; `""` where none is known, or where it is the service itself."""
        return {row.member for row in self.nodes.values()} or {""}

    # -- what there is --------------------------------------------------------------------------------------------

    def listed(self) -> list[Plain]:
        """Return what a message says of all containers, with the reason where their host is lost."""
        rows = self.replica.plain.values()
        return [self._marked(row) for row in rows] if self.lost or self.broken is not None else list(rows)

    def _marked(self, row: Plain) -> Plain:
        reason = self.why_lost(row.get("member", ""))
        return row if reason is None else {**row, "lost": reason}

    @property
    def unlisted(self) -> int:
        """How many were created through the mirror that it has not listed yet."""
        return len(self._created)

    def known(self, id: str) -> Row | None:
        """Return what has this full id; of what was created a moment ago, no more than that it is here."""
        return self.replica.rows.get(id) or self._created.get(id)

    def ids(self) -> set[str]:
        """Return the ids of all that is known, what was created a moment ago included."""
        return {*self.replica.rows, *self._created}

    def named(self, name: str) -> list[Row]:
        """Return what has this name, what was created through us a moment ago included."""
        created = [row for row in self._created.values() if row.name == name]
        return self.replica.named(name) + created if created else self.replica.named(name)

    def find(self, reference: str) -> list[Row]:
        """Return what a full id, else a name, else the beginning of an id means, as known; several where ambiguous."""
        return next((rows for rows in self.tiers(reference) if rows), [])

    def tiers(self, reference: str) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows that have this id, this name, and an id that begins so; an earlier meaning goes before.

        Behind `host/` it is the meaning on that one of the hosts beneath.
        """
        host, slash, rest = reference.removeprefix("/").rpartition("/")
        row = self.known(rest)
        ids, names, prefixes = [row] if row else [], self.named(rest), self.replica.beginning(rest)
        if not slash:
            return ids, names, prefixes
        return _of(host, ids), _of(host, names), _of(host, prefixes)

    # -- what a watch says of it ----------------------------------------------------------------------------------

    def said(self, *, documents: bool) -> list[Message]:
        """Return all of it as a watch says it at first: nodes, containers (with `documents`), losses, `synced`."""
        said = [Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}) for row in self.nodes.values()]
        if documents:
            rows = self.replica.rows.values()
            plain = self.replica.plain
            said += [Message(Verb.WATCH, row.path, {"kind": "have", "row": plain[row.id]}) for row in rows]
        said += [lost.message(member) for member, lost in self._losses().items()]
        if self.synced or not documents:
            said.append(Message(Verb.WATCH, (), {"kind": "synced"}))
        return said

    def _losses(self) -> dict[str, Lost]:
        if self.broken is None:
            return self.lost
        return {member: Lost(self.broken, self.synced) for member in self.members()} | self.lost


def is_node(path: Path) -> bool:
    """Tell whether a path is that of a host beneath."""
    return len(path) == 2 and path[0] == "nodes"


def is_held(path: Path) -> bool:
    """Tell whether a path is a container's, here or on one of the hosts beneath."""
    return path[-2:-1] == (MIRRORED,)


def _of(member: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.member == member]
