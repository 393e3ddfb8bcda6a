"""Rows held by id, with what is needed to tell newer from older news of them. Pure state, no I/O."""

from __future__ import annotations

from attrs import define, field

from ..index import Index
from ..rows import Plain, Row

TOMBSTONES = 4096
"""Ids that are remembered as gone, so that older news does not bring them back."""


@define(eq=False)
class Replica:
    """Rows by id, each with the stamp of the fetch it came from; a greater stamp is newer.

    Beside each stands what a message carries of it: made once, however often it is listed.
    """

    rows: dict[str, Row] = field(factory=dict)
    plain: dict[str, Plain] = field(factory=dict)
    _stamps: dict[str, int] = field(factory=dict)
    _gone: dict[str, int] = field(factory=dict)
    _index: Index = field(factory=Index)

    def put(self, row: Row, stamp: int) -> bool:
        """Take a row unless it is older than what is known; return whether it was taken."""
        if stamp < self._stamps.get(row.id, 0) or stamp < self._gone.get(row.id, 0):
            return False
        self.rows[row.id] = row
        self.plain[row.id] = row.to_plain()
        self._index.put(row.id, row.names)
        self._stamps[row.id] = stamp
        self._gone.pop(row.id, None)
        return True

    def remove(self, id: str, stamp: int) -> Row | None:
        """Take note that a row is gone unless it is known to be there since; return it where it was there."""
        if stamp < self._stamps.get(id, 0):
            return None
        newest = max(stamp, self._gone.pop(id, 0))
        self._gone[id] = newest  # as the last one: what is forgotten first is what went first
        if len(self._gone) > TOMBSTONES:
            del self._gone[next(iter(self._gone))]
        self._index.remove(id)
        self._stamps.pop(id, None)
        self.plain.pop(id, None)
        return self.rows.pop(id, None)

    def gone(self, id: str) -> bool:
        """Tell whether this is remembered as gone."""
        return id in self._gone

    def forget_stamps(self) -> None:
        """Forget how new everything is: the next news comes from a source that counts anew."""
        self._stamps.clear()
        self._gone.clear()

    def named(self, name: str) -> list[Row]:
        """Return the rows that have this name."""
        return [self.rows[id] for id in self._index.named(name)]

    def beginning(self, prefix: str) -> list[Row]:
        """Return the rows whose id begins so; nothing begins with nothing."""
        return [self.rows[id] for id in self._index.beginning(prefix)]
