"""The members as etcd has them: keys and values in, rows of the source out. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from swarmkit.errors import Invalid
from swarmkit.rows import Listing, Missing, Row
from swarmkit.source import member_row

from .entries import MAX_NAME, Entry, Means, read_classic, read_member
from .messages import Change, Found, KeyValue


class Keys:
    """Where what is under a prefix."""

    def __init__(self, prefix: str) -> None:
        self.members = f"{prefix}/members/"
        self.drained = f"{prefix}/drained/"
        self.classic = f"{prefix}/docker/swarm/nodes/"
        self.names = f"{prefix}/names/"

    @property
    def watched(self) -> tuple[str, str]:
        """The one range in which these are, but for the names: they change with every container, and list nobody."""
        return self.classic, f"{self.members[:-1]}0"  # "0" comes behind "/"


@define
class Members:
    """The keys that were seen, each read once, and the revision of the last change."""

    keys: Keys
    means: Means
    revision: int = 0
    _seen: dict[str, Entry | Missing | None] = field(factory=dict)  # by key; None for what is no entry

    def replace(self, found: Found) -> None:
        """Take a listing of all for what there is."""
        self._seen = {row.key: self._read(row) for row in found.rows}
        self.revision = found.revision

    def apply(self, changes: Iterable[Change]) -> None:
        """Take what a watch says."""
        for change in changes:
            if change.deleted:
                self._seen.pop(change.row.key, None)
            else:
                self._seen[change.row.key] = self._read(change.row)
            self.revision = max(self.revision, change.row.mod_revision)

    def lacks(self, newest: Found) -> bool:
        """Tell whether something was not said: `newest` has the key that was changed last, and the count of all."""
        return newest.count != len(self._seen) or any(row.mod_revision > self.revision for row in newest.rows)

    def listing(self) -> Listing:
        """Return the members, those that have registered first, and what cannot be read."""
        rows: dict[str, Row] = {}
        missing: list[Missing] = []
        for key in sorted(self._seen, key=lambda key: (key.startswith(self.keys.classic), key)):
            match self._seen[key]:
                case Entry(name) if name in rows:
                    missing.append(Missing(_shown(key.rpartition("/")[2]), f"another member is called {name!r}"))
                case Entry(name, stage, labels, lost):
                    drained = self.keys.drained + name in self._seen
                    rows[name] = member_row(name, stage, labels, lost=lost, drained=drained)
                case Missing() as gap:
                    missing.append(gap)
        return Listing(tuple(rows.values()), tuple(missing))

    def _read(self, row: KeyValue) -> Entry | Missing | None:
        """Read an entry. Of `drained/NAME` it counts that it is there, whatever it says; others are none."""
        for above, read in ((self.keys.members, read_member), (self.keys.classic, read_classic)):
            if row.key.startswith(above):
                name = row.key.removeprefix(above)
                try:
                    return read(name, row.value, self.means)
                except Invalid as error:
                    return Missing(_shown(name), f"its entry in etcd cannot be used: {error.message}")
        return None


def _shown(name: str) -> str:
    """Return a name, which may be anything, for a message."""
    text = name if name and name.isascii() and name.isprintable() else ascii(name)
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}..."
