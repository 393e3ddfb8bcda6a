"""What a new container refers to must be on its host: containers, networks and volumes.

It is said in the front, and not by the policy alone, because a name may be qualified (`a/net`), which no engine
understands, and because whoever names a host is asked no policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from swarmkit.engine.dependencies import (
    LISTS,
    MODES,
    SHARED,
    entries,
    is_shared,
    networks_of,
    referred,
    split_entry,
    volumes_of,
    with_words,
)
from swarmkit.engine.shared import is_predefined, spans_hosts
from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.rows import Row

from .hosts import Hosts

_COLLECTIONS = {"networks": networks_of, "volumes": volumes_of}


@frozen
class _Reference:
    """One thing that is referred to: what is said of it, the word that its host knows, and the hosts that have it."""

    said: str
    word: str
    hosts: frozenset[str]


async def place_of(hosts: Hosts, spec: Mapping[str, Any], asked: str) -> tuple[dict[str, Any], str | None]:
    """Find the host of what a spec refers to; return the spec with the words that this host knows, and the host.

    None where several will do, or any: the policy chooses among them. What no host has restricts nothing, for it may be
    made (a volume), or the engine says what is wrong. Raises `Conflict`, naming what is where, if no host has all, or
    not the one `asked` for, or that is drained and not asked for, and `Invalid` where there is no such container.
    """
    containers = {reference: await _find(hosts, reference) for reference in referred(spec)}
    places = {name: frozenset({row.member}) for name, row in containers.items()}
    words = {name: row.name for name, row in containers.items() if "/" in name}  # of links on a network
    for reference, found in await _things(hosts, spec, asked):
        words[reference] = found.word
        if found.hosts:
            places[found.said] = found.hosts
    left = [each for each in _common(list(places.values())) if not asked or _is_in(each, asked)]
    if places and not left:
        raise _nowhere(places, asked)
    if left and not asked:
        left = await _undrained(hosts, left, places)
    plain = with_words(spec, words) if any(name != word for name, word in words.items()) else dict(spec)
    if containers:
        plain["HostConfig"] = _with_plain(plain["HostConfig"], containers)
    return plain, left[0] if len(left) == 1 else None


def _common(places: Sequence[frozenset[str]]) -> list[str]:
    return sorted(frozenset.intersection(*places)) if places else []


def _nowhere(places: Mapping[str, frozenset[str]], asked: str) -> Conflict:
    wanted = f", and {asked} is asked for" if asked else ""
    return Conflict(f"a container and those it refers to must be on one host: {_whereabouts(places)}{wanted}")


def _whereabouts(places: Mapping[str, frozenset[str]]) -> str:
    return ", ".join(f"{said} on {' and '.join(sorted(hosts))}" for said, hosts in places.items())


async def _undrained(hosts: Hosts, left: Sequence[str], places: Mapping[str, frozenset[str]]) -> list[str]:
    """Return those of the hosts left that take something new; raise `Conflict` where there is none."""
    drained = {node.name for node in await hosts.nodes() if node.drained}
    if drained.issuperset(left):
        raise Conflict(
            f"a container must be on the host of those it refers to, which is drained and takes nothing new: "
            f"{_whereabouts(places)}. Put {left[0]} back first, or name it: {left[0]}/NAME"
        )
    return [each for each in left if each not in drained]


def _is_in(host: str, asked: str) -> bool:
    return f"{host}/".startswith(f"{asked}/")


async def _find(hosts: Hosts, reference: str) -> Row:
    """Find a container; raise `Invalid` where there is none, as an engine does: 404 would mean the image."""
    try:
        return await hosts.row_of(reference)
    except NotFound as error:
        raise Invalid(error.message) from error


# -- networks and volumes ---------------------------------------------------------------------------------------------


async def _things(hosts: Hosts, spec: Mapping[str, Any], asked: str) -> list[tuple[str, _Reference]]:
    """Find the networks and volumes that a spec refers to, by what the client calls them."""
    found: list[tuple[str, _Reference]] = []
    for collection, names_in in _COLLECTIONS.items():
        if names := names_in(spec):
            known = [node.name for node in await hosts.nodes()]
            rows = list(await hosts.rows(collection))
            found += [(name, _thing(collection, name, rows, known, asked)) for name in names]
    return found


def _thing(collection: str, name: str, rows: Sequence[Row], known: Sequence[str], asked: str) -> _Reference:
    """Find one of them. `host/name` is meant on that host, whether it is there or not."""
    host, slash, word = name.rpartition("/")
    named = [each for each in known if slash and _is_in(each, host)]
    word = word if named else name
    held = frozenset(row.member for row in _called(word, rows) if not is_predefined(row) and not spans_hosts(row))
    said = f"{collection.removesuffix('s')} {name}"
    if named:
        return _Reference(said, word, held & frozenset(named) or frozenset(named))
    if collection == "volumes" and asked:  # whoever names a host may well want a volume of that name there
        return _Reference(said, word, frozenset())
    return _Reference(said, word, held)


def _called(word: str, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows that a word means: by id or name, else by the beginning of an id, which volumes have not."""
    exact = [row for row in rows if word in (row.id, row.name)]
    yield from exact or (row for row in rows if row.path[-2] == "networks" and row.id.startswith(word))


# -- words ------------------------------------------------------------------------------------------------------------


def _with_plain(config: Mapping[str, Any], found: Mapping[str, Row]) -> dict[str, Any]:
    """Return the host's part of a spec with ids for containers; with names for links, which need one."""
    plain = dict(config)
    for mode in MODES:
        if is_shared(config.get(mode)):
            plain[mode] = SHARED + found[config[mode].removeprefix(SHARED)].id
    for field in LISTS:
        if split := [split_entry(entry) for entry in entries(config, field)]:
            plain[field] = [_own(found[name], field) + rest for name, rest in split]
    return plain


def _own(row: Row, field: str) -> str:
    return row.name if field == "Links" else row.id
