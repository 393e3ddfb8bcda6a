"""The parts that come with the toolkit itself: here `aggregate`, with its policies and its members' names settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import click
from attrs import evolve, frozen

from .aggregate import Aggregate, Identification, open_aggregate
from .engine.identity import EVIDENCE, clones_warning, one_engine
from .engine.names import is_host_name
from .engine.placement import STRATEGIES, make_policy
from .errors import Invalid, SwarmError, located
from .part import Role, Stage, part
from .pipeline import Pipeline, parse_member, parse_pipeline
from .placement import Policy
from .registry import Registry
from .service import Service


@frozen
class AggregateStage(Stage):
    """Many hosts as one; `sources` list further members while it runs. None is at an address that is `avoided`."""

    role = Role.BACKEND
    members: Mapping[str, Pipeline]
    policy: Policy
    sources: tuple[Pipeline, ...] = ()
    name: str = "aggregate"
    avoided: frozenset[str] = frozenset()

    @property
    def reaches(self) -> frozenset[str]:
        return frozenset[str]().union(*(member.reaches for member in self.members.values()))

    def avoiding(self, addresses: frozenset[str]) -> Stage:
        return evolve(
            self,
            members={name: _avoiding(name, member, addresses) for name, member in self.members.items()},
            sources=tuple(source.avoiding(addresses) for source in self.sources),
            avoided=self.avoided | addresses,
        )

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        async with open_aggregate(
            self.members,
            self.policy,
            self.sources,
            check_name=_check_name,
            parse=self._parse,
            identification=Identification(EVIDENCE, one_engine, clones_warning),
        ) as opened:
            yield opened

    def _parse(self, text: str) -> Pipeline:
        return parse_pipeline(text).avoiding(self.avoided)

    def __str__(self) -> str:
        words = [f"{name}={pipeline}" for name, pipeline in self.members.items()]
        return " ".join(["aggregate", *(f'"{word}"' for word in [*words, *map(str, self.sources)])])


def aggregate_of(
    members: Mapping[str, Stage | Pipeline], *sources: Stage | Pipeline, policy: Policy | None = None
) -> AggregateStage:
    """Make an aggregate of stages or pipelines by name, and of sources that list more; see `Aggregate`.

    Containers are spread unless a policy says otherwise.
    """
    checked: dict[str, Pipeline] = {}
    for name, member in members.items():
        _check_name(name)
        checked[name] = member if isinstance(member, Pipeline) else Pipeline((member,))
    listed = tuple(source if isinstance(source, Pipeline) else Pipeline((source,)) for source in sources)
    return AggregateStage(checked, policy or make_policy(), listed)


@part(Role.BACKEND)
@click.argument("members", nargs=-1, required=True, metavar="[NAME=]STAGE...")
@click.option(
    "--strategy",
    type=click.Choice(sorted(STRATEGIES)),
    default="spread",
    help="How a host is chosen for a new container, of those that may take it.",
)
@click.option(
    "--overcommit",
    type=click.FloatRange(min=-1, min_open=True),
    metavar="RATIO",
    help="Refuse a host where more CPUs or memory would be reserved than it has and RATIO of it besides (0.05).",
)
@click.option(
    "--max-containers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse a host that has N containers; the label containerslots=N of an engine goes before.",
)
def aggregate(members: tuple[str, ...], strategy: str, overcommit: float | None, max_containers: int | None) -> Stage:
    """Many hosts as one.

    Each STAGE is a pipeline in quotes (`"a=docker unix:///a.sock"`). A host is called NAME, else after its address. A
    source among the stages adds the members that it lists.
    """
    registry = Registry()
    named: dict[str, Pipeline] = {}
    sources: list[Pipeline] = []
    for text in members:
        name, rest = parse_member(text)
        try:
            pipeline = parse_pipeline(rest, registry)
        except SwarmError as error:
            raise located(error, f"member {text!r}") from error
        if pipeline.role is Role.SOURCE:
            sources.append(pipeline)
            continue
        name = name or pipeline.name
        _check_name(name)
        if name in named:
            raise Invalid(f"two members are called {name!r}: give one of them a name ({name}-2={rest!r})")
        named[name] = pipeline
    policy = make_policy(strategy, overcommit=overcommit, max_containers=max_containers)
    return AggregateStage(named, policy, tuple(sources))


def _avoiding(name: str, member: Pipeline, addresses: frozenset[str]) -> Pipeline:
    try:
        return member.avoiding(addresses)
    except Invalid as error:
        raise located(error, f"member {name}") from error


def _check_name(name: str) -> None:
    if not is_host_name(name):
        raise Invalid(
            f"{name!r} cannot be the name of a host: letters, digits, '_', '.' and '-', and no word of the API"
        )


__all__ = ["Aggregate", "AggregateStage", "aggregate", "aggregate_of"]
