"""What a new container refers to: those whose network, processes, volumes or names it shares must be on its host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmkit.errors import Conflict
from swarmkit.message import Message, Verb
from swarmkit.rows import Row

from .hosts import Hosts

_MODES = ("NetworkMode", "PidMode", "IpcMode")
_SHARED = "container:"


def referred(spec: Mapping[str, Any]) -> list[str]:
    """Return the names or ids of the containers that a spec refers to."""
    return [reference for _, reference, _ in _references(spec.get("HostConfig") or {})]


def _references(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the field, the container, and the whole entry of each reference."""
    for mode in _MODES:
        value = str(config.get(mode) or "")
        if value.startswith(_SHARED):
            yield mode, value.removeprefix(_SHARED), value
    for entry in config.get("VolumesFrom") or ():
        yield "VolumesFrom", str(entry).partition(":")[0], str(entry)
    for entry in config.get("Links") or ():
        yield "Links", str(entry).partition(":")[0], str(entry)


async def place_of(hosts: Hosts, spec: Mapping[str, Any], asked: str | None) -> tuple[dict[str, Any], str]:
    """Find the host of what a spec refers to; return the spec with the names that this host knows, and the host.

    Raises `Conflict` where the references are on different hosts, or on another than the one asked for.
    """
    config = dict(spec.get("HostConfig") or {})
    found: dict[str, Row] = {}
    for reference in referred(spec):
        found[reference] = Row.from_plain((await hosts.service(Message(Verb.ATTACH, ("containers", reference)))).args)
    members = {row.member for row in found.values()} | ({asked} if asked else set())
    if len(members) > 1:
        places = ", ".join(f"{reference} on {row.member}" for reference, row in found.items())
        wanted = f", and {asked} is asked for" if asked else ""
        raise Conflict(f"a container and those it refers to must be on one host: {places}{wanted}")
    for name, reference, entry in list(_references(config)):
        plain = entry.replace(reference, found[reference].name if name == "Links" else found[reference].id, 1)
        if name in _MODES:
            config[name] = plain
        else:
            config[name] = [plain if each == entry else each for each in config[name]]
    return {**spec, "HostConfig": config}, members.pop()
