"""The filters that look at the whole list: `name`, `id`, and the cuts `before` and `since`."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.errors import NotFound

from .filters import Filters
from .names import aliases_of, names_of, split_qualified
from .rows import Row


def narrow(rows: list[Row], filters: Filters) -> list[Row]:
    """Return those of the rows, newest first, that these four filters leave.

    As in the engine, names and ids go before the cuts: where the container to cut at is not left, `before` leaves none
    and `since` all. Raises NotFound where `before` or `since` name no container.
    """
    before, since = _named(rows, filters.get("before")), _named(rows, filters.get("since"))
    rows = _by_id([row for row in rows if _has_name(row, filters.get("name"))], filters.get("id"), rows)
    if before is not None:
        rows = rows[rows.index(before) + 1 :] if before in rows else []
    if since is not None and since in rows:
        rows = rows[: rows.index(since)]
    return rows


def _by_id(rows: list[Row], prefixes: Iterable[str], everything: list[Row]) -> list[Row]:
    if not prefixes:
        return rows
    wanted = {key for prefix in prefixes for key in _only_match(everything, prefix)}
    return [row for row in rows if (row.member, row.id) in wanted]


def _only_match(rows: list[Row], prefix: str) -> list[tuple[str, str]]:
    """Return on each host the container whose id begins so, if it is the only one there, as that engine does."""
    matches: dict[str, list[str]] = {}
    for row in rows:
        if row.id.startswith(prefix):
            matches.setdefault(row.member, []).append(row.id)
    return [(member, ids[0]) for member, ids in matches.items() if len(ids) == 1]


def _has_name(row: Row, patterns: tuple[str, ...]) -> bool:
    """Tell whether a pattern is found in the name, with or without its slash; aliases do not count.

    Only a pattern that has a slash inside is held against `host/name`: `^a` means containers, not all of host `a`.
    """
    if not patterns:
        return True
    qualified = tuple(pattern for pattern in patterns if row.member and "/" in pattern.lstrip("^/"))
    bare = tuple(pattern for pattern in patterns if pattern not in qualified)
    return _found(bare, row.name) or _found(qualified, f"{row.member}/{row.name}")


def _found(patterns: tuple[str, ...], name: str) -> bool:
    matching = Filters({"name": patterns})
    return bool(patterns) and (matching.match("name", name) or matching.match("name", f"/{name}"))


def _named(rows: list[Row], values: tuple[str, ...]) -> Row | None:
    """Return the container that the last value names, by full id or by name."""
    found = None
    for value in values:
        matches = [row for row in rows if _is_called(row, value)]
        if len(matches) != 1:
            raise NotFound(f"no such container {value}")
        found = matches[0]
    return found


def _is_called(row: Row, reference: str) -> bool:
    names = (row.id, *names_of(row.document), *aliases_of(row.document))
    host, rest = split_qualified(reference)
    return reference.removeprefix("/") in names or (host == row.member and rest in names)
