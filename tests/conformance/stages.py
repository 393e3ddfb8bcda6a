"""What the kit is run on: a backend, and every layer over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from attrs import frozen

from swarmkit.debug import DebugStage
from swarmkit.errors import Internal
from swarmkit.mirror import open_mirror
from swarmkit.part import Role, Stage
from swarmkit.parts import aggregate_of
from swarmkit.pipeline import Pipeline
from swarmkit.service import Service
from swarmkit.testing import HostSubject


@frozen
class MirrorStage(Stage):
    """A mirror as a stage: within an aggregate each member has one, and here it stands alone."""

    role = Role.LAYER
    name: str = "mirror"

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("the mirror was opened with no service behind it")
        async with open_mirror(inner, self.name) as mirror:
            yield mirror


Build = Callable[[Sequence[Stage]], Stage | Pipeline]

BUILDS: Mapping[str, Build] = {
    "alone": lambda hosts: hosts[0],
    "debug": lambda hosts: DebugStage() | hosts[0],
    "mirror": lambda hosts: MirrorStage() | hosts[0],
    "aggregate": lambda hosts: aggregate_of({"one": hosts[0], "two": hosts[1]}),
    "debug over aggregate": lambda hosts: DebugStage() | aggregate_of({"one": hosts[0], "two": hosts[1]}),
    "aggregate of aggregates": lambda hosts: aggregate_of(
        {"near": hosts[0], "far": aggregate_of({"one": hosts[1], "two": hosts[2]})}
    ),
}
"""Every composition by name, built of three hosts."""


def host_subject(name: str, stage: Stage | Pipeline) -> HostSubject:
    """Make a subject of a stage that needs nothing behind it, or of a pipeline."""
    pipeline = stage if isinstance(stage, Pipeline) else Pipeline((stage,))
    return HostSubject(name=name, open=pipeline.open)
