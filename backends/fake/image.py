"""An image: its configuration, its layers, and the tree of files that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import field, frozen

from swarmkit.engine.times import parse_time

from .archive import digest, make_tar, read_tar
from .commands import COMMANDS
from .files import File, Tree, folder, link

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "usr", "usr/bin", "usr/sbin", "var")
_FILES = {
    "etc/group": b"root:x:0:\nnobody:x:65534:\n",
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
}
_BORN = "2024-01-01T00:00:00Z"


@frozen(eq=False)
class Image:
    """An image as a store holds it. `text` is the configuration's JSON, whose digest is the id.

    Its layers are kept as they came, so that a saved image has the id of the loaded one.
    """

    text: bytes
    layers: tuple[bytes, ...]
    parent: str = ""
    container: str = ""
    container_config: Mapping[str, Any] | None = None
    id: str = field(init=False)
    document: dict[str, Any] = field(init=False)
    tree: Tree = field(init=False)
    size: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        tree: Tree = {"/": folder()}
        for layer in self.layers:
            _apply(tree, read_tar(layer))
        size = sum(len(node.data) for node in tree.values())
        values = {"id": digest(self.text), "document": json.loads(self.text), "tree": tree, "size": size}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def config(self) -> dict[str, Any]:
        """What its containers run by default."""
        return self.document.get("config") or {}

    @property
    def created(self) -> int:
        """When it was made, in nanoseconds since the epoch."""
        return parse_time(self.document.get("created") or "1970-01-01T00:00:00Z")

    @property
    def diff_ids(self) -> list[str]:
        """The digests of its layers."""
        return list((self.document.get("rootfs") or {}).get("diff_ids") or ())

    @property
    def history(self) -> list[dict[str, Any]]:
        """How it came about, oldest step first."""
        return list(self.document.get("history") or ())


def _apply(tree: Tree, layer: Tree) -> None:
    """Lay a layer over a tree; a name with `.wh.` removes (OCI image specification, "Whiteouts")."""
    for path, node in layer.items():
        parent, _, name = path.rpartition("/")
        if not name.startswith(".wh."):
            tree[path] = node
            continue
        gone = f"{parent}/{name.removeprefix('.wh.')}"
        for old in [old for old in tree if old == gone or old.startswith(gone + "/")]:
            del tree[old]


def make_image(
    layers: tuple[bytes, ...],
    *,
    config: Mapping[str, Any],
    created: str = _BORN,
    history: tuple[Mapping[str, Any], ...] = (),
    parent: str = "",
    container: str = "",
    container_config: Mapping[str, Any] | None = None,
    **more: Any,
) -> Image:
    """Make an image of its layers and what its containers run."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [dict(each) for each in history],
        **more,
    }
    text = json.dumps(document).encode()
    return Image(text, layers, parent=parent, container=container, container_config=container_config)


def scratch_image() -> Image:
    """Make the image of a container that is made of none: it has no id, and no files."""
    image = Image(b"{}", ())
    object.__setattr__(image, "id", "")
    return image


@cache
def base_layer() -> bytes:
    """Make the layer that invented images have: the folders of a small system, and each command in `/bin`."""
    entries = [(name, folder()) for name in _FOLDERS] + [("tmp", folder(0o1777))]
    entries += [(name, File(data)) for name, data in _FILES.items()]
    entries.append(("bin/busybox", File(b"\x7fELF fake", mode=0o755)))
    entries += [(f"bin/{name}", link("/bin/busybox")) for name in sorted(COMMANDS)]
    return make_tar(sorted(entries, key=lambda entry: entry[0]))


@cache
def invented_image(name: str) -> Image:
    """Make the image that stands for a name: the same for all engines, another for each name."""
    step = {"created": _BORN, "created_by": f"fake {name}"}
    return make_image((base_layer(),), config={"Env": [PATH], "Cmd": ["sh"]}, history=(step,))
