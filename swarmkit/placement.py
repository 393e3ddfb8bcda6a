"""The contract of placement: what a policy sees of a member, and what it answers. Pure data.

The policies that come with the toolkit are in `swarmkit.engine.placement`; any function of the same shape will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from .rows import Row

Spec = Mapping[str, Any]
"""What is to be created (for a container, the body of operation ContainerCreate)."""


DRAINED = "drain"
"""The `Availability` of a host that is to take nothing new, as Docker's Swarm mode says it; else it is "active"."""


def is_drained(document: Mapping[str, Any]) -> bool:
    """Tell whether the document of a host, or of a source's member, says that it is to take nothing new."""
    return document.get("Availability") == DRAINED


@frozen
class Pending:
    """A container on its way to a member: it is being created, or was, and has not been listed yet.

    It has an `id` once it was created. `host` is the one beneath the member, as that calls it: `""` for the member
    itself, and where it is not known.
    """

    name: str = ""
    spec: Spec = field(factory=dict)
    host: str = ""
    id: str = ""


@frozen
class Candidate:
    """A member that might take the container, and what is known of it: rows as its mirror holds them.

    `hosts` are the rows of the hosts beneath (one that is its own host has one, with the member `""`; none is known of
    one that never answered), and `lost` says by member which of them do not answer, and why. A host whose document says
    the `Availability` "drain" is to take nothing new. Collections that are None are not known. `within` is what stands
    before the name where whoever asks sees the candidate as a part of a larger whole.
    """

    name: str
    hosts: tuple[Row, ...] = ()
    containers: tuple[Row, ...] = ()
    pending: tuple[Pending, ...] = ()
    lost: Mapping[str, str] = field(factory=dict)
    images: tuple[Row, ...] | None = None
    networks: tuple[Row, ...] | None = None
    volumes: tuple[Row, ...] | None = None
    within: str = ""

    @property
    def load(self) -> int:
        """How many containers it has, stopped ones too, or is about to have."""
        return len(self.containers) + len(self.pending)


class Policy(Protocol):
    """Order the candidates, the best first, without those that may not have it.

    Quick, and without effects. Raises `Unavailable` that names each host and why not, where none may have it, and
    `Invalid` for a spec that asks in words that cannot be read. The caller tries the first; where that answers that it
    lacks what is needed, it asks again about the others.
    """

    def __call__(self, spec: Spec, candidates: Sequence[Candidate], /) -> Sequence[Candidate]: ...
