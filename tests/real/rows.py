"""For each row of the table of operations a request that a real engine answers: what is asked, and what must come back.

Asked of a virtual host whose second engine has `web` and the first has `idle`, and of a bare engine that has both; what
else a request needs it makes before. Nothing listens at `127.0.0.1:1`: so a registry answers at once, and no.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from swarmkit.testing.archives import archive_of

Before = tuple[str, str, Any]
"""Method, target and body of a request that prepares; `{id}` is the id that one before it gave."""

_NOBODY = "127.0.0.1:1"
_AUTH = {"X-Registry-Auth": base64.b64encode(b"{}").decode()}
_BUSYBOX = {"Image": "busybox", "Cmd": ["sleep", "1000"]}
_EXEC = {"Cmd": ["echo", "said"], "AttachStdout": True}
_DOCKERFILE = archive_of("Dockerfile", b"FROM busybox\nLABEL built=yes\n")
_WEBSOCKET = {
    **{"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "http://docker"},
    **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode()},
}
_H2C = {"Connection": "Upgrade", "Upgrade": "h2c", "X-Docker-Expose-Session-Uuid": "rows"}


@frozen
class Row:
    """A request of one operation: the name in its path, its query, and what must come back.

    `bare` is whether an engine is asked, too, which then must answer with the same status, type and keys.
    """

    name: str = ""
    query: str = ""
    status: int = 200
    has: tuple[str, ...] = ()
    body: Any = None
    headers: Mapping[str, str] = {}
    before: tuple[Before, ...] = ()
    bare: bool = True


def _made(name: str, *more: Before, **body: object) -> tuple[Before, ...]:
    return (("POST", f"/containers/create?name={name}", {**_BUSYBOX, **body}), *more)


def _running(name: str, *more: Before) -> tuple[Before, ...]:
    return _made(name, ("POST", f"/containers/{name}/start", None), *more)


def _no_manager(name: str = "", query: str = "", body: Any = None, *, bare: bool = True) -> Row:
    return Row(name, query, 503, ("This node is not a swarm manager",), body, bare=bare)


def _filters(**values: list[str]) -> str:
    return f"filters={json.dumps(values, separators=(',', ':'))}"


def _no_plugin(query: str = "timeout=0", body: Any = None) -> Row:
    return Row("nosuch", query, 404, ("nosuch",), body)


_NO_PLACE = Row(query=f"remote={_NOBODY}/x&name=x", status=501, has=("on each host",), body=[], bare=False)
_EXECUTED: tuple[Before, ...] = (("POST", "/containers/web/exec", _EXEC),)
_ON_TERMINAL: tuple[Before, ...] = (
    ("POST", "/containers/web/exec", {"Cmd": ["sleep", "1000"], "Tty": True}),
    ("POST", "/exec/{id}/start", {"Detach": True, "Tty": True}),
)

ROWS: dict[str, Row] = {
    # -- the whole ----------------------------------------------------------------------------------------------------
    "SystemPing": Row(has=("OK",)),
    "SystemPingHead": Row(),
    "SystemVersion": Row(has=('"ApiVersion":"1.41"',)),
    "SystemInfo": Row(has=('"Hosts","2 of 2 up"', '"ContainersRunning":1')),
    "SystemDataUsage": Row(has=("/web", "/idle")),
    "SystemEvents": Row(query="since=0&until=1"),
    "SystemAuth": Row(status=500, body={"serveraddress": _NOBODY, "username": "a", "password": "b"}, has=(_NOBODY,)),
    "PluginList": Row(has=("[]",)),
    # -- containers ---------------------------------------------------------------------------------------------------
    "ContainerList": Row(query="all=1", has=("/web", "/idle")),
    "ContainerCreate": Row(query="name=made", status=201, body=_BUSYBOX),
    "ContainerInspect": Row("web", has=('"Name":"/web"',)),
    "ContainerTop": Row("web", has=("sleep 1000",)),
    "ContainerLogs": Row("done", "stdout=1", has=("said",)),
    "ContainerChanges": Row("changed", before=_made("changed"), has=()),
    "ContainerExport": Row("idle", has=("bin/busybox",)),
    "ContainerStats": Row("web", "stream=0&one-shot=1", has=("cpu_stats",)),
    "ContainerResize": Row(
        "terminal", "h=10&w=10", before=_made("terminal", ("POST", "/containers/terminal/start", None), Tty=True)
    ),
    "ContainerStart": Row("start", status=204, before=_made("start")),
    "ContainerStop": Row("stop", "t=0", status=204, before=_running("stop")),
    "ContainerRestart": Row("restart", "t=0", status=204, before=_running("restart")),
    "ContainerKill": Row("kill", status=204, before=_running("kill")),
    "ContainerUpdate": Row("update", body={"CpuShares": 512}, before=_made("update"), has=("Warnings",)),
    "ContainerRename": Row("rename", "name=renamed", status=204, before=_made("rename")),
    "ContainerPause": Row("pause", status=204, before=_running("pause")),
    "ContainerUnpause": Row(
        "unpause", status=204, before=_running("unpause", ("POST", "/containers/unpause/pause", None))
    ),
    "ContainerAttach": Row("done", "logs=1&stdout=1", has=("said",)),
    "ContainerAttachWebsocket": Row("web", "stream=1&stdout=1", status=101, headers=_WEBSOCKET),
    "ContainerWait": Row("done", has=('"StatusCode":3',)),
    "ContainerArchiveInfo": Row("idle", "path=/bin"),
    "ContainerArchive": Row("idle", "path=/etc/passwd", has=("root",)),
    "PutContainerArchive": Row("idle", "path=/tmp", body=archive_of("put", b"in")),
    "ContainerExec": Row("web", status=201, body=_EXEC, has=("Id",)),
    "ContainerDelete": Row("delete", status=204, before=_made("delete")),
    "ContainerPrune": Row(
        query=_filters(label=["prune"]), before=_made("pruned", Labels={"prune": ""}), has=("Deleted",)
    ),
    "ExecStart": Row("{id}", body={"Detach": False}, before=_EXECUTED, has=("said",)),
    "ExecResize": Row("{id}", "h=10&w=10", before=_ON_TERMINAL),
    "ExecInspect": Row("{id}", before=_EXECUTED, has=('"Running":false',)),
    # -- images -------------------------------------------------------------------------------------------------------
    "ImageList": Row(has=("busybox:latest",)),
    "ImageCreate": Row(query="fromSrc=-&repo=imported", body=archive_of("file", b""), has=("sha256:",)),
    "ImageLoad": Row(body=b"", status=200),
    "ImageInspect": Row("busybox", has=("busybox:latest",)),
    "ImageHistory": Row("busybox", has=("busybox-static",)),
    "ImageGet": Row("busybox", has=("manifest.json",)),
    "ImageGetAll": Row(query="names=busybox", has=("manifest.json",)),
    "ImageTag": Row("busybox", "repo=tagged", status=201),
    "ImagePush": Row(
        f"{_NOBODY}/x",
        headers=_AUTH,
        before=(("POST", f"/images/busybox/tag?repo={_NOBODY}/x", None),),
        has=("refused",),
    ),
    "ImageDelete": Row("away", before=(("POST", "/images/busybox/tag?repo=away", None),), has=("away:latest",)),
    "ImagePrune": Row(has=("SpaceReclaimed",)),
    "ImageSearch": Row(query=f"term={_NOBODY}/x", status=500, has=(_NOBODY,)),
    "ImageCommit": Row(query="container=idle&repo=committed", status=201, body={}, has=("sha256:",)),
    "DistributionInspect": Row(f"{_NOBODY}/x", status=500, headers=_AUTH, has=(_NOBODY,)),
    "ImageBuild": Row(query="t=built", body=_DOCKERFILE, has=("Successfully built",)),
    "BuildPrune": Row(has=("SpaceReclaimed",)),
    "BuildCancel": Row(query="id=nosuch"),
    "Session": Row(status=101, headers=_H2C),
    "Grpc": Row(status=101, headers=_H2C),
    # -- networks and volumes -----------------------------------------------------------------------------------------
    "NetworkList": Row(has=("bridge", '"net"')),
    "NetworkCreate": Row(body={"Name": "made"}, status=201, has=("Id",)),
    "NetworkInspect": Row("net", has=('"Name":"net"',)),
    "NetworkConnect": Row("net", body={"Container": "web"}, has=()),
    "NetworkDisconnect": Row(
        "apart",
        body={"Container": "idle"},
        before=(
            ("POST", "/networks/create", {"Name": "apart"}),
            ("POST", "/networks/apart/connect", {"Container": "idle"}),
        ),
    ),
    "NetworkDelete": Row("away", status=204, before=(("POST", "/networks/create", {"Name": "away"}),)),
    "NetworkPrune": Row(query=_filters(label=["nosuch"]), has=("NetworksDeleted",)),
    "VolumeList": Row(has=('"data"',)),
    "VolumeCreate": Row(body={"Name": "made"}, status=201, has=("Mountpoint",)),
    "VolumeInspect": Row("data", has=('"Name":"data"',)),
    "VolumeUpdate": Row("data", status=404, body={}),
    "VolumeDelete": Row("away", status=204, before=(("POST", "/volumes/create", {"Name": "away"}),)),
    "VolumePrune": Row(query=_filters(label=["nosuch"]), has=("VolumesDeleted",)),
    # -- what is for one engine ---------------------------------------------------------------------------------------
    **dict.fromkeys(("SwarmInspect", "SwarmUnlockkey", "NodeList", "ServiceList", "TaskList"), _no_manager()),
    **dict.fromkeys(("SecretList", "ConfigList"), _no_manager()),
    **dict.fromkeys(("NodeInspect", "NodeDelete", "ServiceInspect", "ServiceDelete"), _no_manager("x")),
    **dict.fromkeys(("TaskInspect", "SecretInspect", "SecretDelete"), _no_manager("x")),
    **dict.fromkeys(("ConfigInspect", "ConfigDelete"), _no_manager("x")),
    **dict.fromkeys(("ServiceLogs", "TaskLogs"), _no_manager("x", "stdout=1")),
    **dict.fromkeys(("ServiceCreate", "SecretCreate", "ConfigCreate", "SwarmUnlock"), _no_manager(body={})),
    **dict.fromkeys(("NodeUpdate", "ServiceUpdate", "SecretUpdate"), _no_manager("x", "version=1", body={})),
    "ConfigUpdate": _no_manager("x", "version=1", body={}),
    "SwarmUpdate": _no_manager(query="version=1", body={}),
    "SwarmInit": _no_manager(body={}, bare=False),
    "SwarmJoin": _no_manager(body={}, bare=False),
    "SwarmLeave": Row(status=503, has=("This node is not part of a swarm",)),
    **dict.fromkeys(("PluginInspect", "PluginEnable", "PluginDisable", "PluginDelete", "PluginPush"), _no_plugin()),
    "PluginUpgrade": _no_plugin(query=f"remote={_NOBODY}/x", body=[]),
    "PluginSet": _no_plugin(body=["a=b"]),
    **dict.fromkeys(("GetPluginPrivileges", "PluginPull", "PluginCreate"), _NO_PLACE),
}
"""By operation, the request."""
