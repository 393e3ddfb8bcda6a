"""How much of a host a container reserves: its limits of CPU and memory, which are reservations to a placement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from swarmkit.rows import Plain

from ..status import RUNNING
from .reading import mapping, number

ACTIVE = RUNNING | {"created"}
"""The states of containers that hold something of their host. One that was created is about to start."""

_NANO = 1_000_000_000
_DEFAULT_CPU_PERIOD = 100_000  # microseconds, the kernel's


@frozen
class Reserved:
    """What containers reserve of a host: CPUs, and bytes of memory."""

    cpus: float = 0
    memory: int = 0


def reserved_on(rows: Iterable[Plain]) -> dict[str, Reserved]:
    """Return by host what its containers reserve, of the rows with detail that a reply carries."""
    found: dict[str, Reserved] = {}
    for row in rows:
        if mapping(row.get("document")).get("State") in ACTIVE:
            host_config = mapping(mapping(row.get("detail")).get("HostConfig"))
            sums = found.get(host := str(row.get("member", "")), Reserved())
            found[host] = Reserved(sums.cpus + reserved_cpus(host_config), sums.memory + reserved_memory(host_config))
    return found


def reserved_cpus(host_config: Mapping[str, Any]) -> float:
    """Return the CPUs a container may use at most, 0 without a limit."""
    if (nano := number(host_config.get("NanoCpus"))) > 0:
        return nano / _NANO
    period = number(host_config.get("CpuPeriod"))
    return max(0.0, number(host_config.get("CpuQuota")) / (period if period > 0 else _DEFAULT_CPU_PERIOD))


def reserved_memory(host_config: Mapping[str, Any]) -> int:
    """Return the bytes of memory that a container is to have, or else may use at most; 0 without either.

    The reservation goes before the limit, which is then no more than the point at which it is killed.
    """
    wanted = number(host_config.get("MemoryReservation")) or number(host_config.get("Memory"))
    return max(0, int(wanted))
