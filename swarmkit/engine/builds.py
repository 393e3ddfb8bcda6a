"""What a build asks of its host, read from the query of operation ImageBuild, and said as placement reads it. Pure.

Conditions come as build arguments, as with classic Swarm: `--build-arg constraint:node==a` is the argument
`constraint:node` of the value `=a`. They are taken out of what the engine gets, which would say that nothing uses them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from .dependencies import SHARED
from .placement import settled

UPLOAD = "upload-request:"
"""How the id of a request begins that is no build, but brings the context of the build whose id follows."""

_EXPRESSIONS = ("constraint:", "affinity:")


@frozen
class BuildQuery:
    """The query of a build, decoded.

    `expressions` are its conditions, as they would stand in a container's environment, and `params` all the rest.
    """

    params: Sequence[tuple[str, str]]
    expressions: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Sequence[tuple[str, str]]) -> BuildQuery:
        """Read the parameters. What the engine will not be able to read is left to it."""
        expressions: list[str] = []
        kept = [(key, _without(value, expressions) if key == "buildargs" else value) for key, value in params]
        return cls(kept, tuple(expressions))

    def first(self, name: str) -> str:
        """Return the first value of a parameter, or nothing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter."""
        return [value for key, value in self.params if key == name]

    @property
    def encoded(self) -> str:
        """The query for the engine."""
        return urlencode(self.params, quote_via=quote)

    @property
    def build(self) -> str:
        """The id of the build, that of an upload's, too; nothing with the classic builder."""
        return self.first("buildid").removeprefix(UPLOAD)

    @property
    def buildkit(self) -> bool:
        """Whether BuildKit is to do it."""
        return self.first("version") == "2"

    @property
    def uploads(self) -> bool:
        """Whether it is no build, but brings the context of one."""
        return bool(self.build) and self.first("buildid").startswith(UPLOAD)

    @property
    def spec(self) -> Mapping[str, Any]:
        """What it asks for, as the spec of a container: what is tagged so already, or is a source of cache, draws it.

        Raises Invalid for a condition that cannot be read.
        """
        return settled(
            {
                "Image": self.first("t") or _first_source(self.first("cachefrom")),
                "Env": list(self.expressions),
                "HostConfig": {
                    "NetworkMode": "" if self.beside else self.first("networkmode"),
                    "Memory": _number(self.first("memory")),
                    "CpuPeriod": _number(self.first("cpuperiod")),
                    "CpuQuota": _number(self.first("cpuquota")),
                },
            }
        )

    @property
    def beside(self) -> str:
        """The container whose network it uses, and whose host it must be on; nothing without one."""
        mode = self.first("networkmode")
        return mode.removeprefix(SHARED) if mode.startswith(SHARED) else ""

    def with_beside(self, container: str) -> BuildQuery:
        """Return the query with another name for the container that it must be beside."""
        mode = SHARED + container
        return evolve(self, params=[(key, mode if key == "networkmode" else value) for key, value in self.params])


def at_engine(spec: Mapping[str, Any], engine: str, *, wish: bool = False) -> Mapping[str, Any]:
    """Return a spec that may only go to the engine of an ID; as a `wish`, that would rather go there."""
    return settled({**spec, "Env": [f"constraint:node=={'~' if wish else ''}{engine}"]})


def not_at_engines(spec: Mapping[str, Any], engines: Iterable[str]) -> Mapping[str, Any]:
    """Return a spec that may not go to the engines of these IDs."""
    return settled({**spec, "Env": [f"constraint:node!={engine}" for engine in engines]})


def _without(text: str, expressions: list[str]) -> str:
    """Return build arguments without those that are conditions, which are appended to `expressions`."""
    arguments = _json(text)
    if not isinstance(arguments, dict):
        return text
    found = {key: value for key, value in arguments.items() if key.startswith(_EXPRESSIONS)}
    if not found:
        return text
    expressions += [f"{key}={value or ''}" for key, value in found.items()]
    return json.dumps({key: value for key, value in arguments.items() if key not in found}, ensure_ascii=False)


def _first_source(text: str) -> str:
    sources = _json(text)
    return str(sources[0]) if isinstance(sources, list) and sources else ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
