"""Operations that measure: ContainerTop, ContainerStats, SystemDataUsage. The numbers are made up, and plausible."""

from __future__ import annotations

import posixpath
import time
from collections.abc import AsyncGenerator
from typing import Any

import trio

from swarmkit.engine.times import SECOND, format_time
from swarmkit.errors import Internal
from swarmkit.http import Response

from .. import lifecycle
from ..container import Container
from ..documents import row_document
from ..engine import FakeEngine
from ..process import Process
from .replies import JSON, encode, json_reply, stream_reply
from .routing import Call

_FULL = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_BSD = ("USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND")
_TITLES = {"args": "COMMAND", "cmd": "CMD", "comm": "COMMAND"}  # of columns not called as they are asked for

USED_MEMORY = 348160
"""Bytes that each process seems to use."""

_BLOCK_FIELDS = (
    *("io_service_bytes", "io_serviced", "io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time"),
    "sectors",
)


async def top(call: Call) -> Response:
    around = lifecycle.require_running(call.container)
    words = call.query.get("ps_args", "-ef") or "-ef"
    processes = [_columns(process) for process in sorted(around.running, key=lambda each: each.pid)]
    asked = _asked(words)
    titles = [title for title, _ in asked]
    if "PID" not in titles:
        raise Internal("Couldn't find PID field in ps output")
    call.engine.emit(call.container, "top")
    rows = [[columns.get(what, "-") for _, what in asked] for columns in processes]
    return json_reply({"Processes": rows, "Titles": titles})


def _asked(words: str) -> list[tuple[str, str]]:
    """Return the columns that the options of ps ask for: the title of each, and what is in it."""
    if words.startswith("-o") or " -o" in words:
        names = words.replace("-o", " ").replace(",", " ").split()
        titles = [_TITLES.get(name, name.upper()) for name in names]
        return [(title, "comm" if name == "comm" else title) for name, title in zip(names, titles, strict=True)]
    return [(title, title) for title in (_BSD if "aux" in words else _FULL)]


def _columns(process: Process) -> dict[str, str]:
    started = time.strftime("%H:%M", time.gmtime(process.started / SECOND))
    command = " ".join(process.argv)
    name = process.user.partition(":")[0] or "root"
    parent = str(process.parent.pid if process.parent is not None else 1)
    terminal = "pts/0" if process.tty else "?"
    same = {"PID": str(process.pid), "PPID": parent, "TTY": terminal, "C": "0", "STIME": started, "START": started}
    program = posixpath.basename(process.argv[0])
    names = {"UID": name, "USER": name, "CMD": command, "COMMAND": command, "comm": program}
    sizes = {"%CPU": "0.0", "%MEM": "0.0", "VSZ": "2268", "RSS": "1444", "STAT": "Ss", "TIME": "00:00:00"}
    return {**same, **names, **sizes}


async def stats(call: Call) -> Response:
    container = call.container
    stream = "stream" not in call.query or call.flag("stream")
    if stream:
        return stream_reply(_stats(call.engine, container), JSON)
    if not call.flag("one-shot") and container.state.running:
        await trio.sleep(1)
    now = call.engine.clock.now()
    before = now - SECOND if container.state.running and not call.flag("one-shot") else None
    return json_reply(stats_document(call.engine, container, now, before))


async def _stats(engine: FakeEngine, container: Container) -> AsyncGenerator[bytes, None]:
    before: int | None = None
    while not container.removed:
        now = engine.clock.now()
        yield encode(stats_document(engine, container, now, before))
        before = now
        await trio.sleep(1)


def stats_document(engine: FakeEngine, container: Container, now: int, before: int | None) -> dict[str, Any]:
    """Return the document of `GET /containers/{id}/stats`; `before` is when it was measured last."""
    running = container.around is not None
    processes = len(container.around.running) if container.around is not None else 0
    block: dict[str, Any] = {f"{name}_recursive": [] if running else None for name in _BLOCK_FIELDS}
    document: dict[str, Any] = {
        "read": format_time(now) if running else "0001-01-01T00:00:00Z",
        "preread": format_time(before) if running and before is not None else "0001-01-01T00:00:00Z",
        "pids_stats": {"current": processes} if running else {},
        "blkio_stats": block,
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(engine, container, now if running else None),
        "precpu_stats": _cpu(engine, container, before if running else None),
        "memory_stats": _memory(engine, container, processes) if running else {},
        "name": f"/{container.name}",
        "id": container.id,
    }
    if running and container.endpoints and container.host_config["NetworkMode"] not in ("none", "host"):
        counts = [f"{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped")]
        document["networks"] = {"eth0": dict.fromkeys(counts, 0)}
    return document


def _cpu(engine: FakeEngine, container: Container, time: int | None) -> dict[str, Any]:
    used = 0 if time is None else (time - container.state.started_at) // 1000
    usage: dict[str, Any] = {"total_usage": used}
    if time is not None:
        usage["percpu_usage"] = [used // engine.cpus] * engine.cpus
    usage |= {"usage_in_kernelmode": 0, "usage_in_usermode": used}
    system = {} if time is None else {"system_cpu_usage": time * engine.cpus, "online_cpus": engine.cpus}
    return {
        "cpu_usage": usage,
        **system,
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }


_MEMORY_FIELDS = (
    *("active_anon", "active_file", "cache", "dirty", "hierarchical_memory_limit", "hierarchical_memsw_limit"),
    *("inactive_anon", "inactive_file", "mapped_file", "pgfault", "pgmajfault", "pgpgin", "pgpgout", "rss"),
    "rss_huge",
)
_TOTALS = (
    *("active_anon", "active_file", "cache", "dirty", "inactive_anon", "inactive_file", "mapped_file", "pgfault"),
    *("pgmajfault", "pgpgin", "pgpgout", "rss", "rss_huge", "unevictable", "writeback"),
)


def _memory(engine: FakeEngine, container: Container, processes: int) -> dict[str, Any]:
    limit = container.host_config["Memory"] or engine.memory
    numbers = dict.fromkeys((*_MEMORY_FIELDS, *(f"total_{name}" for name in _TOTALS), "unevictable", "writeback"), 0)
    used = USED_MEMORY * processes
    return {"usage": used, "max_usage": used, "stats": {**numbers, "rss": used, "total_rss": used}, "limit": limit}


async def disk_usage(call: Call) -> Response:
    engine = call.engine
    containers = [row_document(engine, container, size=True) for container in engine.containers]
    images = [{**engine.images.document(image), "SharedSize": 0} for image in engine.images]
    for image in images:
        image["Containers"] = sum(row["ImageID"] == image["Id"] for row in containers)
    volumes = [{**each.document(), "UsageData": _volume_usage(engine, each.name)} for each in engine.volumes]
    layers = {layer: len(layer) for image in engine.images for layer in image.layers}
    document = {"LayersSize": sum(layers.values()), "Images": images, "Containers": containers, "Volumes": volumes}
    return json_reply({**document, "BuildCache": None, "BuilderSize": 0})


def _volume_usage(engine: FakeEngine, name: str) -> dict[str, int]:
    users = [each for each in engine.containers if any(mount.source == name for mount in each.mounts)]
    size = sum(len(node.data) for node in engine.volumes.require(name).tree.values())
    return {"RefCount": len(users), "Size": size}
