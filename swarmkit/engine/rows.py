"""A container as a list knows it: the document, its host, and what the filters look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .documents import HOST_LABEL, Document
from .names import primary_name
from .status import RUNNING, health_of
from .times import SECOND, ZERO_TIME, parse_time

_EXITED = re.compile(r"Exited \((-?\d+)\)")
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


@frozen
class Row:
    """A container to list: the document of a list and what an inspection adds to it, where there was one.

    `member` is the name of its host, empty where there is only one. `state` is the object `State` of the inspection,
    and `created` its time in nanoseconds: with it the order is right for containers of one second, too.
    """

    member: str
    document: Document
    state: Document | None = None
    created: int | None = None

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self.document["Id"])

    @property
    def name(self) -> str:
        """The container's own name, bare."""
        return primary_name(self.document)

    @property
    def age(self) -> int:
        """The time of creation in nanoseconds, as exactly as it is known."""
        return int(self.document.get("Created", 0)) * SECOND if self.created is None else self.created

    @property
    def labels(self) -> dict[str, str]:
        """The container's labels, with its host's name as one of them."""
        host = {HOST_LABEL: self.member} if self.member else {}
        return {**(self.document.get("Labels") or {}), **host}

    @property
    def running(self) -> bool:
        """Whether it counts as running; paused and restarting do."""
        return self.document.get("State") in RUNNING

    @property
    def exit_code(self) -> int | None:
        """The code it ended with; None while it runs, and where it has never run."""
        if self.running:
            return None
        if self.state is None:
            exited = _EXITED.match(self.document.get("Status", ""))
            return int(exited[1]) if exited else None
        started = self.state.get("StartedAt")
        return int(self.state.get("ExitCode", 0)) if started and parse_time(started) != ZERO_TIME else None

    @property
    def health(self) -> str:
        """The status of its health check, `none` where there is no check (or only a list's word, and it has ended)."""
        if self.state is not None:
            return health_of(self.state)
        health = _HEALTH.search(self.document.get("Status", ""))
        return health[1] if health else "none"

    @property
    def ports(self) -> list[Mapping[str, Any]]:
        """Its ports, published or not."""
        return list(self.document.get("Ports") or ())

    @property
    def networks(self) -> Mapping[str, Mapping[str, Any]]:
        """Its networks by name."""
        return (self.document.get("NetworkSettings") or {}).get("Networks") or {}

    @property
    def mounted(self) -> set[str]:
        """What the filter `volume` can name: destinations, and volumes' names or else sources."""
        mounts = self.document.get("Mounts") or ()
        return {mount["Destination"] for mount in mounts} | {mount.get("Name") or mount["Source"] for mount in mounts}
