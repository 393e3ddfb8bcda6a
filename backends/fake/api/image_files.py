"""Operations that make archives of images, or images of archives and containers: ImageGet, ImageLoad, ImageCommit."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncGenerator
from typing import Any

import trio

from swarmkit.engine.query import bool_value
from swarmkit.engine.references import with_tag
from swarmkit.engine.times import format_time
from swarmkit.errors import NotFound
from swarmkit.http import Headers, Response
from swarmkit.streams import read_whole

from .. import lifecycle
from ..archive import MAX_ARCHIVE, digest, make_tar
from ..container import Container
from ..creation import build_config
from ..defaults import CONFIG
from ..engine import FakeEngine
from ..files import File, folder
from ..image import Image, make_image
from .images import say
from .replies import JSON, TAR, encode, json_reply, stream_reply
from .routing import Call


async def save(call: Call) -> Response:
    names = [call.parts["name"]] if "name" in call.parts else call.queries.get("names", [])
    images: list[tuple[Image, list[str]]] = []
    for name in names:
        image = call.engine.images.find(name)
        if image is None:
            raise NotFound(f"No such image: {name}")
        tags = [with_tag(name)] if with_tag(name) in call.engine.images.tags else call.engine.images.names(image.id)
        images.append((image, [] if image.id.removeprefix("sha256:").startswith(name) else tags))
        say(call.engine, "save", image.id)
    return Response(200, Headers((TAR,)), image_archive(images))


def image_archive(images: list[tuple[Image, list[str]]]) -> bytes:
    """Make an archive as `docker save` does (Docker image specification v1.2)."""
    files: dict[str, File] = {}
    manifest: list[dict[str, Any]] = []
    repositories: dict[str, dict[str, str]] = {}
    for image, tags in images:
        name = image.id.removeprefix("sha256:")
        files[f"{name}.json"] = File(image.text)
        layers = [digest(layer).removeprefix("sha256:") for layer in image.layers]
        for layer, data in zip(layers, image.layers, strict=True):
            files[layer] = folder()
            files[f"{layer}/VERSION"] = File(b"1.0")
            files[f"{layer}/layer.tar"] = File(data)
        entry = {"Config": f"{name}.json", "RepoTags": tags or None, "Layers": [f"{each}/layer.tar" for each in layers]}
        manifest.append(entry)
        for tag in tags:
            repository, _, version = tag.rpartition(":")
            repositories.setdefault(repository, {})[version] = layers[-1] if layers else ""
    files["manifest.json"] = File(json.dumps(manifest).encode())
    if repositories:
        files["repositories"] = File(json.dumps(repositories).encode())
    return make_tar(files.items())


async def load(call: Call) -> Response:
    data = await read_whole(call.request.body, MAX_ARCHIVE)
    return stream_reply(_load(call.engine, data), JSON)


async def _load(engine: FakeEngine, data: bytes) -> AsyncGenerator[bytes, None]:
    await trio.lowlevel.checkpoint()
    try:
        loaded = read_images(data)
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        text = "open /var/lib/docker/tmp/docker-import/repositories: no such file or directory"
        if isinstance(error, tarfile.TarError | EOFError):
            text = "Error processing tar file(exit status 1): unexpected EOF"
        yield encode({"errorDetail": {"message": text}, "error": text}).rstrip(b"\n") + b"\r\n"
        return
    for image, tags in loaded:
        engine.images.add(image, tags)
        say(engine, "load", image.id)
        for text in [f"Loaded image: {tag}\n" for tag in tags] or [f"Loaded image ID: {image.id}\n"]:
            yield encode({"stream": text}).rstrip(b"\n") + b"\r\n"


def read_images(data: bytes) -> list[tuple[Image, list[str]]]:
    """Read an archive of `docker save`, packed or not. Raises TarError, KeyError or ValueError for what is none."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
        contents = {entry.name: _content(tar, entry) for entry in tar if entry.isreg() or entry.issym()}
    found = []
    for entry in json.loads(contents["manifest.json"]):
        layers = tuple(contents[name] for name in entry["Layers"])
        found.append((Image(contents[entry["Config"]], layers), list(entry["RepoTags"] or ())))
    return found


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file is not None else b""


async def commit(call: Call) -> Response:
    query = call.query
    container = call.engine.containers.find(query.get("container", ""))
    document = await call.document(required=False)
    pauses = container.state.status == "running" and bool_value(query.get("pause", "1"))
    if pauses:
        await lifecycle.pause(call.engine, container)
    image = _committed(call.engine, container, document, query)
    repository = query.get("repo")
    name = ":".join(each for each in (repository, query.get("tag")) if each) if repository else ""
    call.engine.images.add(image, [name] if name else [])
    if name:
        call.engine.images.tagged[image.id] = call.engine.clock.now()
        say(call.engine, "tag", image.id, name)
    call.engine.emit(container, "commit", comment=query.get("comment", ""), imageID=image.id, imageRef=name)
    if pauses:
        await lifecycle.unpause(call.engine, container)
    return json_reply({"Id": image.id}, 201)


def _committed(engine: FakeEngine, container: Container, document: dict[str, Any], query: dict[str, str]) -> Image:
    """Make an image of a container: that of its own, and a layer with what has changed."""
    changed = [change.path for change in container.files.changes()]
    nodes = {path: node for path, node in container.files.snapshot().items() if path in changed}
    entries = sorted(((path.lstrip("/"), node) for path, node in nodes.items()), key=lambda entry: entry[0])
    layers = (make_tar(entries),) if entries else ()
    now = format_time(engine.clock.now())
    given = {key: value for key, value in document.items() if value and key in CONFIG}
    config = build_config({**container.config, **given}, container.image, container.id)
    step = {"created": now, "created_by": " ".join(container.command), "comment": query.get("comment", "")}
    return make_image(
        (*container.image.layers, *layers),
        config=config,
        created=now,
        history=(*container.image.history, step),
        parent=container.image.id,
        container=container.id,
        container_config=container.config,
        comment=query.get("comment", ""),
        author=query.get("author", ""),
        docker_version=engine.version,
    )
