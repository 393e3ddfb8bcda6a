"""Files as tar archives and back. Whole archives are held in memory: so are the files."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable

from swarmkit.engine.times import SECOND, format_time
from swarmkit.errors import Invalid

from .files import File, Files, Kind, Tree, normal

MAX_ARCHIVE = 1024 * 1024 * 1024
"""Bytes of an archive that is taken in, at most."""

_GO_FOLDER, _GO_LINK, _GO_DEVICE = 1 << 31, 1 << 27, 1 << 26


def make_tar(entries: Iterable[tuple[str, File]]) -> bytes:
    """Make an archive of nodes under the names given; a folder's name gets its slash."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, node in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = node.kind.value, node.target, node.mode
            entry.mtime, entry.uid, entry.gid = node.mtime // SECOND, node.uid, node.gid
            entry.uname = entry.gname = "root" if node.uid == 0 else ""
            entry.size = len(node.data) if node.kind is Kind.FILE else 0
            tar.addfile(entry, io.BytesIO(node.data))
    return buffer.getvalue()


def read_tar(data: bytes) -> Tree:
    """Read an archive, packed or not, into nodes by absolute path. Raises Invalid where it is none."""
    tree: Tree = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
            for entry in tar:
                node = _node(tar, entry, tree)
                if node is not None:
                    tree[normal(entry.name)] = node
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Invalid(f"archive/tar: invalid tar header: {error}") from error
    return tree


def _node(tar: tarfile.TarFile, entry: tarfile.TarInfo, tree: Tree) -> File | None:
    if entry.islnk():
        return tree.get(normal(entry.linkname))
    kinds = {tarfile.DIRTYPE: Kind.FOLDER, tarfile.SYMTYPE: Kind.LINK, tarfile.CHRTYPE: Kind.DEVICE}
    content = tar.extractfile(entry) if entry.isreg() else None
    return File(
        data=content.read() if content is not None else b"",
        mode=entry.mode & 0o7777,
        mtime=int(entry.mtime) * SECOND,
        kind=kinds.get(entry.type, Kind.FILE),
        target=entry.linkname if entry.issym() else "",
        uid=entry.uid,
        gid=entry.gid,
    )


def archive_path(files: Files, path: str) -> bytes:
    """Archive a path as `GET /containers/{id}/archive` does: entries begin with its last name. Raises Missing."""
    found, _ = files.find(path, follow=path.endswith(("/", "/.")))
    base = "." if path.endswith("/.") else posixpath.basename(path.rstrip("/")) or "/"
    entries = []
    for name, node in files.walk(found):
        inner = name.removeprefix(found).lstrip("/") if found != "/" else name.lstrip("/")
        entries.append((posixpath.join(base, inner) if inner else base, node))
    return make_tar(entries)


def export_root(files: Files) -> bytes:
    """Archive everything but what is mounted, as `GET /containers/{id}/export` does."""
    return make_tar((path.lstrip("/"), node) for path, node in files.walk("/", mounts=False) if path != "/")


def path_stat(files: Files, path: str) -> str:
    """Return the value of `X-Docker-Container-Path-Stat` (operation ContainerArchiveInfo). Raises Missing."""
    found, node = files.find(path, follow=path.endswith(("/", "/.")))
    kinds = {Kind.FOLDER: _GO_FOLDER, Kind.LINK: _GO_LINK, Kind.DEVICE: _GO_DEVICE}
    size = {Kind.FOLDER: 4096, Kind.LINK: len(node.target)}.get(node.kind, len(node.data))
    document = {
        "name": posixpath.basename(found) or "/",
        "size": size,
        "mode": kinds.get(node.kind, 0) | node.mode,
        "mtime": format_time(node.mtime),
        "linkTarget": _target(found, node),
    }
    return base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()


def _target(path: str, node: File) -> str:
    return normal(posixpath.join(posixpath.dirname(path), node.target)) if node.target else ""


def digest(data: bytes) -> str:
    """Return the digest that content is addressed by."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
