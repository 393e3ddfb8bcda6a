"""Which texts are references of images (the grammar of the distribution project)."""

from __future__ import annotations

import re

from swarmkit.errors import Invalid

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")


def check_reference(name: str) -> None:
    """Raise Invalid in the engine's words for what is no reference."""
    path = name.partition("@")[0]
    path = path.rpartition(":")[0] if ":" in path.rpartition("/")[2] else path
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        path = rest
    if path != path.lower():
        raise Invalid("invalid reference format: repository name must be lowercase")
    if not all(_COMPONENT.fullmatch(part) for part in path.split("/")):
        raise Invalid("invalid reference format")
