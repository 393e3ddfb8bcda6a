"""The containers that a new one refers to: whose network, processes, memory, volumes or names it shares.

They must be on its host. Where in a specification they stand is said here, and what is done about it elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODES = ("NetworkMode", "PidMode", "IpcMode")
"""Fields of `HostConfig` that may be `container:NAME`."""

LISTS = ("VolumesFrom", "Links")
"""Fields of `HostConfig` that list `NAME`, `NAME:mode` or `NAME:alias`."""

SHARED = "container:"


def referred(spec: Mapping[str, Any]) -> list[str]:
    """Return the names or ids of the containers that a spec refers to.

    What is not of the specification's types is no reference: the engine says what is wrong with it.
    """
    config = spec.get("HostConfig")
    if not isinstance(config, Mapping):
        return []
    modes = [str(config.get(mode)).removeprefix(SHARED) for mode in MODES if is_shared(config.get(mode))]
    return modes + [split_entry(entry)[0] for field in LISTS for entry in entries(config, field)]


def is_shared(mode: object) -> bool:
    """Tell whether the value of a mode refers to a container."""
    return isinstance(mode, str) and mode.startswith(SHARED)


def entries(config: Mapping[str, Any], field: str) -> list[str]:
    """Return the entries of a list of `NAME`, `NAME:mode` or `NAME:alias`."""
    found = config.get(field)
    return [str(entry) for entry in found] if isinstance(found, list) else []


def split_entry(entry: str) -> tuple[str, str]:
    """Split an entry into the name, and what is behind it with its colon."""
    container, colon, rest = entry.partition(":")
    return container, colon + rest
