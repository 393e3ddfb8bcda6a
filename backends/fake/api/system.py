"""Operations about the engine itself: SystemPing, SystemVersion, SystemInfo, SystemEvents."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from typing import Any

import trio

from swarmkit.engine.events import event_matches
from swarmkit.engine.filters import Filters
from swarmkit.engine.times import SECOND, format_time, parse_timestamp
from swarmkit.errors import Invalid, Unavailable
from swarmkit.http import Headers, Response

from ..documents import ROOT
from ..engine import FakeEngine
from ..events import Event
from .replies import JSON, begun, encode, json_reply, stream_reply
from .routing import Call


async def ping(call: Call) -> Response:
    caching = (("Cache-Control", "no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"))
    kind = ("Content-Type", "text/plain; charset=utf-8")
    length = (("Content-Length", "0"),) if call.request.method == "HEAD" else ()
    return Response(200, Headers((*caching, kind, *length)), b"" if length else b"OK")


_BUILT = "2024-01-01T00:00:00.000000000+00:00"


async def version(call: Call) -> Response:
    engine = call.engine
    build = {"GitCommit": "fake", "GoVersion": "none"}
    system = {"Os": "linux", "Arch": "amd64", "KernelVersion": "5.10.0-fake", "BuildTime": _BUILT}
    api = {"ApiVersion": engine.newest_api, "MinAPIVersion": engine.oldest_api}
    details = {**api, **build, **system, "Experimental": "false"}
    part = {"Name": "Engine", "Version": engine.version, "Details": dict(sorted(details.items()))}
    head = {"Platform": {"Name": ""}, "Components": [part], "Version": engine.version}
    return json_reply({**head, **api, **build, **system})


async def info(call: Call) -> Response:
    return json_reply(info_document(call.engine))


_RUNTIMES = ("io.containerd.runc.v2", "io.containerd.runtime.v1.linux", "runc")


def info_document(engine: FakeEngine) -> dict[str, Any]:
    """Return the document of `GET /info`."""
    statuses = [container.state.status for container in engine.containers]
    running = statuses.count("running") + statuses.count("restarting")
    paused = statuses.count("paused")
    commit = {"ID": "fake", "Expected": "fake"}
    docker_io = {"Name": "docker.io", "Mirrors": [], "Secure": True, "Official": True}
    return {
        "ID": engine.id,
        "Containers": len(statuses),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(statuses) - running - paused,
        "Images": len(engine.images),
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "memory"]],
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "null"],
            "Authorization": None,
            "Log": ["json-file", "local", "none"],
        },
        **dict.fromkeys(("MemoryLimit", "SwapLimit", "KernelMemory", "KernelMemoryTCP", "CpuCfsPeriod"), True),
        **dict.fromkeys(("CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit", "IPv4Forwarding"), True),
        "BridgeNfIptables": True,
        "BridgeNfIp6tables": True,
        "Debug": False,
        "NFd": 0,
        "OomKillDisable": True,
        "NGoroutines": 0,
        "SystemTime": format_time(engine.clock.now()),
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "1",
        "NEventsListener": engine.events.listeners,
        "KernelVersion": "5.10.0-fake",
        "OperatingSystem": "swarmd's fake engine",
        "OSVersion": "1",
        "OSType": "linux",
        "Architecture": "x86_64",
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {
            "AllowNondistributableArtifactsCIDRs": [],
            "AllowNondistributableArtifactsHostnames": [],
            "InsecureRegistryCIDRs": ["127.0.0.0/8"],
            "IndexConfigs": {"docker.io": docker_io},
            "Mirrors": [],
        },
        "NCPU": engine.cpus,
        "MemTotal": engine.memory,
        "GenericResources": None,
        "DockerRootDir": ROOT,
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
        "Name": engine.name,
        "Labels": engine.labels,
        "ExperimentalBuild": False,
        "ServerVersion": engine.version,
        "Runtimes": {key: {"path": "runc"} for key in _RUNTIMES},
        "DefaultRuntime": "runc",
        "Swarm": {
            "NodeID": "",
            "NodeAddr": "",
            "LocalNodeState": "inactive",
            "ControlAvailable": False,
            "Error": "",
            "RemoteManagers": None,
        },
        "LiveRestoreEnabled": False,
        "Isolation": "",
        "InitBinary": "docker-init",
        "ContainerdCommit": commit,
        "RuncCommit": commit,
        "InitCommit": commit,
        "SecurityOptions": ["name=seccomp,profile=default"],
        "Warnings": None,
    }


async def plugins(call: Call) -> Response:
    return json_reply([])


async def no_manager(call: Call) -> Response:
    raise Unavailable(
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
        "to connect this node to swarm and try again."
    )


async def events(call: Call) -> Response:
    try:
        since, until = parse_timestamp(call.query.get("since")), parse_timestamp(call.query.get("until"))
    except Invalid as error:
        raise Invalid(error.message, status=500) from error
    if since is not None and until is not None and since > until:
        times = f"`since` time ({call.query['since']}) cannot be after `until` time ({call.query['until']})"
        raise Invalid(times)
    return stream_reply(await begun(_events(call.engine, since, until, call.filters())), JSON)


async def _events(
    engine: FakeEngine, since: int | None, until: int | None, filters: Filters
) -> AsyncGenerator[bytes, None]:
    with engine.events.listening() as listener:
        yield b""
        past = engine.events.past() if since is not None or until is not None else []
        for old in past:
            if (since or 0) <= old["timeNano"] <= (until or old["timeNano"]) and event_matches(old, filters):
                yield encode(old, escape=True)
        while True:
            left = math.inf if until is None else max(0.0, (until - engine.clock.now()) / SECOND)
            event: Event | None = None
            with trio.move_on_after(left):
                event = await listener.receive()
            if event is None:
                return
            if event_matches(event, filters):
                yield encode(event, escape=True)
