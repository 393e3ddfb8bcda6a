"""The contract of placement: what a policy sees of a member, and what it answers. Pure data.

The policies that come with the toolkit are in `swarmkit.engine.placement`; any function of the same shape will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

Spec = Mapping[str, Any]
"""What is to be created (for a container, the body of operation ContainerCreate)."""


@frozen
class Candidate:
    """A host that might take the container. CPUs are counted in whole ones, memory in bytes.

    `containers` are those there are, stopped ones too; `pending` those on their way there. What is reserved is what
    their creation asked for. `reason` says why a host is not healthy. A total of zero is not known.
    """

    name: str
    containers: int = 0
    pending: int = 0
    healthy: bool = True
    reason: str = ""
    cpus: float = 0
    memory: int = 0
    reserved_cpus: float = 0
    reserved_memory: int = 0
    labels: Mapping[str, str] = field(factory=dict)

    @property
    def load(self) -> int:
        """How many containers it has, or is about to have."""
        return self.containers + self.pending


class Policy(Protocol):
    """Order the candidates, the best first, without those that may not have it.

    Pure and quick. Raises `Unavailable` that names each host and why not, where none may have it. The caller tries them
    in turn while a host answers that it lacks what is needed.
    """

    def __call__(self, spec: Spec, candidates: Sequence[Candidate], /) -> Sequence[Candidate]: ...
