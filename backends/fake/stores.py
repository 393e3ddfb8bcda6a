"""The engine's images, networks and volumes, each found by what clients call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field

from swarmkit.engine.references import find_image, with_tag
from swarmkit.engine.times import SECOND, format_time
from swarmkit.errors import Invalid, NotFound

from .documents import ROOT
from .files import Tree
from .image import Image
from .networks import Network


class Images:
    """Images by id, and the names that they have."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self.tags: dict[str, str] = {}
        self.tagged: dict[str, int] = {}  # when an image was last given a name by a client

    def __iter__(self) -> Iterator[Image]:
        return iter(list(self._images.values()))

    def __len__(self) -> int:
        return len(self._images)

    def add(self, image: Image, names: Iterable[str] = ()) -> None:
        """Keep an image under these names, which those that had them lose."""
        self._images.setdefault(image.id, image)
        for name in names:
            self.tags[with_tag(name)] = image.id

    def discard(self, image_id: str) -> None:
        """Forget an image and its names."""
        self._images.pop(image_id, None)
        self.tags = {name: each for name, each in self.tags.items() if each != image_id}

    def names(self, image_id: str) -> list[str]:
        """Return an image's names."""
        return [name for name, each in self.tags.items() if each == image_id]

    def resolve(self, reference: str) -> str | None:
        """Return the id of the image meant, or None."""
        held = [{"Id": image.id, "RepoTags": self.names(image.id)} for image in self]
        return find_image(reference, held)

    def find(self, reference: str) -> Image | None:
        """Return the image meant, or None."""
        return self._images.get(self.resolve(reference) or "")

    def require(self, reference: str) -> Image:
        """Return the image meant. Raises NotFound in the engine's words."""
        image = self.find(reference)
        if image is None:
            raise NotFound(f"No such image: {with_tag(reference)}")
        return image

    def children(self, image_id: str) -> list[Image]:
        """Return the images built on one."""
        return [image for image in self if image.parent == image_id]

    def document(self, image: Image) -> dict[str, Any]:
        """Return an image's row of `GET /images/json`."""
        names = self.names(image.id)
        return {
            "Containers": -1,
            "Created": image.created // SECOND,
            "Id": image.id,
            "Labels": image.config.get("Labels"),
            "ParentId": image.parent,
            "RepoDigests": None if names else ["<none>@<none>"],
            "RepoTags": names or ["<none>:<none>"],
            "SharedSize": -1,
            "Size": image.size,
            "VirtualSize": image.size,
        }


class Networks:
    """Networks by id."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = {network.id: network for network in networks}
        self._next = 18

    def __iter__(self) -> Iterator[Network]:
        return iter(list(self._networks.values()))

    def add(self, network: Network) -> None:
        """Keep a network; one that has addresses gets a subnet of its own."""
        if network.driver == "bridge":
            network.third = self._next
            self._next += 1
        self._networks[network.id] = network

    def discard(self, network: Network) -> None:
        """Forget a network."""
        self._networks.pop(network.id, None)

    def find(self, reference: str) -> Network | None:
        """Return the network meant by an id, a name, or the beginning of one id; of several of a name the first."""
        reference = "bridge" if reference == "default" else reference
        named = self._networks.get(reference) or next(iter(self.named(reference)), None)
        starting = [each for each in self if reference and each.id.startswith(reference)]
        return named or (starting[0] if len(starting) == 1 else None)

    def named(self, name: str) -> list[Network]:
        """Return those of a name, which an engine may be made to have several of."""
        return [each for each in self if each.name == name]

    def require(self, reference: str) -> Network:
        """Return the network meant. Raises NotFound, or Invalid for a name of several, in the engine's words."""
        alike = self.named(reference)
        if len(alike) > 1:
            raise Invalid(f"network {reference} is ambiguous ({len(alike)} matches found based on name)")
        network = self.find(reference)
        if network is None:
            raise NotFound(f"network {reference} not found")
        return network


@define(eq=False)
class Volume:
    """A volume and its files."""

    name: str
    created: int
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    tree: Tree = field(factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the document of `GET /volumes/{name}`."""
        return {
            "CreatedAt": format_time(self.created // SECOND * SECOND),
            "Driver": "local",
            "Labels": self.labels,
            "Mountpoint": f"{ROOT}/volumes/{self.name}/_data",
            "Name": self.name,
            "Options": self.options,
            "Scope": "local",
        }


class Volumes:
    """Volumes by name."""

    def __init__(self) -> None:
        self._volumes: dict[str, Volume] = {}

    def __iter__(self) -> Iterator[Volume]:
        return iter(list(self._volumes.values()))

    def find(self, name: str) -> Volume | None:
        """Return the volume of this name, or None."""
        return self._volumes.get(name)

    def add(self, volume: Volume) -> None:
        """Keep a volume."""
        self._volumes[volume.name] = volume

    def discard(self, name: str) -> None:
        """Forget a volume."""
        self._volumes.pop(name, None)

    def require(self, name: str) -> Volume:
        """Return the volume. Raises NotFound in the engine's words."""
        if name not in self._volumes:
            raise NotFound(f"get {name}: no such volume")
        return self._volumes[name]
