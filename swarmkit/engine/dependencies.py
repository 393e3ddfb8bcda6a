"""What a new container refers to: containers whose network, processes, memory, volumes or names it shares, networks,
volumes, and paths of the host.

They must be on its host. Where in a specification they stand is said here, and what is done about it elsewhere. What is
not of the specification's types is no reference: the engine says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .shared import PREDEFINED

MODES = ("NetworkMode", "PidMode", "IpcMode")
"""Fields of `HostConfig` that may be `container:NAME`."""

LISTS = ("VolumesFrom", "Links")
"""Fields of `HostConfig` that list `NAME`, `NAME:mode` or `NAME:alias`."""

SHARED = "container:"

EVERYWHERE = PREDEFINED | {"", "default"}
"""What names a network that every host has."""


def referred(spec: Mapping[str, Any]) -> list[str]:
    """Return the names or ids of the containers that a spec refers to."""
    config = _mapping(spec.get("HostConfig"))
    modes = [str(config.get(mode)).removeprefix(SHARED) for mode in MODES if is_shared(config.get(mode))]
    return modes + [split_entry(entry)[0] for field in LISTS for entry in entries(config, field)]


def networks_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the names or ids of the networks that a spec refers to, but for those that every host has; each once."""
    mode = _mapping(spec.get("HostConfig")).get("NetworkMode")
    named = [mode] if isinstance(mode, str) and not is_shared(mode) else []
    return [name for name in dict.fromkeys([*named, *_endpoints(spec)]) if name not in EVERYWHERE]


def volumes_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the names of the volumes that a spec mounts, each once."""
    config = _mapping(spec.get("HostConfig"))
    binds = (split_entry(bind)[0] for bind in entries(config, "Binds") if not is_path(bind) and ":" in bind)
    mounts = (mount["Source"] for mount in _mounts(config, "volume") if mount.get("Source"))
    return list(dict.fromkeys([*binds, *map(str, mounts)]))


def paths_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the paths of the host that a spec mounts, each once."""
    config = _mapping(spec.get("HostConfig"))
    binds = (split_entry(bind)[0] for bind in entries(config, "Binds") if is_path(bind) and ":" in bind)
    mounts = (mount["Source"] for mount in _mounts(config, "bind") if mount.get("Source"))
    return list(dict.fromkeys([*binds, *map(str, mounts)]))


def with_words(spec: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Return a spec with other words for networks and volumes, and for what it links to on a network.

    What is not in `words` stays.
    """
    renamed, config = dict(spec), spec.get("HostConfig")
    if isinstance(config, Mapping):
        renamed["HostConfig"] = _config_with_words(config, words)
    if endpoints := _endpoints(spec):
        named = {words.get(name, name): with_links(settings, words) for name, settings in endpoints.items()}
        renamed["NetworkingConfig"] = {**spec["NetworkingConfig"], "EndpointsConfig": named}
    return renamed


def with_links(settings: Any, words: Mapping[str, str]) -> Any:
    """Return the settings of an endpoint with other words for the containers that it links to."""
    if not isinstance(settings, Mapping) or not isinstance(settings.get("Links"), list):
        return settings
    return {**settings, "Links": [_with_word(link, words) for link in settings["Links"]]}


def _config_with_words(config: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    renamed = dict(config)
    mode = config.get("NetworkMode")
    if isinstance(mode, str):
        renamed["NetworkMode"] = words.get(mode, mode)
    if isinstance(config.get("Binds"), list):
        renamed["Binds"] = [_with_word(bind, words) for bind in config["Binds"]]
    if isinstance(config.get("Mounts"), list):
        renamed["Mounts"] = [_mount_with_words(mount, words) for mount in config["Mounts"]]
    return renamed


def _with_word(entry: Any, words: Mapping[str, str]) -> Any:
    if not isinstance(entry, str):
        return entry
    name, rest = split_entry(entry)
    return words.get(name, name) + rest


def _mount_with_words(mount: Any, words: Mapping[str, str]) -> Any:
    if not isinstance(mount, Mapping) or mount.get("Type") != "volume" or not isinstance(mount.get("Source"), str):
        return mount
    return {**mount, "Source": words.get(mount["Source"], mount["Source"])}


def is_shared(mode: object) -> bool:
    """Tell whether the value of a mode refers to a container."""
    return isinstance(mode, str) and mode.startswith(SHARED)


def is_path(bind: str) -> bool:
    """Tell whether an entry of `Binds` is of a path, not of a volume."""
    return bind.startswith(("/", "~", "."))


def entries(config: Mapping[str, Any], field: str) -> list[str]:
    """Return the entries of a list of `NAME`, `NAME:mode` or `NAME:alias`."""
    found = config.get(field)
    return [str(entry) for entry in found] if isinstance(found, list) else []


def split_entry(entry: str) -> tuple[str, str]:
    """Split an entry into the name, and what is behind it with its colon."""
    container, colon, rest = entry.partition(":")
    return container, colon + rest


def _mounts(config: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    found = config.get("Mounts")
    for mount in found if isinstance(found, list) else ():
        if isinstance(mount, Mapping) and mount.get("Type") == kind:
            yield mount


def _endpoints(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(spec.get("NetworkingConfig")).get("EndpointsConfig"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
