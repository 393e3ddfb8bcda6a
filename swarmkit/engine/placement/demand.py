"""What a new container asks of its host, read from the body of operation ContainerCreate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..dependencies import referred
from ..references import with_tag
from .compose import PROJECT, Instance, instance_of
from .expressions import AFFINITY, CONSTRAINT, Expression, expressions_of
from .ports import Claim, claims_of
from .reading import items, labels, mapping, text
from .reservations import reserved_cpus, reserved_memory

_PREDEFINED = frozenset({"", "default", "bridge", "host", "none"})
"""Networks that every host has."""


@frozen
class Demand:
    """What a new container asks for. CPUs are counted in whole ones, memory in bytes; 0 is no limit."""

    constraints: tuple[Expression, ...] = ()
    affinities: tuple[Expression, ...] = ()
    cpus: float = 0
    memory: int = 0
    ports: tuple[Claim, ...] = ()
    references: tuple[str, ...] = ()
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    image: str = ""
    project: str = ""
    instance: Instance | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Demand:
        """Read a spec. Raises Invalid for an expression that cannot be read; what else is wrong the engine refuses."""
        host_config, words = mapping(spec.get("HostConfig")), labels(spec.get("Labels"))
        image = text(spec.get("Image"))
        return cls(
            constraints=expressions_of(spec, CONSTRAINT),
            affinities=expressions_of(spec, AFFINITY),
            cpus=reserved_cpus(host_config),
            memory=reserved_memory(host_config),
            ports=claims_of(host_config, spec.get("ExposedPorts")),
            references=tuple(referred(spec)),
            networks=frozenset(_networks(spec, host_config)) - _PREDEFINED,
            volumes=frozenset(_volumes(host_config)),
            image=with_tag(image) if image else "",
            project=words.get(PROJECT, ""),
            instance=instance_of(words),
        )

    def of_what_there_is(self, *, networks: frozenset[str], volumes: frozenset[str]) -> Demand:
        """Return the demand with those networks and volumes alone that some host has: others can be made anywhere."""
        if not self.networks and not self.volumes:
            return self
        return evolve(self, networks=self.networks & networks, volumes=self.volumes & volumes)


def _networks(spec: Mapping[str, Any], host_config: Mapping[str, Any]) -> Iterator[str]:
    mode = text(host_config.get("NetworkMode"))
    if not mode.startswith("container:"):
        yield mode
    yield from mapping(mapping(spec.get("NetworkingConfig")).get("EndpointsConfig"))


def _volumes(host_config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the volumes that are mounted; a path is none."""
    for bind in items(host_config.get("Binds")):
        source, colon, _ = text(bind).partition(":")
        if colon and not source.startswith(("/", "~", ".")):
            yield source
    for mount in map(mapping, items(host_config.get("Mounts"))):
        if text(mount.get("Type")) == "volume" and text(mount.get("Source")):
            yield text(mount.get("Source"))
