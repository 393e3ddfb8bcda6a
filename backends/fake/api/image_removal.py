"""Operations that remove images: ImageDelete, ImagePrune."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.engine.references import with_tag
from swarmkit.errors import Conflict
from swarmkit.http import Response

from ..container import Container
from ..engine import FakeEngine
from ..image import Image
from .images import say
from .replies import json_reply
from .routing import Call


async def delete(call: Call) -> Response:
    engine, reference = call.engine, call.parts["name"]
    image = engine.images.require(reference)
    by_name = with_tag(reference) in engine.images.tags
    names = [with_tag(reference)] if by_name else engine.images.names(image.id)
    force = call.flag("force")
    users = [each for each in engine.containers if each.image.id == image.id]
    if by_name and len(engine.images.names(image.id)) > 1:
        return json_reply(_untag(engine, image, names))
    if users and not (force and by_name):
        _refuse_used(reference, image, users, force=force, by_name=by_name)
    if not by_name and len(names) > 1 and not force:
        text = "image is referenced in multiple repositories"
        raise Conflict(f"conflict: unable to delete {short(image)} (must be forced) - {text}")
    done = _untag(engine, image, names)
    if not users:
        done += remove_image(engine, image, prune_parents=not call.flag("noprune"))
    return json_reply(done)


def short(image: Image) -> str:
    """Return an image's short id."""
    return image.id.removeprefix("sha256:")[:12]


def _refuse_used(reference: str, image: Image, users: list[Container], *, force: bool, by_name: bool) -> None:
    running = next((each for each in users if each.state.running), None)
    user = running or users[0]
    if by_name and not force:
        raise Conflict(
            f'conflict: unable to remove repository reference "{reference}" (must force) - '
            f"container {user.id[:12]} is using its referenced image {short(image)}"
        )
    if running is not None:
        how, what = "cannot be forced", "running container"
    elif not force:
        how, what = "must be forced", "stopped container"
    else:
        return
    raise Conflict(f"conflict: unable to delete {short(image)} ({how}) - image is being used by {what} {user.id[:12]}")


def _untag(engine: FakeEngine, image: Image, names: Iterable[str]) -> list[dict[str, str]]:
    for name in names:
        del engine.images.tags[name]
        say(engine, "untag", image.id)
    return [{"Untagged": name} for name in names]


def remove_image(engine: FakeEngine, image: Image, *, prune_parents: bool = True) -> list[dict[str, str]]:
    """Remove an image that nothing needs, and those it was built on that have no name and are not needed either."""
    if engine.images.children(image.id):
        return []
    parent = engine.images.find(image.parent) if image.parent else None
    shared = {diff_id for each in engine.images if each is not image for diff_id in each.diff_ids}
    engine.images.discard(image.id)
    say(engine, "delete", image.id)
    layers = [{"Deleted": diff_id} for diff_id in reversed(image.diff_ids) if diff_id not in shared]
    done = [{"Deleted": image.id}, *layers]
    if parent is not None and prune_parents and not engine.images.names(parent.id):
        done += remove_image(engine, parent)
    return done


async def prune(call: Call) -> Response:
    filters = call.filters("dangling", "label", "label!", "until")
    engine = call.engine
    everything = bool(filters.get("dangling")) and filters.get("dangling")[0] in ("false", "0")
    used = {container.image.id for container in engine.containers}
    deleted: list[dict[str, str]] | None = None
    space = 0
    for image in engine.images:
        names = engine.images.names(image.id)
        if image.id in used or (names and not everything) or not filters.match_labels(image.config.get("Labels")):
            continue
        deleted = [*(deleted or []), *_untag(engine, image, names), *remove_image(engine, image)]
        space += image.size
    engine.events.emit("image", "prune", "", {"reclaimed": str(space)})
    return json_reply({"ImagesDeleted": deleted, "SpaceReclaimed": space})
