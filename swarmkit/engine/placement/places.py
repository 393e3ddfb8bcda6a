"""The hosts on which a container may go, as rules and strategies see them: what each is, and what is on it.

A candidate that is many hosts is as many places. Adding up what is on a host is the work in all this, and is done anew
only where its rows have changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from attrs import define, evolve, field, frozen

from swarmkit.placement import Candidate, Pending, is_drained
from swarmkit.rows import Row

from ..references import split_reference
from ..shared import spans_hosts
from .compose import PROJECT, Instance
from .holdings import Holding, Holdings
from .reading import items, labels, number

REMEMBERED = 1024
"""Candidates of which the sums are kept."""

Names = frozenset[str]


@frozen
class Place:
    """One host, under the name that it has in the whole. A total of zero is not known, and a set that is None.

    `images` are tags, digests and ids; `networks` and `volumes` those of this host alone, and `projects` counts
    how many of them belong to each project of Compose. `replaced` are containers that the new one is to replace, and
    that are no more among what is `held`.
    """

    name: str
    document: Mapping[str, Any] = field(factory=dict)
    held: Holdings = field(factory=Holdings)
    lost: str | None = None
    images: Names | None = None
    networks: Names | None = None
    volumes: Names | None = None
    projects: Mapping[str, int] = field(factory=dict)
    replaced: Sequence[Holding] = ()

    @property
    def cpus(self) -> float:
        """How many CPUs the host has."""
        return number(self.document.get("NCPU"))

    @property
    def memory(self) -> float:
        """How many bytes of memory the host has."""
        return number(self.document.get("MemTotal"))

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its engine."""
        return labels(self.document.get("Labels"))

    @property
    def drained(self) -> bool:
        """Whether it has been taken out of placement."""
        return is_drained(self.document)

    def in_project(self, project: str) -> int:
        """Return how many of a project's containers, networks and volumes are here."""
        return self.held.in_project(project) + self.projects.get(project, 0)

    def replacing(self, instance: Instance | None) -> Place:
        """Return the place without the containers that are this instance of a service."""
        replaced = self.held.of(instance)
        return evolve(self, held=self.held.without(replaced), replaced=replaced) if replaced else self


_Read = Mapping[str, tuple[Row, Holding]]
"""The rows of containers by id, each with what was read of it."""


@frozen(eq=False)
class _Known:
    """A candidate as it was, and what was made of it: places by what the candidate calls them."""

    candidate: Candidate
    places: Mapping[str, Place]
    read: _Read


@define(eq=False)
class Places:
    """Make places of candidates, and remember what was added up."""

    _known: dict[str, _Known] = field(factory=dict)

    def of(self, candidate: Candidate) -> list[Place]:
        """Return the places that a candidate has."""
        listed = evolve(candidate, pending=(), lost={})  # these change with each creation, and are few
        known = self._known.get(candidate.name)
        if known is None or known.candidate != listed:  # rows that are the same objects are not looked into
            known = self._learn(listed, known.read if known is not None else {})
        if not candidate.pending and not candidate.lost:
            return list(known.places.values())
        pending = _by_host(candidate.pending, list(known.places))
        return [
            evolve(place, held=place.held.plus(pending[member]), lost=candidate.lost.get(member))
            for member, place in known.places.items()
        ]

    def _learn(self, candidate: Candidate, before: _Read) -> _Known:
        read = {row.id: _read(row, before) for row in candidate.containers}
        known = _Known(candidate, _places(candidate, read), read)
        self._known.pop(candidate.name, None)
        self._known[candidate.name] = known
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return known


def _read(row: Row, before: _Read) -> tuple[Row, Holding]:
    """Read a row, unless that was done before."""
    known = before.get(row.id)
    return known if known is not None and known[0] is row else (row, Holding.of_row(row))


def _places(candidate: Candidate, read: _Read) -> dict[str, Place]:
    """Return the places of a candidate by what the candidate calls them."""
    hosts = {row.member: row for row in candidate.hosts} or {"": Row(name=candidate.name, path=())}
    whole = (candidate.within, candidate.name)
    holdings = defaultdict(list)
    for row, holding in read.values():
        holdings[row.member].append(holding)
    images = _by_member(candidate.images, _names_of_image)
    networks = _by_member(candidate.networks, _names_of_own)
    volumes = _by_member(candidate.volumes, _names_of_own)
    projects = _projects((*(candidate.networks or ()), *(candidate.volumes or ())))
    return {
        member: Place(
            name="/".join(filter(None, (*whole, member))),
            document=row.document,
            held=Holdings(holdings[member]),
            images=None if images is None else images[member],
            networks=None if networks is None else networks[member],
            volumes=None if volumes is None else volumes[member],
            projects=projects[member],
        )
        for member, row in hosts.items()
    }


def _by_member(
    rows: Sequence[Row] | None, names_of: Callable[[Row], Iterable[str]]
) -> defaultdict[str, frozenset[str]] | None:
    """Return the names of a collection's rows by host, None where the collection is not known."""
    if rows is None:
        return None
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.member].update(names_of(row))
    return defaultdict(frozenset, {member: frozenset(names) for member, names in found.items()})


def _projects(rows: Iterable[Row]) -> defaultdict[str, Counter[str]]:
    """Count by host what belongs to each project of Compose."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if project := labels(row.document.get("Labels")).get(PROJECT):
            found[row.member][project] += 1
    return found


def _names_of_image(row: Row) -> Iterator[str]:
    """Yield the id of an image, and its tags and digests with and without these."""
    yield row.id
    yield row.id.removeprefix("sha256:")
    for reference in (*items(row.document.get("RepoTags")), *items(row.document.get("RepoDigests"))):
        yield reference
        yield split_reference(reference)[0]


def _names_of_own(row: Row) -> Iterator[str]:
    """Yield the id and name of a network or volume; one that all hosts share is bound to none."""
    if not spans_hosts(row):
        yield row.id
        yield row.name


def _by_host(pending: Sequence[Pending], members: Sequence[str]) -> Mapping[str, list[Holding]]:
    """Sort by host what is on its way; where a member of many hosts has not said to which, they take turns."""
    found: defaultdict[str, list[Holding]] = defaultdict(list)
    turns = cycle(members)
    for each in pending:
        found[each.host if each.host in members else next(turns)].append(Holding.of_pending(each))
    return found
