"""Operations on a container's files: ContainerArchive, PutContainerArchive, ContainerChanges, ContainerExport."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager

from swarmkit.errors import Internal, Invalid, NotFound
from swarmkit.http import Headers, Response
from swarmkit.streams import read_whole

from .. import runs
from ..archive import MAX_ARCHIVE, archive_path, export_root, path_stat, read_tar
from ..container import Container
from ..files import Missing, Unsuitable
from .replies import TAR, json_reply
from .routing import Call


def _path(call: Call) -> str:
    if not call.query.get("path"):
        raise Invalid("bad parameter: pathcannot be empty")  # so the engine says it
    return call.query["path"]


@contextmanager
def _mounted(call: Call, container: Container) -> Iterator[None]:
    """Mount a container's volumes for a while, of which there is nothing to be seen but the events."""
    runs.say_mounts(call.engine, container, "mount")
    try:
        yield
    finally:
        runs.say_mounts(call.engine, container, "unmount")


def _not_there(call: Call, path: str) -> NotFound:
    return NotFound(f"Could not find the file {path} in container {call.parts['name']}")


async def stat(call: Call) -> Response:
    path = _path(call)
    container = call.container
    with _mounted(call, container):
        try:
            return Response(200, Headers((("X-Docker-Container-Path-Stat", path_stat(container.files, path)),)))
        except Missing as error:
            raise _not_there(call, path) from error


async def download(call: Call) -> Response:
    path = _path(call)
    container = call.container
    with _mounted(call, container):
        try:
            stat_header = ("X-Docker-Container-Path-Stat", path_stat(container.files, path))
            data = archive_path(container.files, path)
        except Missing as error:
            raise _not_there(call, path) from error
        call.engine.emit(container, "archive-path")
    return Response(200, Headers((TAR, stat_header)), data)


async def upload(call: Call) -> Response:
    path = _path(call)
    container = call.container
    with _mounted(call, container):
        try:
            folder, node = container.files.find(path)
        except Missing as error:
            raise _not_there(call, path) from error
        if not node.is_folder:
            raise Internal("extraction point is not a directory")
        data = await read_whole(call.request.body, MAX_ARCHIVE)
        _extract(container, folder, data, now=call.engine.clock.now(), strict=call.flag("noOverwriteDirNonDir"))
        call.engine.emit(container, "extract-to-dir")
    return Response(200)


def _extract(container: Container, folder: str, data: bytes, *, now: int, strict: bool) -> None:
    """Put an archive's content into a folder; what is no archive counts as an empty one, as in the engine."""
    try:
        tree = read_tar(data)
    except Invalid:
        return
    for name, node in tree.items():
        path = posixpath.normpath(posixpath.join(folder, name.lstrip("/")))
        old = container.files.get(path)
        if old is not None and old.is_folder and node.is_folder:
            continue
        if old is not None and old.is_folder != node.is_folder:
            if strict:
                kind = ("directory", "non-directory") if old.is_folder else ("non-directory", "directory")
                raise Internal(f"cannot overwrite {kind[0]} {path!r} with {kind[1]} {folder!r}")
            container.files.remove(path)
        container.files.make_folders(posixpath.dirname(path), now)
        try:
            container.files.put(path, node)
        except Unsuitable as error:
            raise Internal(f"Error processing tar file(exit status 1): open {path}: {error}") from error


async def changes(call: Call) -> Response:
    found = [{"Path": change.path, "Kind": change.kind} for change in call.container.files.changes()]
    return json_reply(found or None)


async def export(call: Call) -> Response:
    container = call.container
    data = export_root(container.files)
    call.engine.emit(container, "export")
    return Response(200, Headers((("Content-Type", "application/octet-stream"),)), data)
