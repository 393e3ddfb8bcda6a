"""In which order the hosts that may take a container are asked: wishes first, and among equals a strategy.

Every function here gives a number, or several, of which the least is the best.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .demand import Demand
from .places import Place
from .rules import attracts, meets, room

Strategy = Callable[[Demand, Place], tuple[float, ...]]
"""Say how good a host is for a container: the least is the best."""

_fits = room(0)


def spread(demand: Demand, place: Place) -> tuple[float, ...]:
    """Prefer the host least in use."""
    return use(demand, place), len(place.held)


def binpack(demand: Demand, place: Place) -> tuple[float, ...]:
    """Prefer the host most in use, so that others stay free."""
    return -use(demand, place), -len(place.held)


def random_strategy(random: Random | None = None) -> Strategy:
    """Make the strategy that prefers no host; `random` makes it repeatable."""
    chance = random or Random()
    return lambda demand, place: (chance.random(),)


STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "spread": lambda: spread,
    "binpack": lambda: binpack,
    "random": random_strategy,
}
"""Makers of the strategies, by name."""


def wishes(demand: Demand, place: Place) -> tuple[float, ...]:
    """Prefer, in this order: the host of what is replaced, one with the image, the wishes, room, and the project."""
    return (
        not place.replaced,
        _lacks_image(demand, place),
        unmet(demand, place),
        not fits(demand, place),
        -place.in_project(demand.project),
    )


def unmet(demand: Demand, place: Place) -> int:
    """Return how many soft expressions a host does not meet."""
    constraints = sum(each.soft and not meets(each, place) for each in demand.constraints)
    return constraints + sum(each.soft and not attracts(each, place) for each in demand.affinities)


def fits(demand: Demand, place: Place) -> bool:
    """Tell whether what is asked for is still free there.

    It is a wish unless there is a rule: to an engine these are limits, and it takes more of them than it has. One big
    host must not refuse what a small one accepts.
    """
    return _fits(demand, place) is None


def use(demand: Demand, place: Place) -> float:
    """Return how much of a host would be reserved: the sum of the shares of what is asked for, 0 if nothing is."""
    cpus = _share(place.held.cpus + demand.cpus, place.cpus) if demand.cpus else 0.0
    memory = _share(place.held.memory + demand.memory, place.memory) if demand.memory else 0.0
    return cpus + memory


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _lacks_image(demand: Demand, place: Place) -> int:
    """Return 0 for a host that has the image, 2 for one that has not, and 1 where its images are not known."""
    if place.images is None:
        return 1
    return 0 if demand.image in place.images else 2
