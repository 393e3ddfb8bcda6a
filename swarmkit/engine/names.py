"""Names of containers and hosts: what is one, how it is qualified, and what is said when one is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_COLLECTIONS_AND_ROOTS = """
    _ping auth build commit configs containers distribution events exec grpc images info networks nodes plugins secrets
    services session swarm system tasks version volumes
"""
_BESIDE_OR_BEHIND_A_NAME = """
    archive attach cancel changes connect copy create df disable disconnect enable export get history init inspect join
    json kill leave load logs pause privileges prune ps pull push rename resize restart search set start stats stop tag
    top unlock unlockkey unpause update upgrade viz wait ws
"""
API_WORDS = frozenset((_COLLECTIONS_AND_ROOTS + _BESIDE_OR_BEHIND_A_NAME).split())
"""The words of the Engine API's paths. None is a host's name, so that `/containers/a/web/logs` has one meaning only."""

_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_API_VERSION = re.compile(r"v[0-9]+(\.[0-9]+)?")


def split_qualified(name: str) -> tuple[str | None, str]:
    """Split `host/name` into both; a bare name has no host. One leading slash is dropped, as the engine does."""
    host, slash, rest = name.removeprefix("/").partition("/")
    return (host, rest) if slash else (None, host)


def is_host_name(text: str) -> bool:
    """Tell whether a host may have this name: letters, digits and `_.-`, and no word of the API's paths."""
    return bool(_HOST_NAME.fullmatch(text)) and text not in API_WORDS and not _API_VERSION.fullmatch(text)


def is_container_name(text: str) -> bool:
    """Tell whether the engine accepts this name for a new container. It wants two characters or more."""
    return bool(_CONTAINER_NAME.fullmatch(text))


def names_of(document: Mapping[str, Any]) -> list[str]:
    """Return a container's own names, bare; from a list's document (`Names`) or from inspect (`Name`)."""
    return [name for name in _bare_names(document) if "/" not in name]


def aliases_of(document: Mapping[str, Any]) -> list[str]:
    """Return the names a container has in others that link to it: `linker/alias`."""
    return [name for name in _bare_names(document) if "/" in name]


def primary_name(document: Mapping[str, Any]) -> str:
    """Return the name a container is known by, bare.

    The engine does not put it first in `Names`: it is the one that is no alias. A container being removed may have no
    name at all: then this is the empty string.
    """
    names = _bare_names(document)
    return next((name for name in names if "/" not in name), names[0] if names else "")


def _bare_names(document: Mapping[str, Any]) -> list[str]:
    names = document.get("Names")
    if names is None:
        names = [document["Name"]] if document.get("Name") else []
    return [name.removeprefix("/") for name in names]


# What is said. The wording is the engine's; a host is worked in where there is one.


def no_such_container(name: str) -> str:
    """Say that nothing has this name."""
    return f"No such container: {name}"


def name_in_use(name: str, container_id: str | None = None, host: str | None = None) -> str:
    """Say that a name is taken; without an id the container is still being created."""
    owner = f'container "{container_id}"' if container_id else "a container that is being created"
    where = f" on host {host}" if host else ""
    return (
        f'Conflict. The container name "/{name}" is already in use by {owner}{where}. '
        "You have to remove (or rename) that container to be able to reuse that name."
    )


def invalid_container_name(name: str) -> str:
    """Say that the engine does not accept this name for a container."""
    return f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
