"""Containers for the tests of this folder, shaped as an engine of API 1.41 lists them."""

from typing import Any

from swarmkit.engine.rows import Row
from swarmkit.engine.times import SECOND

IMAGE = "sha256:" + "a" * 64
NEVER = "0001-01-01T00:00:00Z"


def container(name: str, *, id: str = "", state: str = "running", **fields: Any) -> dict[str, Any]:
    """Make a document of `GET /containers/json`; the name doubles as an id where none is given."""
    return {
        "Id": (id or name).ljust(64, "0"),
        "Names": [f"/{name}"],
        "Image": "busybox",
        "ImageID": IMAGE,
        "Created": 100,
        "Ports": [],
        "Labels": {},
        "State": state,
        "Status": "Up 3 seconds" if state == "running" else "Created",
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "14881f"}}},
        "Mounts": [],
    } | fields


def row(name: str, *, member: str = "", age: int = 100, inspected: dict[str, Any] | None = None, **fields: Any) -> Row:
    """Make a row created `age` seconds after the epoch."""
    document = container(name, Created=age, **fields)
    return Row(member, document, inspected, None if inspected is None else age * SECOND)
