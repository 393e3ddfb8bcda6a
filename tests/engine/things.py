"""Rows of networks and volumes as the mirrors of several hosts hold them."""

from __future__ import annotations

from typing import Any

from swarmkit.rows import Row


def network(member: str, name: str, id: str = "", *, lost: str | None = None, **document: Any) -> Row:
    """Make the row of a network."""
    return _thing(
        "networks", member, name, id or f"{member}{name}".encode().hex(), {"Driver": "bridge"} | document, lost
    )


def volume(member: str, name: str, *, lost: str | None = None, **document: Any) -> Row:
    """Make the row of a volume."""
    return _thing("volumes", member, name, name, {"Driver": "local"} | document, lost)


def container(member: str, name: str, **document: Any) -> Row:
    """Make the row of a container that runs."""
    return _thing("containers", member, name, name, {"State": "running"} | document, None)


def _thing(collection: str, member: str, name: str, id: str, document: dict[str, Any], lost: str | None) -> Row:
    path = ("nodes", member, collection, id) if member else (collection, id)
    document = {"Name": name, "Scope": "local", "Labels": None, **document}
    return Row(name=name, path=path, id=id, names=(name,), document=document, member=member, lost=lost)
