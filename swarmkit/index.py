"""Ids found by name, and by how they begin. Pure state, no I/O."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from attrs import define, field


@define(eq=False)
class Index:
    """Ids with their names; several ids may have one name.

    Looking up costs about the same however many there are. Adding and removing move a sorted list of ids in memory,
    which is nothing for tens of thousands.
    """

    _names: dict[str, tuple[str, ...]] = field(factory=dict, init=False)  # by id
    _ids: dict[str, set[str]] = field(factory=dict, init=False)  # by name
    _sorted: list[str] = field(factory=list, init=False)

    def put(self, id: str, names: Iterable[str]) -> None:
        """Add an id with its names, or give the one there is other names."""
        names = tuple(names)
        if self._names.get(id) == names:
            return
        self.remove(id)
        self._names[id] = names
        insort(self._sorted, id)
        for name in names:
            self._ids.setdefault(name, set()).add(id)

    def remove(self, id: str) -> None:
        """Remove an id; one that is not there is no error."""
        if id not in self._names:
            return
        del self._sorted[bisect_left(self._sorted, id)]
        for name in set(self._names.pop(id)):
            self._ids[name].discard(id)
            if not self._ids[name]:
                del self._ids[name]

    def named(self, name: str) -> list[str]:
        """Return the ids of exactly this name, in order."""
        return sorted(self._ids.get(name, ()))

    def beginning(self, prefix: str) -> list[str]:
        """Return the ids that begin so, in order; nothing begins with nothing."""
        if not prefix:
            return []
        first = last = bisect_left(self._sorted, prefix)
        while last < len(self._sorted) and self._sorted[last].startswith(prefix):
            last += 1
        return self._sorted[first:last]
