"""What is on a host: each container with what it takes of it, and the sums of that."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

from attrs import define, frozen

from swarmkit.placement import Pending
from swarmkit.rows import Row

from .compose import PROJECT, Instance, instance_of
from .ports import Claim, bound_by, claims_of, overlap
from .reading import labels, mapping
from .reservations import ACTIVE, reserved_cpus, reserved_memory


@frozen
class Holding:
    """One container on a host. One that has ended holds neither ports nor CPUs nor memory, since the engine freed them.

    One that was created holds them: it is about to start.
    """

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    cpus: float = 0
    memory: int = 0
    ports: tuple[Claim, ...] = ()

    @property
    def called(self) -> str:
        """What to call it in a message."""
        return self.names[0] if self.names else self.id[:12] or "a container that is being created"

    @classmethod
    def of_row(cls, row: Row) -> Holding:
        """Read a row of a container: its document, and what of its inspection stands beside it."""
        words = labels(row.document.get("Labels"))
        if row.document.get("State") not in ACTIVE:
            return cls(row.id, row.names, words)
        detail = row.detail or {}
        host_config = mapping(detail.get("HostConfig"))
        claims = claims_of(host_config, mapping(detail.get("Config")).get("ExposedPorts"))
        return cls(
            row.id,
            row.names,
            words,
            reserved_cpus(host_config),
            reserved_memory(host_config),
            tuple(dict.fromkeys((*(claim for claim in claims if claim.fixed), *bound_by(row.document)))),
        )

    @classmethod
    def of_pending(cls, pending: Pending) -> Holding:
        """Read the spec of a container that is being created."""
        spec, host_config = pending.spec, mapping(pending.spec.get("HostConfig"))
        return cls(
            pending.id,
            (pending.name,) if pending.name else (),
            labels(spec.get("Labels")),
            reserved_cpus(host_config),
            reserved_memory(host_config),
            tuple(claim for claim in claims_of(host_config, spec.get("ExposedPorts")) if claim.fixed),
        )


@define(eq=False, slots=False)
class Holdings:
    """All containers on a host, with what they take of it together.

    They are some of its own, and those of a `base`: what is on its way is put on top of what has been added up.
    """

    own: Sequence[Holding] = ()
    base: Holdings | None = None

    def __iter__(self) -> Iterator[Holding]:
        return chain(self.own, self.base or ())

    def __len__(self) -> int:
        return len(self.own) + (len(self.base) if self.base else 0)

    def plus(self, more: Sequence[Holding]) -> Holdings:
        """Return these and more."""
        return Holdings(more, self) if more else self

    def without(self, some: Sequence[Holding]) -> Holdings:
        """Return all but some."""
        return Holdings([each for each in self if each not in some]) if some else self

    @cached_property
    def cpus(self) -> float:
        """How many CPUs are reserved."""
        return sum(each.cpus for each in self.own) + (self.base.cpus if self.base else 0)

    @cached_property
    def memory(self) -> int:
        """How many bytes of memory are reserved."""
        return sum(each.memory for each in self.own) + (self.base.memory if self.base else 0)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all, their ids, and these as they are shown."""
        own = {name for each in self.own for name in (*each.names, each.id, each.id[:12])} - {""}
        return frozenset(own).union(self.base.names if self.base else ())

    def labelled(self, key: str) -> frozenset[str]:
        """Return the different values that a label has."""
        return self._labels.get(key, frozenset()).union(self.base.labelled(key) if self.base else ())

    def of(self, instance: Instance | None) -> list[Holding]:
        """Return those that are this instance of a service."""
        if instance is None or instance[0] not in self.labelled(PROJECT):
            return []
        return [each for each in self if instance_of(each.labels) == instance]

    def in_project(self, project: str) -> int:
        """Return how many belong to a project of Compose."""
        if not project:
            return 0
        return self._projects[project] + (self.base.in_project(project) if self.base else 0)

    def find(self, reference: str) -> Holding | None:
        """Return the container that an id, the beginning of one or a name means."""
        return next((each for each in self if reference in each.names or _begins(each, reference)), None)

    def holder(self, claim: Claim) -> Holding | None:
        """Return who has a port already; None where one of those that are asked for is free."""
        holder = None
        for port in range(claim.first, claim.last + 1):
            holder = self._holder(claim.protocol, port, claim.address)
            if holder is None:
                return None
        return holder

    def _holder(self, protocol: str, port: int, address: str) -> Holding | None:
        taken = self._ports.get((protocol, port), ())
        own = next((held for at, held in taken if overlap(at, address)), None)
        return own or (self.base._holder(protocol, port, address) if self.base else None)

    @cached_property
    def _labels(self) -> Mapping[str, frozenset[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for each in self.own:
            for key, value in each.labels.items():
                found[key].add(value)
        return {key: frozenset(values) for key, values in found.items()}

    @cached_property
    def _projects(self) -> Counter[str]:
        return Counter(each.labels[PROJECT] for each in self.own if PROJECT in each.labels)

    @cached_property
    def _ports(self) -> Mapping[tuple[str, int], list[tuple[str, Holding]]]:
        found: defaultdict[tuple[str, int], list[tuple[str, Holding]]] = defaultdict(list)
        for each in self.own:
            for claim in each.ports:
                found[claim.protocol, claim.first].append((claim.address, each))
        return dict(found)


def _begins(holding: Holding, reference: str) -> bool:
    return bool(reference) and holding.id.startswith(reference)
