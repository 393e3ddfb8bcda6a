"""Hosts and containers to place, made in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from swarmkit.engine.placement import make_policy
from swarmkit.placement import Candidate, Pending, Policy
from swarmkit.rows import Row

GIB = 1 << 30
NOTHING: dict[str, Any] = {"Image": "busybox"}


def container(name: str, state: str = "running", *, host: str = "", **options: Any) -> Row:
    """Make the row of a container; options are `labels`, `ports` of the list, `exposed`, and fields of HostConfig."""
    labels, ports, exposed = options.pop("labels", {}), options.pop("ports", []), options.pop("exposed", {})
    id = name.encode().hex().ljust(64, "0")
    document = {"Id": id, "Names": [f"/{name}"], "State": state, "Labels": labels, "Ports": ports}
    detail = {"State": {}, "HostConfig": options, "Config": {"ExposedPorts": exposed}}
    return Row(name, ("containers", id), id, (name,), document, detail, member=host)


def host(name: str, *containers: str | Row, **options: Any) -> Candidate:
    """Make a candidate that is one host; options are those of `Candidate`, and fields of the host's document."""
    rows = tuple(each if isinstance(each, Row) else container(each) for each in containers)
    own = {key: options.pop(key) for key in ("pending", "lost", "images", "networks", "volumes") if key in options}
    node = Row(name, ("nodes", name), document={"Name": name, **options})
    return Candidate(name, (node,), rows, **own)


def named(*names: str, scope: str = "local", tags: Sequence[str] = ()) -> tuple[Row, ...]:
    """Make the rows of networks, volumes or images."""
    document = {"Scope": scope, "RepoTags": list(tags)}
    return tuple(Row(name, ("things", name), name, document=document) for name in names)


def asking(**host_config: Any) -> dict[str, Any]:
    """Make a spec of fields of its HostConfig."""
    return {"Image": "busybox", "HostConfig": host_config}


def wanting(*expressions: str, **more: Any) -> dict[str, Any]:
    """Make a spec of expressions in its environment."""
    return {"Image": "busybox", "Env": list(expressions), **more}


def publishing(*ports: str) -> dict[str, Any]:
    """Return `PortBindings` of `[IP:]PORT[/PROTOCOL]`, as `docker run -p` makes them for the container's port 80."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for each in ports:
        place, _, protocol = each.partition("/")
        address, _, number = place.rpartition(":")
        bindings.setdefault(f"80/{protocol or 'tcp'}", []).append({"HostIp": address, "HostPort": number})
    return bindings


def pending(name: str = "", **spec: Any) -> tuple[Pending, ...]:
    """Make what is on its way: one container."""
    return (Pending(name, spec),)


def names(candidates: Iterable[Candidate]) -> list[str]:
    """Return what candidates are called, in their order."""
    return [each.name for each in candidates]


def order(spec: Mapping[str, Any], *candidates: Candidate, policy: Policy | None = None) -> list[str]:
    """Return the names of those that may take a container, the best first."""
    return names((policy or make_policy())(spec, candidates))
