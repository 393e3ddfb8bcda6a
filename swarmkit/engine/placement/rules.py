"""What rules a host out, each with its reason. Whoever reads them knows which host is meant."""

from __future__ import annotations

from collections.abc import Callable, Collection

from .demand import Demand
from .expressions import Expression
from .places import Place
from .reading import text

Rule = Callable[[Demand, Place], str | None]
"""Say why a host may not take the container; None if it may."""

SLOTS_LABEL = "containerslots"
"""The label of an engine that says how many containers it may have."""

ATTRIBUTES = {
    "storagedriver": "Driver",
    "kernelversion": "KernelVersion",
    "operatingsystem": "OperatingSystem",
    "ostype": "OSType",
    "architecture": "Architecture",
    "serverversion": "ServerVersion",
}
"""Keys of constraints beside `node` and labels, and where in a host's document they stand; they go before labels."""


def available(demand: Demand, place: Place) -> str | None:
    """Rule out a host that is drained: what is there goes on, and nothing new goes there until it is put back."""
    return "is drained, and takes nothing new" if place.drained else None


def healthy(demand: Demand, place: Place) -> str | None:
    """Rule out a host that does not answer."""
    return None if place.lost is None else place.lost or "does not answer"


def constraints(demand: Demand, place: Place) -> str | None:
    """Rule out a host that is not as a constraint wants it."""
    for each in demand.constraints:
        if not each.soft and not meets(each, place):
            return f"does not meet constraint:{each}"
    return None


def affinities(demand: Demand, place: Place) -> str | None:
    """Rule out a host that has not, or has, what an affinity names."""
    for each in demand.affinities:
        if not each.soft and not attracts(each, place):
            return f"does not meet affinity:{each}"
    return None


def dependencies(demand: Demand, place: Place) -> str | None:
    """Rule out a host without a container that the new one refers to."""
    for reference in demand.references:
        if place.held.find(reference.removeprefix("/").removeprefix(f"{place.name}/")) is None:
            return f"has no container {reference}, which is referred to"
    return None


def networks(demand: Demand, place: Place) -> str | None:
    """Rule out a host without a network that another host has."""
    missing = demand.networks - place.networks if place.networks is not None else ()
    return f"has no network {min(missing)}, which another host has" if missing else None


def volumes(demand: Demand, place: Place) -> str | None:
    """Rule out a host without a volume that another host has."""
    missing = demand.volumes - place.volumes if place.volumes is not None else ()
    return f"has no volume {min(missing)}, which another host has" if missing else None


def ports(demand: Demand, place: Place) -> str | None:
    """Rule out a host on which a port that is asked for is taken."""
    for claim in demand.ports:
        if (holder := place.held.holder(claim)) is not None:
            return f"port {claim} is taken by {holder.called}"
    return None


def slots(most: int | None = None) -> Rule:
    """Make the rule of how many containers a host may have, stopped ones too: as its label says, else `most`."""

    def slots(demand: Demand, place: Place) -> str | None:
        label = place.labels.get(SLOTS_LABEL, "")
        limit = int(label) if label.isascii() and label.isdigit() else most
        count = len(place.held)
        return f"has {count} of {limit} containers" if limit is not None and count >= limit else None

    return slots


def room(overcommit: float) -> Rule:
    """Make the rule that no more is reserved than a host has, and this share of it besides (0.05: one twentieth)."""

    def room(demand: Demand, place: Place) -> str | None:
        cpus = place.held.cpus + demand.cpus
        if demand.cpus and place.cpus and cpus > place.cpus * (1 + overcommit):
            return f"has no room: {cpus:g} CPUs would be reserved of {place.cpus:g}"
        memory = place.held.memory + demand.memory
        if demand.memory and place.memory and memory > place.memory * (1 + overcommit):
            return f"has no room: {_mib(memory)} of memory would be reserved of {_mib(place.memory)}"
        return None

    return room


RULES: tuple[Rule, ...] = (available, healthy, constraints, affinities, dependencies, networks, volumes, ports)
"""The rules that always hold, in the order in which they are asked."""


def meets(constraint: Expression, place: Place) -> bool:
    """Tell whether a host is as a constraint wants it."""
    return constraint.holds(_values(constraint.key, place))


def attracts(affinity: Expression, place: Place) -> bool:
    """Tell whether a host has what an affinity wants there, or has not what it does not want there.

    What is to be replaced is there still, and is no reason against. Images that are not known are none, either.
    """
    if affinity.key == "image":
        return place.images is None or affinity.holds(place.images)
    held = place.held if affinity.negated else place.held.plus(place.replaced)
    return affinity.holds(held.names if affinity.key == "container" else held.labelled(affinity.key))


def _values(key: str, place: Place) -> Collection[str]:
    if key == "node":
        return place.name, place.name.rpartition("/")[2], text(place.document.get("ID"))
    if key in ATTRIBUTES:
        return (text(place.document.get(ATTRIBUTES[key])),)
    return (place.labels[key],) if key in place.labels else ()


def _mib(amount: float) -> str:
    return f"{amount / (1 << 20):.4g} MiB"
