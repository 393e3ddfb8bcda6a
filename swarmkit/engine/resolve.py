"""Which container a reference means, among those of all hosts."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from .names import is_id_prefix, split_qualified


@frozen
class Entry:
    """A thing that has an id and names on a host. The names are bare; those of links are `linker/alias`."""

    member: str
    id: str
    names: tuple[str, ...] = ()


@define
class NameIndex:
    """Entries found by id, by name (bare or `host/name`) and by the beginning of an id.

    Looking up costs about the same however many there are; adding and removing move a list of ids in memory, which
    is nothing for tens of thousands.
    """

    _entries: dict[tuple[str, str], Entry] = field(factory=dict, init=False)
    _by_name: defaultdict[str, dict[tuple[str, str], Entry]] = field(factory=lambda: defaultdict(dict), init=False)
    _ids: list[tuple[str, str]] = field(factory=list, init=False)  # (id, member), sorted

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def add(self, member: str, id: str, names: Iterable[str] = ()) -> None:
        """Add an entry, or give the one of this member and id other names."""
        self.remove(member, id)
        entry = Entry(member, id, tuple(names))
        self._entries[member, id] = entry
        insort(self._ids, (id, member))
        for name in entry.names:
            self._by_name[name][member, id] = entry

    def remove(self, member: str, id: str) -> None:
        """Remove an entry; one that is not there is no error."""
        entry = self._entries.pop((member, id), None)
        if entry is None:
            return
        del self._ids[bisect_left(self._ids, (id, member))]
        for name in set(entry.names):
            del self._by_name[name][member, id]
            if not self._by_name[name]:
                del self._by_name[name]

    def named(self, name: str) -> list[Entry]:
        """Return the entries of exactly this bare name, by host: more than one where hosts share it."""
        return sorted(self._by_name.get(name, {}).values(), key=_order)

    def find(self, reference: str) -> list[Entry]:
        """Return all that a reference may mean, by host; it is of use if there is just one.

        The engine's order: a full id, else a name, else the beginning of an id. Behind `host/` the same holds on that
        host alone. A qualified name goes before a link's alias that reads the same, as every container must be
        reachable by the former.
        """
        host, rest = split_qualified(reference)
        if host is None:
            return self._with_id(rest) or self.named(rest) or self._starting(rest)
        steps = (self._with_id, self.named, self._starting)
        on_host = ([entry for entry in step(rest) if entry.member == host] for step in steps)
        return next((found for found in on_host if found), None) or self.named(reference.removeprefix("/"))

    def _with_id(self, text: str) -> list[Entry]:
        return [entry for entry in self._starting(text) if entry.id == text]

    def _starting(self, text: str) -> list[Entry]:
        if not is_id_prefix(text):
            return []
        first = bisect_left(self._ids, (text, ""))
        last = bisect_left(self._ids, (text + "g", ""))  # "g" follows the last hexadecimal digit
        return sorted((self._entries[member, id] for id, member in self._ids[first:last]), key=_order)


def _order(entry: Entry) -> tuple[str, str]:
    return entry.member, entry.id
