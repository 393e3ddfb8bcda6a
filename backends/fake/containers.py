"""The engine's containers by id and name, and how one is made, renamed and found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from swarmkit.engine.names import invalid_container_name, is_container_name, name_in_use, no_such_container
from swarmkit.errors import Conflict, Internal, Invalid, NotFound
from swarmkit.index import Index

from .container import Container, Endpoint
from .creation import (
    Mount,
    build_config,
    build_host_config,
    check_config,
    check_host_config,
    check_volume_name,
    mounts_of,
)
from .files import Files
from .image import scratch_image
from .names import random_name
from .networks import new_id
from .output import Output
from .references import check_reference
from .stores import Volume

if TYPE_CHECKING:
    from .engine import FakeEngine


class Containers:
    """The containers of one engine."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._containers: dict[str, Container] = {}
        self._index = Index()

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._containers.values()))

    def __len__(self) -> int:
        return len(self._containers)

    def find(self, reference: str) -> Container:
        """Return the one that an id, a name or the beginning of an id means. Raises NotFound, or as the engine 500."""
        wanted = reference.removeprefix("/")
        if wanted in self._containers:
            return self._containers[wanted]
        found = self._index.named(wanted) or self._index.beginning(wanted)
        if not found:
            raise NotFound(no_such_container(reference))
        if len(found) > 1:
            raise Internal(f"Multiple IDs found with provided prefix: {reference}")
        return self._containers[found[0]]

    def named(self, name: str) -> Container | None:
        """Return the one of exactly this name, or None."""
        found = self._index.named(name)
        return self._containers[found[0]] if found else None

    def discard(self, container: Container) -> None:
        """Forget one."""
        self._containers.pop(container.id, None)
        self._index.remove(container.id)

    def create(self, document: Mapping[str, Any], name: str = "") -> Container:
        """Make one of the body of `POST /containers/create`. Raises as the engine does."""
        engine = self._engine
        host_given = document.get("HostConfig") or {}
        check_config(document)
        check_host_config(host_given)
        if document.get("Image"):
            check_reference(document["Image"])
        image = engine.images.require(document["Image"]) if document.get("Image") else scratch_image()
        container_id = new_id()
        config = build_config(document, image, container_id)
        host_config = build_host_config(host_given)
        name = self._free_name(name.removeprefix("/"))
        mounts = [self._with_volume(mount) for mount in mounts_of(config, host_config)]
        container = Container(
            id=container_id,
            name=name,
            image=image,
            config=config,
            host_config=host_config,
            created=engine.clock.stamp(),
            files=self._files(image.tree, config["WorkingDir"], mounts),
            output=Output(engine.clock),
            mounts=mounts,
            endpoints=_endpoints(host_config, document.get("NetworkingConfig") or {}),
        )
        self._containers[container.id] = container
        self._index.put(container.id, (name,))
        engine.emit(container, "create")
        return container

    def _free_name(self, name: str) -> str:
        """Return a name that a new container may have: the one wanted, or any."""
        if name and not is_container_name(name):
            raise Invalid(invalid_container_name(name))
        if (other := self.named(name)) is not None:
            raise Conflict(name_in_use(name, other.id))
        return name or random_name(self.named)

    def _with_volume(self, mount: Mount) -> Mount:
        """Make the volume that a mount needs, where it is missing."""
        if mount.kind != "volume":
            return mount
        if not mount.source:
            mount = evolve(mount, source=new_id())
        check_volume_name(mount.source)
        if self._engine.volumes.find(mount.source) is None:
            self._engine.create_volume(Volume(mount.source, self._engine.clock.now()))
        return mount

    def _files(self, tree: dict[str, Any], working: str, mounts: list[Mount]) -> Files:
        files = Files(tree)
        files.make_folders(working or "/", self._engine.clock.now())
        for mount in mounts:
            if mount.kind == "volume":
                inner = self._engine.volumes.require(mount.source).tree
            else:
                inner = {} if mount.kind == "tmpfs" else self._engine.host_folder(mount.source)
            files.mount(mount.target, inner, self._engine.clock.now())
        return files

    def rename(self, container: Container, name: str) -> None:
        """Give one another name. Raises as the engine does."""
        if not name:
            raise Invalid("Neither old nor new names may be empty")
        if name.removeprefix("/") == container.name:
            raise Invalid("Renaming a container with the same name as its current name")
        name = name.removeprefix("/")
        if not is_container_name(name):
            raise Invalid(f"Error when allocating new name: {invalid_container_name('/' + name)}")
        if (other := self.named(name)) is not None:
            raise Conflict(f"Error when allocating new name: {name_in_use(name, other.id)}")
        old, container.name = container.name, name
        self._index.put(container.id, (name,))
        self._engine.emit(container, "rename", oldName=f"/{old}")


def _endpoints(host_config: Mapping[str, Any], networking: Mapping[str, Any]) -> dict[str, Endpoint]:
    """Return the networks that a new container will join."""
    mode = str(host_config["NetworkMode"])
    if mode.startswith("container:"):
        return {}
    asked = {mode: None, **(networking.get("EndpointsConfig") or {})}
    wanted = {"bridge" if name == "default" else name: settings for name, settings in asked.items()}
    return {name: Endpoint(name, dict(settings or {})) for name, settings in wanted.items()}
