"""The operations of the Engine API, and how each crosses hosts: what routing, tests and documentation are made from.

Names and paths are those of the API's specification. `{name}` stands for one or more path segments, because a container
may be qualified with its host and an image has slashes of its own.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cached_property

from attrs import define, field, frozen


class Way(Enum):
    """How an operation crosses hosts; the value says it in words."""

    OWNER = "goes to the one host that has it, untouched"
    EXEC = "goes to the host on which the exec was created"
    PLACED = "goes to a host that is chosen"
    MERGED = "asked of every host, the answers made one"
    FIRST = "goes to the first host that has it"
    ANY = "goes to the first host that answers"
    HOLDERS = "goes to every host that has it"
    EVERY = "goes to every host that answers"
    HERE = "answered by swarmd itself"
    REFUSED = "refused in words where there are several hosts: it is for one engine"


@define(frozen=True, slots=False)
class Operation:
    """One operation: its name in the specification, method, path, and way. `hijack` marks raw conversations."""

    name: str
    method: str
    path: str
    way: Way
    hijack: bool = False
    note: str = field(default="")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole path as an expression, with the group `name` for what is named."""
        return re.compile(re.sub(r"\\{\w+\\}", "(?P<name>.+)", re.escape(self.path)) + r"\Z")

    @property
    def collection(self) -> str:
        """The first word of the path."""
        return self.path.split("/")[1]

    @property
    def below(self) -> str:
        """What of the path stands behind the name."""
        return self.path.partition("}")[2]


def _table(way: Way, *rows: str) -> list[Operation]:
    """Read rows `Name METHOD /path [hijack] [# note]`."""
    operations = []
    for row in rows:
        words, _, note = row.partition("#")
        name, method, path, *flags = words.split()
        operations.append(Operation(name, method, path, way, "hijack" in flags, note.strip()))
    return operations


