"""What a new container asks of its host, read from the body of operation ContainerCreate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from ..dependencies import networks_of, referred, volumes_of
from ..references import with_tag
from .compose import PROJECT, Instance, instance_of
from .expressions import AFFINITY, CONSTRAINT, Expression, expressions_of
from .ports import Claim, claims_of
from .reading import labels, mapping, text
from .reservations import reserved_cpus, reserved_memory


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
            networks=frozenset(networks_of(spec)),
            volumes=frozenset(volumes_of(spec)),
            image=with_tag(image) if image else "",
            project=words.get(PROJECT, ""),
            instance=instance_of(words),
        )

    def of_what_there_is(self, *, networks: frozenset[str], volumes: frozenset[str]) -> Demand:
        """Return the demand with those networks and volumes alone that some host has: others can be made anywhere."""
        if not self.networks and not self.volumes:
            return self
        return evolve(self, networks=self.networks & networks, volumes=self.volumes & volumes)
