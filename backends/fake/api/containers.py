"""Operations on containers that are no steps of their lives: list, create, inspect, rename, update, prune, resize."""

from __future__ import annotations

from typing import Any

from swarmkit.engine.containers import ListQuery, select
from swarmkit.engine.times import parse_timestamp
from swarmkit.engine.versions import version_key
from swarmkit.errors import Internal, Invalid, NotFound
from swarmkit.http import Response

from .. import lifecycle, runs
from ..creation import check_restart_policy
from ..defaults import CONFIG, RESOURCES
from ..documents import inspect_document, list_row
from .replies import empty_reply, json_reply
from .routing import Call


async def list_all(call: Call) -> Response:
    call.number("limit", status=500)
    call.filters()
    try:
        query = ListQuery.parse(call.query)
        rows = [list_row(call.engine, container, size=query.size) for container in call.engine.containers]
        images = [call.engine.images.document(image) for image in call.engine.images]
        return json_reply([row.document for row in select(rows, query, images=images)])
    except (Invalid, NotFound) as error:
        if error.message.startswith(_WELL_MEANT):
            raise
        raise Internal(error.message) from error


_WELL_MEANT = ("Invalid filter", "Unrecognised filter")
"""What the engine knows for the client's fault; all else about a list's filters it takes for its own."""


async def create(call: Call) -> Response:
    document = await call.document(status=500)
    if not any(field.lower() in _FIELDS for field in document):
        raise Invalid("Config cannot be empty in order to create a container")
    _check_types(document)
    networks = (document.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if len(networks) > 1 and version_key(call.version) < (1, 44):
        raise Invalid(f"Container cannot be connected to network endpoints: {', '.join(networks)}")
    container = call.engine.containers.create(document, call.query.get("name", ""))
    return json_reply({"Id": container.id, "Warnings": []}, 201)


_FIELDS = frozenset(name.lower() for name in CONFIG)
_STRINGS = ("Image", "Hostname", "User", "WorkingDir", "StopSignal")
_LISTS = ("Cmd", "Entrypoint", "Env")


def _check_types(document: dict[str, Any]) -> None:
    """Raise Invalid, as Go's decoder puts it, for fields of another type."""
    for name in (*_STRINGS, *_LISTS):
        value = document.get(name)
        wrong = value is not None and not isinstance(value, str) and not (name in _LISTS and isinstance(value, list))
        if wrong:
            kind = {list: "array", dict: "object", bool: "bool"}.get(type(value), "number")
            field = f"Go struct field ContainerConfigWrapper.{name} of type string"
            raise Invalid(f"json: cannot unmarshal {kind} into {field}", status=500)
    for name in ("Cmd", "Entrypoint"):
        if isinstance(document.get(name), str):
            document[name] = [document[name]]


async def inspect(call: Call) -> Response:
    return json_reply(inspect_document(call.engine, call.container, size=call.flag("size")))


async def rename(call: Call) -> Response:
    call.engine.containers.rename(call.container, call.query.get("name", ""))
    return empty_reply()


async def update(call: Call) -> Response:
    document = await call.document(status=500)
    policy = document.get("RestartPolicy") or {}
    check_restart_policy(policy)
    container = call.container
    if policy.get("Name") and container.host_config["AutoRemove"]:
        raise Invalid("Restart policy cannot be updated because AutoRemove is enabled for the container")
    changes = {name: value for name, value in document.items() if name in RESOURCES and value}
    container.host_config.update(changes)
    if policy.get("Name"):
        container.host_config["RestartPolicy"] = {"Name": "", "MaximumRetryCount": 0, **policy}
    call.engine.emit(container, "update")
    return json_reply({"Warnings": None})


async def prune(call: Call) -> Response:
    filters = call.filters("label", "label!", "until", status=400)
    until = parse_timestamp(next(iter(filters.get("until")), None))
    deleted: list[str] | None = None
    space = 0
    for container in call.engine.containers:
        young = until is not None and container.created > until
        if container.state.running or young or not filters.match_labels(container.config["Labels"]):
            continue
        space += container.files.size()
        runs.discard(call.engine, container, volumes=False)
        deleted = [*(deleted or []), container.id]
    call.engine.events.emit("container", "prune", "", {"reclaimed": str(space)})
    return json_reply({"ContainersDeleted": deleted, "SpaceReclaimed": space})


async def resize(call: Call) -> Response:
    height, width = call.number("h", required=True), call.number("w", required=True)
    container = call.container
    lifecycle.require_running(container)
    container.size = (height, width)
    call.engine.emit(container, "resize", height=str(height), width=str(width))
    return Response(200)
