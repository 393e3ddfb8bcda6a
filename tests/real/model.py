"""A model of a virtual host: what there must be on it, and how it must be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import define, field

LABEL = "swarmd.host"

IMAGE = "busybox:latest"


@define
class Thing:
    """A container, a network or a volume, on its host; only a container has a state."""

    id: str
    host: str
    name: str
    state: str = ""

    @property
    def qualified(self) -> str:
        """Its name with its host."""
        return f"{self.host}/{self.name}"


@define
class Model:
    """What there is on the hosts, and what of it a virtual host must show."""

    hosts: Sequence[str]
    containers: list[Thing] = field(factory=list)
    networks: list[Thing] = field(factory=list)
    volumes: list[Thing] = field(factory=list)
    tags: set[tuple[str, str]] = field(factory=set)
    """Host and name of the further names of the one image."""

    def shown_containers(self) -> dict[str, tuple[str, ...]]:
        """Return by id what `GET /containers/json` shows: name, state and host."""
        names = shown(self.containers)
        return {each.id: (names[each.qualified], each.state, each.host) for each in self.containers}

    def shown_networks(self) -> dict[str, tuple[str, ...]]:
        """Return by id what `GET /networks` shows: name and host."""
        names = shown(self.networks)
        return {each.id: (names[each.qualified], each.host) for each in self.networks}

    def shown_volumes(self) -> dict[str, str]:
        """Return by shown name the host of each volume, as `GET /volumes` tells it."""
        names = shown(self.volumes)
        return {names[each.qualified]: each.host for each in self.volumes}

    def shown_tags(self) -> list[str]:
        """Return the names of the one image, as `GET /images/json` tells them."""
        return sorted({IMAGE, *(name for _, name in self.tags)})

    def counts(self) -> dict[str, int]:
        """Return the numbers that `GET /info` tells."""
        states = Counter(each.state for each in self.containers)
        return {
            "Containers": len(self.containers),
            "ContainersRunning": states["running"],
            "ContainersPaused": states["paused"],
            "ContainersStopped": states["created"] + states["exited"],
            "Images": 1,
        }


def shown(things: Iterable[Thing]) -> dict[str, str]:
    """Return by qualified name what each is called: the name alone where one host only has it."""
    things = list(things)
    counts = Counter(each.name for each in things)
    return {each.qualified: each.name if counts[each.name] == 1 else each.qualified for each in things}


def named(things: Iterable[Thing], name: str, host: str | None = None) -> list[Thing]:
    """Return those of a name, on one host or on all."""
    return [each for each in things if each.name == name and host in (None, each.host)]
