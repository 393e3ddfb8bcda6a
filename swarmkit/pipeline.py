"""Pipelines: stages chained from the front to the backend, written as text or built from objects with `|`."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from attrs import frozen

from .errors import Internal, Invalid, SwarmError, error_of, located
from .host import Host
from .instance import errors_within
from .part import Role, Stage
from .registry import Registry
from .service import Service

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)\Z", re.DOTALL)


@frozen
class Pipeline:
    """One or more stages; the last is a backend, those before it are layers, the first may be a front."""

    stages: tuple[Stage, ...]

    def __or__(self, other: Stage | Pipeline) -> Pipeline:
        if isinstance(other, Pipeline):
            return Pipeline(self.stages + other.stages)
        return Pipeline((*self.stages, other)) if isinstance(other, Stage) else NotImplemented

    def __str__(self) -> str:
        return " | ".join(str(stage) for stage in self.stages)

    @property
    def role(self) -> Role:
        """What the whole is to whoever uses it: layers are to be seen through."""
        first = self.stages[0].role
        return self.stages[-1].role if first is Role.LAYER else first

    @property
    def name(self) -> str:
        """What the host is called where nothing else names it: as its last stage is."""
        return self.stages[-1].name

    def named(self, name: str) -> Pipeline:
        """Return the pipeline with its last stage under another name."""
        return Pipeline((*self.stages[:-1], self.stages[-1].named(name)))

    @property
    def reaches(self) -> frozenset[str]:
        """The addresses that its stages connect to."""
        return frozenset[str]().union(*(stage.reaches for stage in self.stages))

    def avoiding(self, addresses: frozenset[str]) -> Pipeline:
        """Return the pipeline as one that connects to none of the addresses; see `Stage.avoiding`."""
        return Pipeline(tuple(stage.avoiding(addresses) for stage in self.stages))

    def check(self) -> None:
        """Raise `Invalid`, naming the stage, where one stands in a place that its role does not allow.

        So it does where the pipeline would be its own client, as happens with a `DOCKER_HOST` that is set to it.
        """
        if not self.stages:
            raise Invalid("the pipeline is empty")
        for place, stage in enumerate(self.stages):
            last = place == len(self.stages) - 1
            wrong = ""
            if last and stage.role in (Role.LAYER, Role.FRONT):
                wrong = "needs a service behind it: add a backend such as docker"
            elif not last and stage.role in (Role.BACKEND, Role.SOURCE):
                wrong = "must be the last: nothing can stand behind it"
            elif place and stage.role is Role.FRONT:
                wrong = "must be the first: it serves the outside"
            if wrong:
                raise Invalid(f"stage {place + 1} ({stage}) {wrong}", stage=place + 1)
        self._not_its_own_host()

    def _not_its_own_host(self) -> tuple[Stage, ...]:
        """Return the stages, those behind the first as ones that do not connect to what it serves."""
        first, *behind = self.stages
        return (first, *(stage.avoiding(first.serves) for stage in behind))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Service]:
        """Open all stages, the last one first; yield the first. They end with the block, the first one first.

        A `SwarmError` of a stage that cannot be opened names the stage.
        """
        self.check()
        stages = self._not_its_own_host()
        service: Service | None = None
        async with AsyncExitStack() as stack:
            for place in range(len(stages) - 1, -1, -1):
                stage = stages[place]
                try:
                    service = await stack.enter_async_context(stage.open(service))
                except Exception as error:
                    errors = errors_within(error)
                    if not errors:
                        raise
                    if "stage" in errors[0].details:  # of a pipeline within this stage, which has named it
                        raise _numbered(errors[0], place + 1) from error
                    where = f"stage {place + 1} ({stage})" if len(stages) > 1 else str(stage)
                    raise _numbered(located(errors[0], where), place + 1) from error
            if service is None:
                raise Internal(f"{stages[0]} opened no service")
            yield service


def parse_stage(text: str, registry: Registry) -> Stage:
    """Parse the words of one stage; raise a `SwarmError` that names what is wrong."""
    words = _split(text)
    if not words:
        raise Invalid("a stage is empty")
    return registry.find(words[0]).parse(words[1:])


def parse_pipeline(text: str | Sequence[str], registry: Registry | None = None) -> Pipeline:
    """Parse a pipeline from one string, in which an unquoted `|` parts the stages, or from several such strings.

    Words are split as a POSIX shell does, without expansions. An error names the stage, counted from one.
    """
    registry = registry if registry is not None else Registry()
    texts = [text] if isinstance(text, str) else list(text)
    stages: list[Stage] = []
    for piece in (piece for whole in texts for piece in split_stages(whole)):
        try:
            stages.append(parse_stage(piece, registry))
        except SwarmError as error:
            raise located(error, f"stage {len(stages) + 1} ({piece.strip()})") from error
    pipeline = Pipeline(tuple(stages))
    pipeline.check()
    return pipeline


def parse_member(text: str) -> tuple[str | None, str]:
    """Split `NAME=PIPELINE` into its halves; the name is None where none is given."""
    named = _NAMED.match(text.strip())
    return (named[1], named[2]) if named else (None, text.strip())


def split_stages(text: str) -> list[str]:
    """Split a pipeline's text at each `|` that is neither quoted nor escaped."""
    stages, start, quote, escaped = [], 0, "", False
    for place, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "|":
            stages.append(text[start:place])
            start = place + 1
    stages.append(text[start:])
    if len(stages) > 1 and not all(stage.strip() for stage in stages):
        raise Invalid(f"a stage is empty: {text!r}")
    return stages


def _numbered(error: SwarmError, stage: int) -> SwarmError:
    """Return the same error with the number of the stage it comes from: of stages within stages, the outermost."""
    return error_of(error.code, error.message, **{**error.details, "stage": stage})


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Invalid(f"cannot split {text!r} into words: {error}") from error


@asynccontextmanager
async def open_pipeline(
    pipeline: str | Sequence[str] | Stage | Pipeline, registry: Registry | None = None
) -> AsyncIterator[Host]:
    """Open a pipeline, written or built, and yield the host that it makes; it ends with the block.

    ```python
    async with open_pipeline('aggregate "a=docker" "b=fake"') as host:
        print(await host.ls())
    ```
    """
    if isinstance(pipeline, Stage):
        pipeline = Pipeline((pipeline,))
    elif not isinstance(pipeline, Pipeline):
        pipeline = parse_pipeline(pipeline, registry)
    async with pipeline.open() as service:
        yield Host(service)
