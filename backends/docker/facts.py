"""What an engine says of itself, fetched when it becomes healthy: its API versions, and the document of its node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

_TAKEN = (
    "ID",
    "ServerVersion",
    "OperatingSystem",
    "KernelVersion",
    "OSType",
    "Architecture",
    "Driver",
    "NCPU",
    "MemTotal",
)


@frozen
class Facts:
    """An engine's `/version` and `/info`, as it answered them."""

    version: Mapping[str, Any] = field(factory=dict)
    info: Mapping[str, Any] = field(factory=dict)

    def node(self) -> dict[str, Any]:
        """Return what a node's document takes from them: identity, software, size, and the engine's labels as a map."""
        document = {key: self.info[key] for key in _TAKEN if key in self.info}
        document["Labels"] = dict(str(label).partition("=")[::2] for label in self.info.get("Labels") or ())
        document["Hostname"] = self.info.get("Name", "")
        return document
