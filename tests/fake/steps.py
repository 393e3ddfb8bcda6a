"""Short ways to write the steps of a case."""

from __future__ import annotations

from .parity import Ask, Step

JSON = "application/json"


def asks(*requests: str) -> list[Step]:
    """Make requests of `METHOD /target`."""
    return [Ask(method, target) for method, _, target in (request.partition(" ") for request in requests)]


def create(name: str, **body: object) -> Step:
    """Create a container of busybox that runs `true`, with these fields."""
    return Ask("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": ["true"], **body})


def hosted(name: str, **host: object) -> Step:
    """Create a container with these fields of its host configuration."""
    return create(name, HostConfig=host)
