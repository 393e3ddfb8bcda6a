"""`GET /info` of many hosts as one host's, in which each of them can be seen.

The table of hosts is in `DriverStatus`, whose pairs every docker command prints. Fields that we do not know are merged
by their kind, so that what a newer engine adds goes through.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from swarmkit.errors import SwarmError

from .documents import Document, unique
from .identity import clones, clones_warning
from .placement import Reserved
from .replies import Reply, answered, failed
from .versions import lowest_version

_SUMS = (
    *("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "NCPU", "MemTotal"),
    *("NFd", "NGoroutines", "NEventsListener"),
)
_STATES = ("Running", "Paused", "Stopped")
_NO_SWARM_MODE = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}

# What a docker command needs to find, should no host have answered yet.
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(_SUMS, 0),
    **{"Driver": "", "Plugins": {"Volume": [], "Network": [], "Authorization": None, "Log": []}},
    **{"Debug": False, "SystemTime": "", "LoggingDriver": "", "CgroupDriver": "", "KernelVersion": ""},
    **{"OperatingSystem": "", "OSType": "linux", "Architecture": "", "IndexServerAddress": "", "DockerRootDir": ""},
    **{"Labels": [], "ExperimentalBuild": False, "ServerVersion": "", "Runtimes": {}, "DefaultRuntime": ""},
    **{"LiveRestoreEnabled": False, "InitBinary": "", "SecurityOptions": [], "RegistryConfig": None},
    **{key: {"ID": "", "Expected": ""} for key in ("ContainerdCommit", "RuncCommit", "InitCommit")},
}


def merge_info(
    replies: Sequence[Reply[Document]],
    *,
    id: str,
    name: str,
    addresses: Mapping[str, str] | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    images: int | None = None,
    reserved: Mapping[str, Reserved] | None = None,
    engines: Mapping[str, str] | None = None,
    drained: Collection[str] = (),
    missing: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Merge the hosts' `GET /info`; a host that did not answer is in the table and in `Warnings`, with the reason.

    `id` and `name` are those of the whole, `addresses` and `labels` the hosts', `images` the number of different ones
    (without it the hosts' numbers are summed), `reserved` what containers reserve of each host, `engines` the version
    that an engine was last known to have, for hosts that are down; `drained` are the hosts that take nothing new,
    `missing` what may hide hosts of which nothing is known, with the reason. What hosts can do is what all can; numbers
    are sums; texts that differ are listed.
    """
    documents = [document for _, document in answered(replies)]
    merged = {**_EMPTY, **_merge_by_kind(documents)}
    sums = {key: sum(document.get(key, 0) for document in documents) for key in _SUMS}
    return {
        **merged,
        **sums,
        "Images": sum(document.get("Images", 0) for document in documents) if images is None else images,
        "ID": id,
        "Name": name,
        "ServerVersion": lowest_version(str(document.get("ServerVersion", "")) for document in documents),
        "SystemTime": max((str(document.get("SystemTime", "")) for document in documents), default=""),
        "Swarm": _NO_SWARM_MODE,
        "DriverStatus": _table(replies, addresses or {}, labels or {}, reserved or {}, engines or {}, drained),
        "Warnings": [*(f"WARNING: {name}: {reason}" for name, reason in missing), *_warnings(replies)] or None,
    }


def _merge_by_kind(values: Sequence[Document]) -> dict[str, Any]:
    keys = dict.fromkeys(key for value in values for key in value)
    return {key: _united([value[key] for value in values if key in value]) for key in keys}


def _united(values: Sequence[Any]) -> Any:
    """Unite values of one kind; where kinds differ the first counts, and null never does."""
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if len(kinds) != 1:
        return known[0] if known else None
    if bool in kinds:
        return all(known)
    if str in kinds:
        return ", ".join(dict.fromkeys(value for value in known if value))
    if list in kinds:
        return unique(item for value in known for item in value)
    return _merge_by_kind(known) if dict in kinds else known[0]


def _table(
    replies: Sequence[Reply[Document]],
    addresses: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]],
    reserved: Mapping[str, Reserved],
    engines: Mapping[str, str],
    drained: Collection[str],
) -> list[list[str]]:
    up = f"{len(answered(replies))} of {len(replies)} up"
    pairs = [["Hosts", f"{up}, {len(drained)} drained" if drained else up]]
    for host, reply in replies:
        pairs += [[host, addresses.get(host, "")], *([[" Availability", "drain"]] if host in drained else [])]
        pairs += [[f" {key}", value] for key, value in _lines(reply, reserved.get(host), engines.get(host, ""))]
        if words := [f"{key}={value}" for key, value in sorted(labels.get(host, {}).items())]:
            pairs += [[" Labels", ", ".join(words)]]
    return pairs


def _lines(reply: Document | SwarmError, reserved: Reserved | None, engine: str) -> list[tuple[str, str]]:
    if isinstance(reply, SwarmError):
        return [("State", "down"), ("Reason", reply.reason), *([("Engine", engine)] if engine else [])]
    cpus, memory = str(reply.get("NCPU", 0)), _bytes(reply.get("MemTotal", 0))
    counts = ", ".join(f"{reply.get(f'Containers{state}', 0)} {state.lower()}" for state in _STATES)
    return [
        ("State", "up"),
        ("Engine", str(reply.get("ServerVersion", ""))),
        ("Containers", f"{reply.get('Containers', 0)} ({counts})"),
        *([("CPUs", cpus), ("Memory", memory)] if reserved is None else _loads(reserved, cpus, memory)),
    ]


def _loads(reserved: Reserved, cpus: str, memory: str) -> list[tuple[str, str]]:
    return [
        ("CPUs", f"{cpus} ({reserved.cpus:.4g} reserved)"),
        ("Memory", f"{memory} ({_bytes(reserved.memory)} reserved)"),
    ]


def _warnings(replies: Sequence[Reply[Document]]) -> list[str]:
    """Say first which hosts are missing, then which carry one id, then what engines warn of, and on which hosts."""
    down = [f"WARNING: host {host} is down: {error.reason}" for host, error in failed(replies)]
    hosts: dict[str, list[str]] = {}
    for host, document in answered(replies):
        for warning in document.get("Warnings") or ():
            hosts.setdefault(warning, []).append(host)
    alike = clones([(host, str(document.get("ID") or "")) for host, document in answered(replies)])
    down += [f"WARNING: {clones_warning(group)}" for group in alike]
    return down + [f"{warning} (on {', '.join(those)})" for warning, those in hosts.items()]


def _bytes(size: float) -> str:
    """Write a size as the docker command does: four digits and a binary unit."""
    units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.4g}{units[0]}"
