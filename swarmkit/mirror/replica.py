"""Rows held by id and host, with what is needed to tell newer from older news of them. Pure state, no I/O."""

from __future__ import annotations

from attrs import define, field

from ..index import Index
from ..message import Path
from ..rows import Plain, Row

TOMBSTONES = 4096
"""Ids that are remembered as gone, so that older news does not bring them back."""


def key_of(path: Path) -> str:
    """Return by what a row at a path is held: its id, and where it is one of several hosts beneath, which.

    Several hosts may have the same image, or a volume of the same name.
    """
    return f"{path[-1]} {path[1]}" if len(path) > 2 else path[-1]


@define(eq=False)
class Replica:
    """Rows by key, each with the stamp of the fetch it came from; a greater stamp is newer.

    Beside each stands what a message carries of it: made once, however often it is listed.
    """

    rows: dict[str, Row] = field(factory=dict)
    plain: dict[str, Plain] = field(factory=dict)
    _stamps: dict[str, int] = field(factory=dict)
    _gone: dict[str, int] = field(factory=dict)
    _index: Index = field(factory=Index)

    def put(self, row: Row, stamp: int) -> bool:
        """Take a row unless it is older than what is known; return whether it was taken."""
        key = key_of(row.path)
        if stamp < self._stamps.get(key, 0) or stamp < self._gone.get(key, 0):
            return False
        self.rows[key] = row
        self.plain[key] = row.to_plain()
        self._index.put(key, row.names)
        self._stamps[key] = stamp
        self._gone.pop(key, None)
        return True

    def remove(self, key: str, stamp: int) -> Row | None:
        """Take note that a row is gone unless it is known to be there since; return it where it was there."""
        if stamp < self._stamps.get(key, 0):
            return None
        newest = max(stamp, self._gone.pop(key, 0))
        self._gone[key] = newest  # as the last one: what is forgotten first is what went first
        if len(self._gone) > TOMBSTONES:
            del self._gone[next(iter(self._gone))]
        self._index.remove(key)
        self._stamps.pop(key, None)
        self.plain.pop(key, None)
        return self.rows.pop(key, None)

    def gone(self, key: str) -> bool:
        """Tell whether this is remembered as gone."""
        return key in self._gone

    def forget_stamps(self) -> None:
        """Forget how new everything is: the next news comes from a source that counts anew."""
        self._stamps.clear()
        self._gone.clear()

    def having(self, id: str) -> list[Row]:
        """Return the rows that have this id, on one host each."""
        return [row for row in self.beginning(id) if row.id == id]

    def named(self, name: str) -> list[Row]:
        """Return the rows that have this name."""
        return [self.rows[key] for key in self._index.named(name)]

    def beginning(self, prefix: str) -> list[Row]:
        """Return the rows whose id begins so; nothing begins with nothing."""
        return [self.rows[key] for key in self._index.beginning(prefix)]
