"""Which containers `GET /containers/json` lists, and in which order, for a client's query.

Checked against an engine of API 1.41, oddities included. Beyond it there is the filter `node`, the name of the
host (with wildcards); names in `name`, `before`, `since` and `network` may be qualified with a host.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from attrs import field, frozen

from swarmkit.errors import Invalid

from .documents import Document
from .filters import Filters
from .names import split_qualified
from .narrowing import narrow
from .ports import PortRange
from .query import bool_value, int_value, parse_int
from .references import find_image, with_descendants
from .rows import Row
from .status import HEALTHS, STATES

NODE_FILTER = "node"
"""Our own filter, which engines do not know."""

ACCEPTED_FILTERS = frozenset(
    {
        *("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name"),
        *("network", NODE_FILTER, "publish", "since", "status", "volume"),
    }
)

_TASK_LABEL = "com.docker.swarm.task.id"


@frozen
class ListQuery:
    """What a client asked of `GET /containers/json`, checked.

    `since` and `before` as parameters of their own are ignored, as in the engine; there are filters for them.
    """

    all: bool = False
    limit: int = 0
    size: bool = False
    filters: Filters = field(factory=Filters)
    exited: tuple[int, ...] = ()
    publish: tuple[PortRange, ...] = ()
    expose: tuple[PortRange, ...] = ()

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> ListQuery:
        """Read the query parameters. Raises Invalid in the engine's words."""
        limit = int_value(query.get("limit"))
        filters = Filters.parse(query.get("filters"))
        filters.require_known(ACCEPTED_FILTERS)
        exited = tuple(parse_int(value, "Atoi") for value in filters.get("exited"))
        _require_values(filters)
        return cls(
            all=bool_value(query.get("all")) or bool(filters.get("status")),
            limit=limit,
            size=bool_value(query.get("size")),
            filters=filters,
            exited=exited,
            publish=tuple(PortRange.parse("publish", value) for value in filters.get("publish")),
            expose=tuple(PortRange.parse("expose", value) for value in filters.get("expose")),
        )


def select(rows: Iterable[Row], query: ListQuery, *, images: Collection[Document] = ()) -> list[Row]:
    """Return the rows to list, newest first. `images` (of `GET /images/json`) serve the filter `ancestor`.

    Raises NotFound where `before` or `since` name no container.
    """
    newest_first = sorted(rows, key=lambda row: row.age, reverse=True)
    tests = list(_tests(query, images))
    selected = [row for row in narrow(newest_first, query.filters) if all(test(row) for test in tests)]
    return selected[: query.limit] if query.limit > 0 else selected


def _require_values(filters: Filters) -> None:
    for value in filters.get("status"):
        if value not in STATES:
            raise Invalid(f"Invalid filter 'status={value}'")
    tasks = filters.get("is-task")
    if tasks and "true" not in tasks and "false" not in tasks:
        raise Invalid(f"Invalid filter 'is-task=[{' '.join(tasks)}]'")
    for value in filters.get("health"):
        if value not in HEALTHS:
            raise Invalid(f"Unrecognised filter value for health: {value}")


Test = Callable[[Row], bool]


def _tests(query: ListQuery, images: Collection[Document]) -> Iterable[Test]:
    """Yield what each row must pass, for the filters there are. On Linux `isolation` lets everything pass."""
    filters = query.filters
    if not query.all and query.limit <= 0:
        yield lambda row: row.running
    if query.exited:
        yield lambda row: row.exit_code in query.exited
    if query.publish or query.expose:  # the two filters that are alternatives, in the engine
        yield lambda row: _has_port(row, "PublicPort", query.publish) or _has_port(row, "PrivatePort", query.expose)
    if "ancestor" in filters:
        ancestors = _ancestors(filters.get("ancestor"), images)
        yield lambda row: row.document.get("ImageID") in ancestors
    yield from (test for key, test in _by_key(filters) if filters.get(key))


def _by_key(filters: Filters) -> Iterable[tuple[str, Test]]:
    yield "label", lambda row: filters.match_key_values("label", row.labels)
    yield "status", lambda row: filters.match_exact("status", row.document.get("State", ""))
    yield "health", lambda row: filters.match_exact("health", row.health)
    yield "is-task", lambda row: (_TASK_LABEL in row.labels) == ("true" in filters.get("is-task"))
    yield "volume", lambda row: not row.mounted.isdisjoint(filters.get("volume"))
    yield "network", lambda row: any(_on_network(row, value) for value in filters.get("network"))
    yield NODE_FILTER, lambda row: any(fnmatchcase(row.member, value) for value in filters.get(NODE_FILTER))


def _has_port(row: Row, key: str, ranges: Iterable[PortRange]) -> bool:
    # A port that is not published counts as published on 0, which is the engine's way.
    return any(each.holds(port.get(key, 0), port.get("Type", "")) for port in row.ports for each in ranges)


def _on_network(row: Row, value: str) -> bool:
    host, name = split_qualified(value)
    if host is not None and host == row.member:
        value = name
    ids = (str(each.get("NetworkID", "")) for each in row.networks.values() if each)
    return value in row.networks or any(each.startswith(value) for each in ids)


def _ancestors(references: Iterable[str], images: Collection[Document]) -> set[str]:
    """Return the ids of the images meant and of all built on them; what is not found means none, as in the engine."""
    found = (find_image(reference, images) for reference in references)
    return with_descendants((image_id for image_id in found if image_id is not None), images)
