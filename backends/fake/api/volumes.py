"""Operations on volumes: VolumeList, VolumeInspect, VolumeCreate, VolumeDelete, VolumePrune."""

from __future__ import annotations

from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.http import Response

from ..creation import check_volume_name
from ..networks import new_id
from ..stores import Volume
from .replies import empty_reply, json_reply
from .routing import Call


def _users(call: Call, name: str) -> list[str]:
    return [each.id for each in call.engine.containers if any(mount.source == name for mount in each.mounts)]


async def list_all(call: Call) -> Response:
    try:
        filters = call.filters("dangling", "driver", "label", "name", status=400)
    except Invalid as error:
        if error.message.startswith("Invalid filter"):
            raise
        raise Invalid(f"error reading volume filters: {error.message}") from error
    dangling = filters.get("dangling")
    rows = [
        volume.document()
        for volume in call.engine.volumes
        if filters.match("name", volume.name)
        and filters.match_exact("driver", "local")
        and filters.match_key_values("label", volume.labels)
        and (not dangling or (dangling[0] in ("1", "true")) != bool(_users(call, volume.name)))
    ]
    return json_reply({"Volumes": rows, "Warnings": None})


async def inspect(call: Call) -> Response:
    return json_reply(call.engine.volumes.require(call.parts["name"]).document())


async def create(call: Call) -> Response:
    document = await call.document()
    engine = call.engine
    driver = document.get("Driver") or "local"
    if driver != "local":
        raise NotFound(
            f'create {document.get("Name")}: error looking up volume plugin {driver}: plugin "{driver}" not found'
        )
    name = document.get("Name") or new_id()
    volume = engine.volumes.find(name)
    if volume is None:
        check_volume_name(name)
        labels, options = document.get("Labels"), document.get("DriverOpts") or None
        volume = Volume(name, engine.clock.now(), labels, options)
    engine.create_volume(volume)  # which the engine says of one that was there, too
    return json_reply(volume.document(), 201)


async def delete(call: Call) -> Response:
    name = call.parts["name"]
    call.engine.volumes.require(name)
    if users := _users(call, name):
        raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
    call.engine.remove_volume(name)
    return empty_reply()


async def prune(call: Call) -> Response:
    filters = call.filters("label", "label!", "all")
    deleted: list[str] | None = None
    space = 0
    for volume in call.engine.volumes:
        if not _users(call, volume.name) and filters.match_labels(volume.labels):
            space += sum(len(node.data) for node in volume.tree.values())
            call.engine.remove_volume(volume.name)
            deleted = [*(deleted or []), volume.name]
    call.engine.events.emit("volume", "prune", "", {"reclaimed": str(space)})
    return json_reply({"VolumesDeleted": deleted or [], "SpaceReclaimed": space})
