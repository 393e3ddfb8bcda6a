"""Which volumes `GET /volumes` lists for a client's filters, over all hosts.

Checked against an engine of API 1.41. Beyond the engine's there is the filter `node`, the name of the host (with
wildcards).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from swarmkit.errors import Invalid
from swarmkit.rows import Row

from .containers import NODE_FILTER
from .documents import HOST_LABEL
from .filters import Filters
from .shared import has_name, labels_of

ACCEPTED_FILTERS = frozenset({"dangling", "driver", "label", "name", NODE_FILTER})

Used = Collection[tuple[str, str]]
"""Of each volume that is in use, the host and the name."""

_TRUE, _FALSE = ("true", "1"), ("false", "0")


def parse(text: str | None) -> Filters:
    """Read the parameter `filters`. Raises `Invalid` in the engine's words, which are its own for volumes."""
    try:
        filters = Filters.parse(text)
    except Invalid as error:
        raise Invalid(f"error reading volume filters: {error.message}") from error
    filters.require_known(ACCEPTED_FILTERS)
    dangling = filters.get("dangling")
    if dangling and not set(dangling) & {*_TRUE, *_FALSE}:
        raise Invalid(f"Invalid filter 'dangling=[{' '.join(dangling)}]'")
    return filters


def select(rows: Iterable[Row], filters: Filters, used: Used = ()) -> list[Row]:
    """Return the rows that the filters leave, in their order; `used` serves `dangling`."""
    return [row for row in rows if _passes(row, filters, used)]


def in_use(containers: Iterable[Row]) -> set[tuple[str, str]]:
    """Return host and name of each volume that a container has, whether it runs or not."""
    return {
        (row.member, str(mount["Name"]))
        for row in containers
        for mount in row.document.get("Mounts") or ()
        if mount.get("Name")
    }


def _passes(row: Row, filters: Filters, used: Used) -> bool:
    dangling = filters.get("dangling")
    free = (row.member, row.name) not in used
    return (
        has_name(row, filters)
        and filters.match_exact("driver", row.document.get("Driver", ""))
        and filters.match_key_values("label", labels_of(row, HOST_LABEL))
        and (not dangling or any(each in dangling for each in _TRUE) == free)
        and (not filters.get(NODE_FILTER) or any(fnmatchcase(row.member, each) for each in filters.get(NODE_FILTER)))
    )
