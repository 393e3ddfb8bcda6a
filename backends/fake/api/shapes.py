"""What newer versions of the API have removed from answers, removed here where a client is answered in one of them."""

from __future__ import annotations

import json
from typing import Any

from swarmkit.engine.versions import version_key
from swarmkit.http import Response

from .replies import json_reply

_REMOVED = {
    "/images/json": (("1.44", ("VirtualSize",)),),
    "/images/{name}/json": (
        ("1.44", ("VirtualSize",)),
        ("1.45", ("Container", "ContainerConfig")),
        ("1.50", ("Config.Hostname", "Config.Domainname", "Config.Tty", "Config.OpenStdin", "Config.Image")),
        ("1.52", ("Parent", "Comment", "DockerVersion", "Author", "Config.Volumes", "Config.OnBuild")),
    ),
    "/containers/{name}/json": (
        ("1.52", tuple(f"NetworkSettings.{name}" for name in ("IPAddress", "Gateway", "Bridge", "EndpointID"))),
    ),
    "/info": (
        ("1.49", ("ContainerdCommit.Expected", "RuncCommit.Expected", "InitCommit.Expected")),
        ("1.50", ("BridgeNfIptables", "BridgeNfIp6tables")),
    ),
}
"""By path: a version, and the fields that answers have no more since then."""


def in_version(version: str, path: str, response: Response) -> Response:
    """Return an answer to a request of this version."""
    gone = [
        name for since, names in _REMOVED.get(path, ()) if version_key(version) >= version_key(since) for name in names
    ]
    if response.status != 200 or not gone or not isinstance(response.body, bytes):
        return response
    document = json.loads(response.body)
    for row in document if isinstance(document, list) else [document]:
        for name in gone:
            _remove(row, name.split("."))
    return json_reply(document)


def _remove(document: Any, words: list[str]) -> None:
    *above, last = words
    for word in above:
        document = document.get(word) or {}
    document.pop(last, None)
