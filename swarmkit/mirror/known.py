"""What is known of a host: what it has, its nodes, and which do not answer. Pure state, no I/O.

What is known is asked here, and changed in `learning`.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..message import Message, Path, Verb
from ..rows import Missing, Plain, Row
from .collections import COLLECTIONS, CONTAINERS
from .replica import Replica, key_of

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
        self.replicas = {name: Replica() for name in COLLECTIONS}
        self.synced = False  # whether a whole listing of the containers was ever received
        self._in_step: dict[str, bool] = {}  # by other collection: whether it is now; where it never was, nothing
        self.broken: str | None = None  # why nothing at all is heard of the service behind
        self.lost: dict[str, Lost] = {}  # by member
        self.nodes: dict[Path, Row] = {}
        self._created: dict[str, Row] = {}  # by id, what was created through us and has not been listed yet

    @property
    def replica(self) -> Replica:
        """The containers."""
        return self.replicas[CONTAINERS]

    # -- what answers ---------------------------------------------------------------------------------------------

    def why_lost(self, member: str = "") -> str | None:
        """Return why a host beneath does not answer; None where it does."""
        lost = self.lost.get(member)
        return lost.reason if lost is not None else self.broken

    def holds(self, collection: str) -> bool:
        """Tell whether a collection is known as it is, or where nothing can be asked, as it was.

        Containers always are: what has not been listed yet is `missing`.
        """
        if collection == CONTAINERS:
            return True
        return self._in_step.get(collection, False) or (collection in self._in_step and self.why_lost() is not None)

    def missing(self, collection: str = CONTAINERS) -> list[Missing]:
        """Return the hosts of which a collection is not known, not even as it last was; `""` is the service itself."""
        never = [Missing(member, lost.reason) for member, lost in self.lost.items() if not lost.seen]
        if never or (self.synced and self.holds(collection)):
            return never
        return [Missing("", self.why_lost() or "still being listed")]

    def members(self) -> set[str]:
        """Return the hosts beneath; `""` where none is known, or where it is the service itself."""
        return {row.member for row in self.nodes.values()} or {""}

    # -- what there is --------------------------------------------------------------------------------------------

    def listed(self, collection: str = CONTAINERS) -> list[Plain]:
        """Return what a message says of all that a collection has, with the reason where its host is lost."""
        rows = self.replicas[collection].plain.values()
        return [self._marked(row) for row in rows] if self.lost or self.broken is not None else list(rows)

    def _marked(self, row: Plain) -> Plain:
        reason = self.why_lost(row.get("member", ""))
        return row if reason is None else {**row, "lost": reason}

    def unlisted(self) -> list[Row]:
        """Return the containers that were created through the mirror and that it has not listed yet."""
        return list(self._created.values())

    def known(self, id: str) -> Row | None:
        """Return what is known of the container with this full id."""
        return next(iter(self.having(id)), None)

    def having(self, id: str, collection: str = CONTAINERS) -> list[Row]:
        """Return what has this full id, what was created through us a moment ago included."""
        rows = self.replicas[collection].having(id)
        return [self._created[id]] if not rows and collection == CONTAINERS and id in self._created else rows

    def keys(self, collection: str) -> set[str]:
        """Return by what all of a collection is held, what was created a moment ago included."""
        created = self._created.values() if collection == CONTAINERS else ()
        return {*self.replicas[collection].rows, *(key_of(row.path) for row in created)}

    def named(self, name: str, collection: str = CONTAINERS) -> list[Row]:
        """Return what has this name, what was created through us a moment ago included."""
        rows = self.replicas[collection].named(name)
        created = [row for row in self._created.values() if row.name == name] if collection == CONTAINERS else []
        return rows + created if created else rows

    def find(self, reference: str, collection: str = CONTAINERS) -> list[Row]:
        """Return what a full id, else a name, else the beginning of an id means, as known; several where ambiguous.

        Where one host that has it is as good as another, it is one that answers.
        """
        ids, names, prefixes = self.tiers(reference, collection)
        if not COLLECTIONS[collection].shared:
            return ids or names or prefixes
        alike = {row.id: row for row in self._best_last(prefixes)}
        return self._best_last(ids)[-1:] or self._best_last(names)[-1:] or list(alike.values())

    def _best_last(self, rows: list[Row]) -> list[Row]:
        return sorted(rows, key=lambda row: self.why_lost(row.member) is None)

    def tiers(self, reference: str, collection: str = CONTAINERS) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows that have this id, this name, and an id that begins so; an earlier meaning goes before.

        Behind `host/` it is the meaning on that one of the hosts beneath, where a collection is qualified so.
        """
        kind = COLLECTIONS[collection]
        host, slash, rest = reference.removeprefix("/").rpartition("/") if kind.qualified else ("", "", reference)
        tiers = (
            self.having(kind.id_in(rest) or rest, collection),
            self.named(kind.name_in(rest), collection),
            self.replicas[collection].beginning(kind.id_in(rest)),
        )
        if not slash:
            return tiers
        ids, names, prefixes = tiers
        return _of(host, ids), _of(host, names), _of(host, prefixes)

    # -- what a watch says of it ----------------------------------------------------------------------------------

    def said(self, *, documents: bool) -> list[Message]:
        """Return all of it as a watch says it at first: nodes, rows (with `documents`), losses, `synced`."""
        said = [Message(Verb.WATCH, row.path, {"kind": "put", "row": row.to_plain()}) for row in self.nodes.values()]
        if documents:
            said += [
                Message(Verb.WATCH, row.path, {"kind": "have", "row": replica.plain[key]})
                for replica in self.replicas.values()
                for key, row in replica.rows.items()
            ]
        said += [lost.message(member) for member, lost in self._losses().items()]
        if self.synced or not documents:
            said.append(Message(Verb.WATCH, (), {"kind": "synced"}))
        if documents:
            in_step = [name for name, is_so in self._in_step.items() if is_so]
            said += [Message(Verb.WATCH, (name,), {"kind": "synced"}) for name in in_step]
        return said

    def _losses(self) -> dict[str, Lost]:
        if self.broken is None:
            return self.lost
        return {member: Lost(self.broken, self.synced) for member in self.members()} | self.lost


def is_node(path: Path) -> bool:
    """Tell whether a path is that of a host beneath."""
    return len(path) == 2 and path[0] == "nodes"


def is_held(path: Path) -> bool:
    """Tell whether a path is that of something in a collection, here or on one of the hosts beneath."""
    return len(path) > 1 and path[-2] in COLLECTIONS


def _of(member: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.member == member]
