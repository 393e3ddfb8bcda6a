"""The fields that an engine's documents have, in its order, with what they are where nobody says otherwise.

A field of the API that is not here is dropped from what a client sends, as an engine drops what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

CONFIG: dict[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "ExposedPorts": None,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Healthcheck": None,
    "ArgsEscaped": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "NetworkDisabled": None,
    "MacAddress": None,
    "OnBuild": None,
    "Labels": None,
    "StopSignal": None,
    "StopTimeout": None,
    "Shell": None,
}

CONFIG_OMITTED = frozenset(
    {
        *("ExposedPorts", "Healthcheck", "ArgsEscaped", "NetworkDisabled", "MacAddress"),
        *("StopSignal", "StopTimeout", "Shell"),
    }
)
"""Fields of a configuration that are left out where they have no value."""

HOST_CONFIG: dict[str, Any] = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "default",
    "PortBindings": None,
    "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "VolumeDriver": "",
    "VolumesFrom": None,
    "CapAdd": None,
    "CapDrop": None,
    "CgroupnsMode": "host",
    "Dns": None,
    "DnsOptions": None,
    "DnsSearch": None,
    "ExtraHosts": None,
    "GroupAdd": None,
    "IpcMode": "private",
    "Cgroup": "",
    "Links": None,
    "OomScoreAdj": 0,
    "PidMode": "",
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "SecurityOpt": None,
    "StorageOpt": None,
    "Tmpfs": None,
    "UTSMode": "",
    "UsernsMode": "",
    "ShmSize": 67108864,
    "Sysctls": None,
    "Runtime": None,
    "ConsoleSize": [0, 0],
    "Isolation": "",
    "CpuShares": 0,
    "Memory": 0,
    "NanoCpus": 0,
    "CgroupParent": "",
    "BlkioWeight": 0,
    "BlkioWeightDevice": None,
    "BlkioDeviceReadBps": None,
    "BlkioDeviceWriteBps": None,
    "BlkioDeviceReadIOps": None,
    "BlkioDeviceWriteIOps": None,
    "CpuPeriod": 0,
    "CpuQuota": 0,
    "CpuRealtimePeriod": 0,
    "CpuRealtimeRuntime": 0,
    "CpusetCpus": "",
    "CpusetMems": "",
    "Devices": None,
    "DeviceCgroupRules": None,
    "DeviceRequests": None,
    "KernelMemory": 0,
    "KernelMemoryTCP": 0,
    "MemoryReservation": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "PidsLimit": None,
    "Ulimits": None,
    "CpuCount": 0,
    "CpuPercent": 0,
    "IOMaximumIOps": 0,
    "IOMaximumBandwidth": 0,
    "Mounts": None,
    "MaskedPaths": [
        "/proc/asound",
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
    ],
    "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    "Init": None,
}

HOST_CONFIG_OMITTED = frozenset({"StorageOpt", "Tmpfs", "Sysctls", "Runtime", "Mounts", "Init"})
"""Fields of a host configuration that are left out where they have no value."""

RESOURCES = frozenset(
    {
        *("CpuShares", "Memory", "NanoCpus", "BlkioWeight", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod"),
        *("CpuRealtimeRuntime", "CpusetCpus", "CpusetMems", "KernelMemory", "MemoryReservation", "MemorySwap"),
        "PidsLimit",
    }
)
"""Fields of a host configuration that an update changes."""

ENDPOINT: dict[str, Any] = {
    "IPAMConfig": None,
    "Links": None,
    "Aliases": None,
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "MacAddress": "",
    "DriverOpts": None,
}


def filled(template: Mapping[str, Any], given: Mapping[str, Any], omitted: frozenset[str]) -> dict[str, Any]:
    """Return the template with what is given; the names of fields are matched without regard to case, as Go does."""
    by_name = {key.lower(): key for key in template}
    values = {by_name[key.lower()]: value for key, value in given.items() if key.lower() in by_name}
    document = deepcopy({**template, **{key: value for key, value in values.items() if value is not None}})
    return {key: value for key, value in document.items() if value or key not in omitted}
