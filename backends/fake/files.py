"""A file system in memory: trees of nodes, and what a container sees of them (its own tree with others mounted)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from enum import Enum

from attrs import define, evolve, field, frozen

from swarmkit.errors import Invalid

MAX_LINKS = 20
"""Symbolic links followed for one path, at most."""


class Kind(Enum):
    """What a node is; the value is its tar type."""

    FILE = b"0"
    LINK = b"2"
    DEVICE = b"3"
    FOLDER = b"5"


@define(eq=False)
class File:
    """A file, folder, device or symbolic link. `mode` are the permission bits, `mtime` nanoseconds since the epoch."""

    data: bytearray = field(factory=bytearray, converter=bytearray)
    mode: int = 0o644
    mtime: int = 0
    kind: Kind = Kind.FILE
    target: str = ""
    uid: int = 0
    gid: int = 0

    @property
    def is_folder(self) -> bool:
        return self.kind is Kind.FOLDER


def folder(mode: int = 0o755, mtime: int = 0) -> File:
    """Make a folder's node."""
    return File(mode=mode, mtime=mtime, kind=Kind.FOLDER)


def link(target: str, mtime: int = 0) -> File:
    """Make a symbolic link's node."""
    return File(mode=0o777, mtime=mtime, kind=Kind.LINK, target=target)


class Missing(Exception):
    """No such file or directory."""


class Unsuitable(Exception):
    """There is something of another kind: a folder where a file should be, or the reverse. The text says which."""


Tree = dict[str, File]
"""Absolute paths (`/` is the root) and what is there. The nodes of an image are shared: copy before changing one."""


@frozen
class Change:
    """A path that differs from the image. `kind` as in `GET /containers/{id}/changes`: 0 changed, 1 added, 2 gone."""

    path: str
    kind: int


