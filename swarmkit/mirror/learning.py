"""How what is known of a host changes, and what its watchers are told of that. Pure state, no I/O."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ..message import Message, Path, Verb
from ..rows import Row
from .collections import COLLECTIONS, CONTAINERS
from .known import CREATED, Known, Lost
from .replica import key_of

Tell = Callable[[Message], None]


class Learner(Known):
    """What is known, and every way to change it. Each change is said to `tell` as a watch says it."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    # -- what there is --------------------------------------------------------------------------------------------

    def put(self, row: Row, stamp: int) -> None:
        """Take the row of what is in a collection, unless it is older than what is known."""
        replica = self.replicas[row.path[-2]]
        self._created.pop(row.id, None)
        if row.lost is not None:
            row = evolve(row, lost=None)  # what is lost is known here, and changes without the row
        if replica.put(row, stamp):
            args = {"kind": "put", "row": replica.plain[key_of(row.path)], "stamp": stamp}
            self._tell(Message(Verb.WATCH, row.path, args))

    def remove(self, collection: str, key: str, stamp: int) -> None:
        """Take note that what is held by a key is gone, unless it is known to be there since."""
        row = self.replicas[collection].remove(key, stamp)
        if collection == CONTAINERS:
            self._created.pop(key.partition(" ")[0], None)
        if row is not None:
            self._tell(Message(Verb.WATCH, row.path, {"kind": "gone", "stamp": stamp}))

    def create(self, name: str, path: Path) -> None:
        """Have a container that was just created found at once; its event may have come first, even that of its end."""
        id = path[-1]
        if self.replica.having(id) or self.replica.gone(key_of(path)):
            return
        member = path[1] if path[0] == "nodes" else ""
        name = name.rpartition("/")[2] or id[:12]
        self._created[id] = Row(name=name, names=(name,), path=path, id=id, member=member)
        if len(self._created) > CREATED:
            del self._created[next(iter(self._created))]

    def catch_up(self, collection: str) -> None:
        """Take note that all that a collection other than containers has been said."""
        if collection in COLLECTIONS and not self._in_step.get(collection, False):
            self._in_step[collection] = True
            self._tell(Message(Verb.WATCH, (collection,), {"kind": "synced"}))

    def fall_behind(self, collection: str, reason: str) -> None:
        """Take note that a collection may be another by now, until it has caught up."""
        if self._in_step.get(collection, False):
            self._in_step[collection] = False
            self._tell(Message(Verb.WATCH, (collection,), {"kind": "behind", "reason": reason}))

    # -- nodes ----------------------------------------------------------------------------------------------------

    def put_node(self, path: Path, row: Row) -> None:
        """Take the row of a host beneath."""
        self.nodes[path] = row
        self._tell(Message(Verb.WATCH, path, {"kind": "put", "row": row.to_plain()}))

    def remove_node(self, path: Path) -> None:
        """Take note that a host beneath has left."""
        if (row := self.nodes.pop(path, None)) is not None:
            self.lost.pop(row.member, None)
            self._tell(Message(Verb.WATCH, path, {"kind": "gone"}))

    # -- what answers ---------------------------------------------------------------------------------------------

    def lose(self, member: str, lost: Lost) -> None:
        """Take note that a host beneath does not answer."""
        self.lost[member] = lost
        self._tell(lost.message(member))

    def regain(self, member: str) -> None:
        """Take note that a host beneath answers again."""
        if self.lost.pop(member, None) is not None:
            self._tell_back(member)

    def break_off(self, reason: str) -> None:
        """Take note that nothing more is heard of the service behind; each host beneath is lost with it."""
        if reason != self.broken:
            self.broken = reason
            for member in self.members() - set(self.lost):
                self._tell(Lost(reason, self.synced).message(member))

    def settle(self, lost: set[str]) -> None:
        """Take note that a watch is in step: but for those that it has called `lost`, all answer."""
        back = set(self.lost)
        if self.broken is not None:
            back |= self.members()
        for collection in self._in_step:  # which the new watch says again
            self.fall_behind(collection, "being compared")
        self.broken, first, self.synced = None, not self.synced, True
        for member in back - lost:
            self.lost.pop(member, None)
            self._tell_back(member)
        if first:
            self._tell(Message(Verb.WATCH, (), {"kind": "synced"}))

    def _tell_back(self, member: str) -> None:
        self._tell(Message(Verb.WATCH, (), {"kind": "back", "member": member}))
