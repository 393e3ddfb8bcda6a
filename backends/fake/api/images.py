"""Operations on images: ImageList, ImageInspect, ImageHistory, ImageCreate, ImageTag, ImageDelete, ImagePrune."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from fnmatch import fnmatchcase
from typing import Any

import trio

from swarmkit.engine.filters import Filters
from swarmkit.engine.references import split_reference, with_tag
from swarmkit.engine.times import SECOND, ZERO_TIME, format_time, parse_time
from swarmkit.errors import Internal, Invalid, NotFound
from swarmkit.http import Response
from swarmkit.streams import read_whole

from ..archive import MAX_ARCHIVE
from ..defaults import CONFIG, CONFIG_OMITTED, filled
from ..documents import ROOT
from ..engine import FakeEngine
from ..image import Image, invented_image, make_image
from ..references import check_reference
from .replies import JSON, encode, json_reply, stream_reply
from .routing import Call

_FILTERS = ("before", "dangling", "label", "reference", "since")


async def list_all(call: Call) -> Response:
    filters = call.filters(*_FILTERS)
    engine = call.engine
    images = sorted(engine.images, key=lambda image: image.created, reverse=True)
    rows = [engine.images.document(image) for image in images if _is_listed(call, image, filters)]
    return json_reply(rows)


def _is_listed(call: Call, image: Image, filters: Filters) -> bool:
    images = call.engine.images
    names = images.names(image.id)
    dangling = filters.get("dangling")
    if dangling and (dangling[0] in ("1", "true")) != (not names):
        return False
    for key, later in (("before", False), ("since", True)):
        for reference in filters.get(key):
            other = images.require(reference)
            if other.id == image.id or (image.created > other.created) != later:
                return False
    patterns = filters.get("reference")
    if patterns and not any(_matches(name, pattern) for name in names for pattern in patterns):
        return False
    if not names and not call.flag("all") and images.children(image.id):
        return False
    return filters.match_key_values("label", image.config.get("Labels"))


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(split_reference(name)[0], pattern)


async def inspect(call: Call) -> Response:
    name = call.parts["name"]
    image = call.engine.images.find(name)
    if image is None:
        raise NotFound(f"no such image: {name}: No such image: {with_tag(name)}")
    return json_reply(image_document(call.engine, image))


def image_document(engine: FakeEngine, image: Image) -> dict[str, Any]:
    """Return the document of `GET /images/{name}/json`."""
    config = filled(CONFIG, image.config, CONFIG_OMITTED)
    layer = f"{ROOT}/overlay2/{image.id.removeprefix('sha256:')}"
    return {
        "Id": image.id,
        "RepoTags": engine.images.names(image.id),
        "RepoDigests": [],
        "Parent": image.parent,
        "Comment": image.document.get("comment", ""),
        "Created": format_time(image.created),
        "Container": image.container,
        "ContainerConfig": filled(CONFIG, image.container_config or {}, CONFIG_OMITTED),
        "DockerVersion": image.document.get("docker_version", ""),
        "Author": image.document.get("author", ""),
        "Config": config,
        "Architecture": image.document.get("architecture", "amd64"),
        "Os": image.document.get("os", "linux"),
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": {
            "Data": {
                "MergedDir": f"{layer}/merged",
                "UpperDir": f"{layer}/diff",
                "WorkDir": f"{layer}/work",
            },
            "Name": "overlay2",
        },
        "RootFS": {"Type": "layers", "Layers": image.diff_ids},
        "Metadata": {"LastTagTime": format_time(engine.images.tagged.get(image.id, ZERO_TIME))},
    }


async def history(call: Call) -> Response:
    images = call.engine.images
    image: Image | None = images.require(call.parts["name"])
    rows: list[dict[str, Any]] = []
    while image is not None:
        steps = image.history or [{"created": format_time(image.created)}]
        parent = images.find(image.parent) if image.parent else None
        own = steps[len(parent.history) if parent is not None else 0 :] or steps[-1:]
        for index, step in enumerate(reversed(own)):
            rows.append(_step(image if index == 0 else None, step, images.names(image.id), parent))
        image = parent
    return json_reply(rows)


def _step(image: Image | None, step: dict[str, Any], names: list[str], parent: Image | None) -> dict[str, Any]:
    size = image.size - (parent.size if parent is not None else 0) if image is not None else 0
    created = image.created if image is not None else parse_time(step.get("created") or "1970-01-01T00:00:00Z")
    return {
        "Comment": step.get("comment", ""),
        "Created": created // SECOND,
        "CreatedBy": step.get("created_by", ""),
        "Id": image.id if image is not None else "<missing>",
        "Size": size,
        "Tags": (names or None) if image is not None else None,
    }


async def create(call: Call) -> Response:
    """Pull, or import with `fromSrc`."""
    query = call.query
    if query.get("fromImage"):
        name, tag = query["fromImage"], query.get("tag", "")
        check_reference(name)
        full = f"{name}@{tag}" if tag.startswith("sha256:") else f"{name}:{tag}" if tag else name
        return await _pull(call.engine, with_tag(full))
    if query.get("fromSrc") != "-":
        raise Internal('Get "http:": http: no Host in request URL')
    data = await read_whole(call.request.body, MAX_ARCHIVE)
    now = format_time(call.engine.clock.now())
    step = {"created": now, "comment": query.get("message") or "Imported from -"}
    image = make_image((data,), config={}, created=now, history=(step,), comment=step["comment"])
    names = [f"{query['repo']}:{query.get('tag') or 'latest'}"] if query.get("repo") else []
    call.engine.images.add(image, names)
    say(call.engine, "import", image.id)
    return stream_reply(_lines([{"status": image.id}]), JSON)


def exists(engine: FakeEngine, name: str) -> bool:
    """Tell whether the registry has an image of this name."""
    if split_reference(name)[0].startswith("missing"):
        return False
    return engine.registry is None or name in {with_tag(each) for each in engine.registry}


async def _pull(engine: FakeEngine, name: str) -> Response:
    repository, tag, _ = split_reference(name)
    await trio.lowlevel.checkpoint()
    if not exists(engine, name):
        raise NotFound(
            f"pull access denied for {repository}, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied"
        )
    image = invented_image(name)
    known = engine.images.resolve(name) == image.id
    engine.images.add(image, [name])
    engine.events.emit("image", "pull", name, {"name": repository})
    source = repository if "/" in repository else f"library/{repository}"
    layer = image.diff_ids[0].removeprefix("sha256:")[:12]
    layer_line: dict[str, Any] = {"progressDetail": {}, "id": layer}
    steps = [{"status": step, **layer_line} for step in ("Pulling fs layer", "Pull complete")]
    outcome = f"Status: {'Image is up to date' if known else 'Downloaded newer image'} for {name}"
    lines: list[dict[str, Any]] = [{"status": f"Pulling from {source}", "id": tag or "latest"}]
    lines += [] if known else steps
    lines += [{"status": f"Digest: {image.id}"}, {"status": outcome}]
    return stream_reply(_lines(lines), JSON)


async def _lines(documents: Iterable[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
    """Yield progress as the engine writes it, whose lines end in CR and LF."""
    for document in documents:
        await trio.lowlevel.checkpoint()
        yield encode(document).rstrip(b"\n") + b"\r\n"


def say(engine: FakeEngine, action: str, image_id: str, name: str = "") -> None:
    """Say what has happened to an image."""
    engine.events.emit("image", action, image_id, {"name": name or image_id})


async def tag(call: Call) -> Response:
    repository, tag = call.query.get("repo", ""), call.query.get("tag", "")
    image = call.engine.images.require(call.parts["name"])
    try:
        check_reference(repository)
    except Invalid as error:
        raise Invalid(error.message, status=500) from error
    name = f"{repository}:{tag or 'latest'}"
    call.engine.images.add(image, [name])
    call.engine.images.tagged[image.id] = call.engine.clock.now()
    say(call.engine, "tag", image.id, with_tag(name))
    return Response(201)
