"""The policy: rules rule hosts out, and of those that are left the best by wishes and strategy goes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from swarmkit.errors import Unavailable
from swarmkit.placement import Candidate, Policy, Spec

from .demand import Demand
from .places import Place, Places
from .rules import RULES, Rule, room, slots
from .strategies import STRATEGIES, Strategy, wishes


@define
class Placement:
    """A policy made of rules and a strategy; see `make_policy`. It remembers sums, and nothing else.

    `words` are the options of the part `aggregate` that make it; two policies of the same words are equal.
    """

    strategy: Strategy = field(eq=False)
    rules: Sequence[Rule] = field(default=RULES, eq=False)
    words: tuple[str, ...] = ()
    _places: Places = field(factory=Places, eq=False)

    def __call__(self, spec: Spec, candidates: Sequence[Candidate], /) -> list[Candidate]:
        """Return the candidates that may take the container, the best first.

        Raises Unavailable that names each host and why not, and Invalid for an expression that cannot be read.
        """
        demand, places = self._read(spec, candidates)
        refusals: dict[str, str] = {}
        ranks: dict[str, tuple[Any, ...]] = {}
        for candidate in candidates:
            for place in places[candidate.name]:
                reason = self._refusal(demand, place)
                if reason is not None:
                    refusals[place.name] = reason
                    continue
                rank = (*wishes(demand, place), *self.strategy(demand, place))
                ranks[candidate.name] = min(rank, ranks.get(candidate.name, rank))
        if not ranks:
            raise _nowhere(refusals)
        left = [candidate for candidate in candidates if candidate.name in ranks]
        return sorted(left, key=lambda each: (ranks[each.name], each.name))

    def _read(self, spec: Spec, candidates: Sequence[Candidate]) -> tuple[Demand, Mapping[str, Sequence[Place]]]:
        """Read what is asked for, and the places by candidate, as if what is replaced had gone."""
        demand = Demand.of(spec)
        found = {
            candidate.name: [place.replacing(demand.instance) for place in self._places.of(candidate)]
            for candidate in candidates
        }
        if demand.networks or demand.volumes:
            everywhere = [place for places in found.values() for place in places]
            demand = demand.of_what_there_is(
                networks=frozenset().union(*(place.networks or () for place in everywhere)),
                volumes=frozenset().union(*(place.volumes or () for place in everywhere)),
            )
        return demand, found

    def _refusal(self, demand: Demand, place: Place) -> str | None:
        return next((reason for rule in self.rules if (reason := rule(demand, place)) is not None), None)


def make_policy(
    strategy: str = "spread", *, overcommit: float | None = None, max_containers: int | None = None
) -> Policy:
    """Make a policy of a strategy's name.

    With `overcommit` no more is reserved than a host has and this share of it besides; without it, a host with room is
    only preferred. `max_containers` is how many a host may have that does not say so itself.
    """
    rules, words = [*RULES, slots(max_containers)], ["--strategy", strategy]
    if overcommit is not None:
        rules.append(room(overcommit))
        words += ["--overcommit", f"{overcommit:g}"]
    if max_containers is not None:
        words += ["--max-containers", str(max_containers)]
    return Placement(STRATEGIES[strategy](), rules, tuple(words))


def _nowhere(refusals: Mapping[str, str]) -> Unavailable:
    if not refusals:
        return Unavailable("no host can take the container: there are no hosts")
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    return Unavailable(f"no host can take the container: {reasons}", refusals=dict(refusals))
