"""Where a path of the service leads in the Engine API."""

from __future__ import annotations

from urllib.parse import quote

from swarmkit.errors import Invalid, Unimplemented
from swarmkit.message import Message, Path

COLLECTIONS = ("containers", "images", "networks", "volumes", "nodes")

_CONVERSED_WITH = frozenset({"containers", "images", "networks", "volumes", "exec"})
_LISTED_AND_INSPECTED_BY_JSON = ("containers", "images")


def quoted(reference: str) -> str:
    """Quote a name or an id for a target; one leading slash is dropped, as tools do that take names from a list."""
    return quote(reference.removeprefix("/"), safe="/:@+,=~!$&'()*;-._")


def list_target(collection: str) -> str:
    """Return the target that lists a collection."""
    return f"/{collection}/json" if collection in _LISTED_AND_INSPECTED_BY_JSON else f"/{collection}"


def inspect_target(collection: str, reference: str) -> str:
    """Return the target that inspects one thing."""
    target = f"/{collection}/{quoted(reference)}"
    return f"{target}/json" if collection in _LISTED_AND_INSPECTED_BY_JSON else target


def converse_target(path: Path, host: str) -> str:
    """Return what the targets of CONNECT are relative to; raise `Invalid` for a path that has no conversations."""
    match path:
        case ():
            return ""
        case (collection, reference) if collection in _CONVERSED_WITH:
            return f"/{collection}/{quoted(reference)}"
    raise Invalid(f"{host}: CONNECT is not for {'/'.join(path)!r}")


def container_target(message: Message, host: str) -> str:
    """Return the target of the container that a message is for; raise `Unimplemented` where it is for another thing."""
    match message.path:
        case ("containers", reference):
            return f"/containers/{quoted(reference)}"
    where = "/".join(message.path) or host
    raise Unimplemented(f"{host}: {message.verb.name} is for containers, not for {where}")
