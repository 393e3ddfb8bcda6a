"""Networks and volumes of many hosts in one list: what each is called there, and which are the same wherever they are.

What is shown for one means that one, when it is said again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from swarmkit.message import Path
from swarmkit.rows import Row

from .filters import Filters

PREDEFINED = frozenset({"bridge", "host", "none"})
"""The networks that every engine has."""

SHARED_SCOPES = frozenset({"global", "swarm"})
"""Scopes of what is one thing on all hosts that have it."""


def is_predefined(row: Row) -> bool:
    """Tell whether a row is of a network that every engine has."""
    return row.path[-2] == "networks" and row.name in PREDEFINED


def spans_hosts(row: Row) -> bool:
    """Tell whether a row is of a thing that several hosts have in common, by its scope."""
    return row.document.get("Scope") in SHARED_SCOPES


def meant_of(rows: Iterable[Row]) -> Row | None:
    """Return which of the rows of one name that name means, where one host is as good as another.

    That is the first host which answers. None where the rows are different things.
    """
    found = sorted(rows, key=lambda row: (row.lost is not None, row.member))
    alike = found and (all(map(is_predefined, found)) or (all(map(spans_hosts, found)) and _one_thing(found)))
    return found[0] if alike else None


def _one_thing(rows: Sequence[Row]) -> bool:
    return len({row.id for row in rows}) == 1


def in_one_list(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in their order, but of one thing that several hosts have, the row that its name means alone."""
    rows = list(rows)
    common: defaultdict[str, list[Row]] = defaultdict(list)
    for row in filter(spans_hosts, rows):
        common[row.id].append(row)
    meant = {id: meant_of(held) for id, held in common.items()}
    return [row for row in rows if not spans_hosts(row) or meant[row.id] in (None, row)]


def shown_names(rows: Iterable[Row]) -> dict[Path, str]:
    """Return by path what each is called: `host/name` where the name alone does not mean it."""
    by_name: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    return {row.path: name for held in by_name.values() for row, name in _names(held)}


def _names(held: Sequence[Row]) -> Iterable[tuple[Row, str]]:
    alone = len({row.member for row in held}) == 1
    meant = meant_of(held)
    return [(row, row.name if alone or row is meant else row.qualified) for row in held]


def has_name(row: Row, filters: Filters) -> bool:
    """Tell whether the filter `name` finds the name; only a value that has a slash is held against `host/name`."""
    patterns = filters.get("name")
    qualified = tuple(each for each in patterns if row.member and "/" in each)
    return filters.match("name", row.name) or (
        bool(qualified) and Filters({"name": qualified}).match("name", row.qualified)
    )


def labels_of(row: Row, label: str) -> Mapping[str, str]:
    """Return the labels of a row, with its host's name as the one called `label`."""
    return {**(row.document.get("Labels") or {}), **({label: row.member} if row.member else {})}


def with_host_label(row: Row, name: str, label: str) -> dict[str, object]:
    """Return the document of a row as a list of many hosts shows it: by this name, with the host as a label."""
    return {**row.document, "Name": name, "Labels": dict(labels_of(row, label))}