class Files:
    """What a container sees: a copy of its image's tree, with volumes mounted over it."""

    def __init__(self, image: Tree) -> None:
        self._image = image
        self._root: Tree = dict(image)
        self._mounts: dict[str, Tree] = {}
        self._root.setdefault("/", folder())

    def mount(self, path: str, tree: Tree, mtime: int) -> None:
        """Put a tree over a path. A new tree of a volume takes on what was there, as a new volume does."""
        path = normal(path)
        if not tree:
            tree["/"] = folder(mtime=mtime)
            for name in [name for name in self._root if name.startswith(path + "/")]:
                tree[name.removeprefix(path)] = self._root[name]
        self.make_folders(path, mtime)
        self._mounts[path] = tree

    def find(self, path: str, *, follow: bool = True) -> tuple[str, File]:
        """Return the path with links resolved, and the node; `follow` also the last part's. Raises Missing."""
        for _ in range(MAX_LINKS):
            path = self._resolved_parent(normal(path))
            node = self._node(path)
            if node is None:
                raise Missing(path)
            if node.kind is not Kind.LINK or not follow:
                return path, node
            path = posixpath.join(posixpath.dirname(path), node.target)
        raise Missing(path)

    def get(self, path: str) -> File | None:
        """Return the node, links followed, or None."""
        try:
            return self.find(path)[1]
        except Missing:
            return None

    def _resolved_parent(self, path: str) -> str:
        """Follow the links among a path's folders."""
        parent, name = posixpath.split(path)
        if path == "/" or parent == "/":
            return path
        node = self._node(parent)
        if node is not None and node.kind is not Kind.LINK:
            return path
        return posixpath.join(self.find(parent)[0], name)

    def _node(self, path: str) -> File | None:
        tree, inner = self._place(path)
        return tree.get(inner)

    def _place(self, path: str) -> tuple[Tree, str]:
        for point in sorted(self._mounts, key=len, reverse=True):
            if path == point or path.startswith(point + "/"):
                return self._mounts[point], path.removeprefix(point) or "/"
        return self._root, path

    def put(self, path: str, node: File) -> None:
        """Put a node in place of what is there; its folder must exist. Raises Missing, or Unsuitable."""
        path = normal(path)
        parent, name = posixpath.split(path)
        parent, holder = self.find(parent)
        if not holder.is_folder:
            raise Unsuitable("Not a directory")
        path = posixpath.join(parent, name)
        old = self._node(path)
        if old is not None and old.is_folder != node.is_folder:
            raise Unsuitable("Is a directory" if old.is_folder else "Not a directory")
        tree, inner = self._place(path)
        tree[inner] = node

    def make_folders(self, path: str, mtime: int) -> None:
        """Make a folder with those above it, where they are missing."""
        path = normal(path)
        if self.get(path) is None:
            self.make_folders(posixpath.dirname(path), mtime)
            self.put(path, folder(mtime=mtime))

    def open(self, path: str, mtime: int, *, append: bool = False) -> File:
        """Return a file's node to write to, made or emptied where it must be. Raises Missing, or Unsuitable."""
        old = self.get(path)
        if old is not None and old.is_folder:
            raise Unsuitable("Is a directory")
        if old is not None and old.kind is Kind.DEVICE:
            return old
        if old is not None:
            path = self.find(path)[0]
        node = evolve(old, data=old.data if append else b"", mtime=mtime) if old else File(mtime=mtime)
        self.put(path, node)
        return node

    def remove(self, path: str) -> None:
        """Remove a node with everything beneath it. Raises Missing."""
        path, _ = self.find(path, follow=False)
        tree, inner = self._place(path)
        for name in [name for name in tree if name == inner or name.startswith(inner.rstrip("/") + "/")]:
            del tree[name]

    def children(self, path: str) -> list[str]:
        """Return the names in a folder, sorted. Raises Missing."""
        path, _ = self.find(path)
        tree, inner = self._place(path)
        start = inner.rstrip("/") + "/"
        names = {name[len(start) :] for name in tree if name.startswith(start) and name != "/"}
        mounted = {posixpath.basename(point) for point in self._mounts if posixpath.dirname(point) == path}
        return sorted({name for name in names if "/" not in name} | mounted)

    def walk(self, path: str, *, mounts: bool = True) -> Iterator[tuple[str, File]]:
        """Yield a node and everything beneath it, parents first; a link is itself. Raises Missing."""
        path, node = self.find(path, follow=False)
        yield path, node
        if node.is_folder and (mounts or path not in self._mounts):
            for name in self.children(path):
                yield from self.walk(posixpath.join(path, name), mounts=mounts)

    def changes(self) -> list[Change]:
        """Return what differs from the image, sorted by path; folders of what differs count as changed."""
        found = {path: 2 for path in self._image if path not in self._root and self._parent_is_left(path)}
        for path, node in self._root.items():
            if path not in self._image:
                found[path] = 1
            elif node is not self._image[path]:
                found[path] = 0
        for path in list(found):
            parent = posixpath.dirname(path)
            while parent != "/":
                found.setdefault(parent, 0)
                parent = posixpath.dirname(parent)
        return [Change(path, found[path]) for path in sorted(found) if path != "/"]

    def _parent_is_left(self, path: str) -> bool:
        return posixpath.dirname(path) in self._root

    def size(self) -> int:
        """Return the bytes in files that are not the image's."""
        own = (node for path, node in self._root.items() if self._image.get(path) is not node)
        return sum(len(node.data) for node in own)

    def snapshot(self) -> Tree:
        """Return a copy of the tree without what is mounted, as a new image has it."""
        return {path: evolve(node) for path, node in self._root.items()}


def normal(path: str) -> str:
    """Return an absolute path without dots and doubled slashes. Raises Invalid for one with a zero byte."""
    if "\0" in path:
        raise Invalid("invalid argument: a path with a zero byte")
    return posixpath.normpath("/" + path.lstrip("/"))
