"""Which networks `GET /networks` lists for a client's filters, over all hosts.

Checked against an engine of API 1.41; but `dangling` looks at what is connected, as newer engines do: that one takes
every network for unused. Beyond the engine's there is the filter `node`, the name of the host (with wildcards).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from swarmkit.errors import Invalid
from swarmkit.rows import Row

from .containers import NODE_FILTER
from .documents import HOST_LABEL
from .filters import Filters
from .shared import has_name, is_predefined, labels_of
from .status import RUNNING

ACCEPTED_FILTERS = frozenset({"dangling", "driver", "id", "label", "name", NODE_FILTER, "scope", "type"})

Used = Collection[tuple[str, str]]
"""Of each network that is in use, the host and the id."""

_BOOLEANS = {"0": False, "false": False, "1": True, "true": True}


def check(filters: Filters) -> None:
    """Raise `Invalid`, in the engine's words, for what is no filter of networks."""
    filters.require_known(ACCEPTED_FILTERS)
    dangling = filters.get("dangling")
    if len(dangling) > 1:
        raise Invalid('got more than one value for filter key "dangling"')
    if dangling and dangling[0] not in _BOOLEANS:
        raise Invalid('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
    for kind in filters.get("type"):
        if kind not in ("custom", "builtin"):
            raise Invalid(f"invalid filter: 'type'='{kind}'")


def select(rows: Iterable[Row], filters: Filters, used: Used = ()) -> list[Row]:
    """Return the rows that the filters leave, in their order; `used` serves `dangling`."""
    return [row for row in rows if _passes(row, filters, used)]


def in_use(containers: Iterable[Row]) -> set[tuple[str, str]]:
    """Return host and id of each network that a running container is connected to."""
    return {
        (row.member, str(endpoint.get("NetworkID", "")))
        for row in containers
        if row.document.get("State") in RUNNING
        for endpoint in ((row.document.get("NetworkSettings") or {}).get("Networks") or {}).values()
        if endpoint
    }


def _passes(row: Row, filters: Filters, used: Used) -> bool:
    document, dangling = row.document, filters.get("dangling")
    free = not is_predefined(row) and (row.member, row.id) not in used
    return (
        has_name(row, filters)
        and filters.match("id", row.id)
        and filters.match_exact("driver", document.get("Driver", ""))
        and filters.match_exact("scope", document.get("Scope", ""))
        and filters.match_exact("type", "builtin" if is_predefined(row) else "custom")
        and filters.match_key_values("label", labels_of(row, HOST_LABEL))
        and (not dangling or _BOOLEANS[dangling[0]] == free)
        and (not filters.get(NODE_FILTER) or any(fnmatchcase(row.member, each) for each in filters.get(NODE_FILTER)))
    )