OPERATIONS: tuple[Operation, ...] = (
    *_table(
        Way.HERE,
        "SystemPing GET /_ping",
        "SystemPingHead HEAD /_ping",
    ),
    *_table(
        Way.MERGED,
        "SystemVersion GET /version",
        "SystemInfo GET /info",
        "SystemDataUsage GET /system/df # an image on several hosts is a row for each: it takes up each one's disk",
        "PluginList GET /plugins",
        "SystemEvents GET /events # filters applied to the merged stream; history with `since`",
        "ContainerList GET /containers/json # from the mirror; filters and order over all hosts",
        "ImageList GET /images/json # from the mirror; one image is one row; the filter `node` names hosts",
        "NetworkList GET /networks # from the mirror; filters over all hosts, and `node` names hosts",
        "VolumeList GET /volumes # likewise; what is not known of a host is in `Warnings`",
    ),
    *_table(
        Way.PLACED,
        "ContainerCreate POST /containers/create # `--name host/name` chooses the host; what it refers to, too",
        "NetworkCreate POST /networks/create # `host/name` chooses the host, else its Compose project does",
        "VolumeCreate POST /volumes/create # likewise; where there is one of the name it is that one",
        "ImageBuild POST /build # `--build-arg constraint:node==a*` says where; rather where the build before was",
        "Session POST /session hijack # to the host of its build, or of the other conversations",
        "Grpc POST /grpc hijack # all that are open at one time go to one host",
        "BuildCancel POST /build/cancel # to the host of the build",
    ),
    *_table(
        Way.EVERY,
        "NetworkPrune POST /networks/prune",
        "VolumePrune POST /volumes/prune",
        "ContainerPrune POST /containers/prune",
        "BuildPrune POST /build/prune",
        "ImageCreate POST /images/create # with `--pull one`, and an import (`fromSrc`): to one that is chosen",
        "ImageLoad POST /images/load",
        "ImagePrune POST /images/prune",
    ),
    *_table(
        Way.OWNER,
        "ContainerInspect GET /containers/{name}/json # with the host as `Node`",
        "ContainerTop GET /containers/{name}/top",
        "ContainerLogs GET /containers/{name}/logs",
        "ContainerChanges GET /containers/{name}/changes",
        "ContainerExport GET /containers/{name}/export",
        "ContainerStats GET /containers/{name}/stats",
        "ContainerResize POST /containers/{name}/resize",
        "ContainerStart POST /containers/{name}/start",
        "ContainerStop POST /containers/{name}/stop",
        "ContainerRestart POST /containers/{name}/restart",
        "ContainerKill POST /containers/{name}/kill",
        "ContainerUpdate POST /containers/{name}/update",
        "ContainerRename POST /containers/{name}/rename # the new name is free on every host, or qualified",
        "ContainerPause POST /containers/{name}/pause",
        "ContainerUnpause POST /containers/{name}/unpause",
        "ContainerAttach POST /containers/{name}/attach hijack",
        "ContainerAttachWebsocket GET /containers/{name}/attach/ws hijack",
        "ContainerWait POST /containers/{name}/wait",
        "ContainerArchiveInfo HEAD /containers/{name}/archive",
        "ContainerArchive GET /containers/{name}/archive",
        "PutContainerArchive PUT /containers/{name}/archive",
        "ContainerExec POST /containers/{name}/exec",
        "ContainerDelete DELETE /containers/{name}",
        "ImageCommit POST /commit # to the host of the container",
        "NetworkConnect POST /networks/{id}/connect # with a container of the same host",
        "NetworkDisconnect POST /networks/{id}/disconnect",
        "NetworkInspect GET /networks/{id} # with the host as `Node`",
        "NetworkDelete DELETE /networks/{id}",
        "VolumeInspect GET /volumes/{name} # with the host as `Node`",
        "VolumeUpdate PUT /volumes/{name}",
        "VolumeDelete DELETE /volumes/{name}",
    ),
    *_table(  # those named by the path before those with a name in it
        Way.REFUSED,
        "SwarmInspect GET /swarm",
        "SwarmInit POST /swarm/init",
        "SwarmJoin POST /swarm/join",
        "SwarmLeave POST /swarm/leave",
        "SwarmUpdate POST /swarm/update",
        "SwarmUnlockkey GET /swarm/unlockkey",
        "SwarmUnlock POST /swarm/unlock",
        "NodeList GET /nodes",
        "NodeUpdate POST /nodes/{id}/update",
        "NodeInspect GET /nodes/{id}",
        "NodeDelete DELETE /nodes/{id}",
        "ServiceList GET /services",
        "ServiceCreate POST /services/create",
        "ServiceUpdate POST /services/{id}/update",
        "ServiceLogs GET /services/{id}/logs",
        "ServiceInspect GET /services/{id}",
        "ServiceDelete DELETE /services/{id}",
        "TaskList GET /tasks",
        "TaskLogs GET /tasks/{id}/logs",
        "TaskInspect GET /tasks/{id}",
        "SecretList GET /secrets",
        "SecretCreate POST /secrets/create",
        "SecretUpdate POST /secrets/{id}/update",
        "SecretInspect GET /secrets/{id}",
        "SecretDelete DELETE /secrets/{id}",
        "ConfigList GET /configs",
        "ConfigCreate POST /configs/create",
        "ConfigUpdate POST /configs/{id}/update",
        "ConfigInspect GET /configs/{id}",
        "ConfigDelete DELETE /configs/{id}",
        "GetPluginPrivileges GET /plugins/privileges",
        "PluginPull POST /plugins/pull",
        "PluginCreate POST /plugins/create",
    ),
    *_table(
        Way.OWNER,
        "PluginInspect GET /plugins/{name}/json",
        "PluginEnable POST /plugins/{name}/enable",
        "PluginDisable POST /plugins/{name}/disable",
        "PluginUpgrade POST /plugins/{name}/upgrade",
        "PluginPush POST /plugins/{name}/push",
        "PluginSet POST /plugins/{name}/set",
        "PluginDelete DELETE /plugins/{name}",
    ),
    *_table(
        Way.EXEC,
        "ExecStart POST /exec/{id}/start hijack",
        "ExecResize POST /exec/{id}/resize",
        "ExecInspect GET /exec/{id}/json",
    ),
    *_table(
        Way.FIRST,
        "ImageGetAll GET /images/get # of images on different hosts the archives are merged as they come",
        "ImageInspect GET /images/{name}/json",
        "ImageHistory GET /images/{name}/history",
        "ImageGet GET /images/{name}/get",
        "ImagePush POST /images/{name}/push # all tags of a repository: from every host that has some",
    ),
    *_table(
        Way.ANY,
        "ImageSearch GET /images/search",
        "DistributionInspect GET /distribution/{name}/json",
        "SystemAuth POST /auth",
    ),
    *_table(
        Way.HOLDERS,
        "ImageTag POST /images/{name}/tag",
        "ImageDelete DELETE /images/{name}",
    ),
)
"""Every operation. Of two that match a path, the earlier one is meant."""


_ALSO = {"/networks/": "/networks"}
"""Paths that no specification has, but every engine, and what they mean."""


@frozen
class Route:
    """An operation found for a request, with what the path names (`""` where it names nothing)."""

    operation: Operation
    name: str


def find_route(method: str, path: str) -> Route | None:
    """Find the operation of a method and a path without its version."""
    path = _ALSO.get(path, path)
    for operation in OPERATIONS:
        if operation.method == method and (match := operation.pattern.match(path)):
            return Route(operation, match.groupdict().get("name", ""))
    return None
