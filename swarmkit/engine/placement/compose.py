"""What Compose says of a container in its labels: the project, and which of its instances it is.

Compose makes a changed container anew *before* it removes the old one, and gives it the old one's volumes. So the old
one is in the way of nothing that the new one asks for, and its host is the place for it.
"""

from __future__ import annotations

from collections.abc import Mapping

_PREFIX = "com.docker.compose."

PROJECT = f"{_PREFIX}project"
"""The label that holds the project of a container."""

Instance = tuple[str, ...]
"""Project, service and number."""


def instance_of(labels: Mapping[str, str]) -> Instance | None:
    """Return which instance of which service a container is; of two that are the same, the newer replaces the older.

    None where Compose did not make it, or made it for `docker compose run`: these replace nothing.
    """
    found = tuple(labels.get(_PREFIX + word, "") for word in ("project", "service", "container-number"))
    return found if all(found) and labels.get(f"{_PREFIX}oneoff", "False") == "False" else None
