"""What a new container refers to: those whose network, processes, volumes or names it shares must be on its host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.engine.dependencies import LISTS, MODES, SHARED, entries, is_shared, referred, split_entry
from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.message import Message, Verb
from swarmkit.rows import Row

from .hosts import Hosts


async def place_of(hosts: Hosts, spec: Mapping[str, Any], asked: str) -> tuple[dict[str, Any], str]:
    """Find the host of what a spec refers to; return the spec with the names that this host knows, and the host.

    Raises `Conflict` where the references are on different hosts, or on another than the one asked for, and `Invalid`
    where there is no such container.
    """
    found: dict[str, Row] = {}
    for reference in referred(spec):
        found[reference] = await _find(hosts, reference)
    members = {row.member for row in found.values()}
    if len(members) > 1 or (asked and not all(f"{member}/".startswith(f"{asked}/") for member in members)):
        places = ", ".join(f"{reference} on {row.member}" for reference, row in found.items())
        wanted = f", and {asked} is asked for" if asked else ""
        raise Conflict(f"a container and those it refers to must be on one host: {places}{wanted}")
    return {**spec, "HostConfig": _with_plain(spec["HostConfig"], found)}, members.pop()


async def _find(hosts: Hosts, reference: str) -> Row:
    """Find a container; raise `Invalid` where there is none, as an engine does: 404 would mean the image."""
    try:
        return Row.from_plain((await hosts.service(Message(Verb.ATTACH, ("containers", reference)))).args)
    except NotFound as error:
        raise Invalid(error.message) from error


def _with_plain(config: Mapping[str, Any], found: Mapping[str, Row]) -> dict[str, Any]:
    """Return the host's part of a spec with ids for references; with names for links, which need one."""
    plain = dict(config)
    for mode in MODES:
        if is_shared(config.get(mode)):
            plain[mode] = SHARED + found[config[mode].removeprefix(SHARED)].id
    for field in LISTS:
        if split := [split_entry(entry) for entry in entries(config, field)]:
            plain[field] = [_own(found[name], field) + rest for name, rest in split]
    return plain


def _own(row: Row, field: str) -> str:
    return row.name if field == "Links" else row.id
