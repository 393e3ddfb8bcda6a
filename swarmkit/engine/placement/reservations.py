"""How much of a host a container reserves: its limits of CPU and memory, which are reservations to a placement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .reading import number

_NANO = 1_000_000_000
_DEFAULT_CPU_PERIOD = 100_000  # microseconds, the kernel's


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
