"""Answers in the shape of a version of the Engine API, whichever version an engine answered in.

An engine answers in each version that it has; but one that is newer than its client, and has that version no more,
leaves out what clients of old read, and the mirror holds documents of the newest version. What was removed is put back
where it follows from the rest, and left out for clients that do not know it. What was only added is not touched:
clients pass over fields that they do not know. Pure; nothing changes its argument. Source: the API's version history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .documents import Document
from .versions import version_key

Version = tuple[int, ...]

_NONE_TAG, _NONE_DIGEST = "<none>:<none>", "<none>@<none>"

# Of an image's configuration; what a container has besides was in it up to 1.49, always empty.
_CONFIG_OF_OLD: dict[str, Any] = {
    **{"Hostname": "", "Domainname": "", "AttachStdin": False, "AttachStdout": False, "AttachStderr": False},
    **{"Tty": False, "OpenStdin": False, "StdinOnce": False, "Image": ""},
}
_CONFIG_UNSET = dict.fromkeys(("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes")) | {
    "User": "",
    "WorkingDir": "",
}
_IMAGE_UNSET = dict.fromkeys(("Parent", "Comment", "DockerVersion", "Author"), "")

# In `NetworkSettings` of a container: what it has of the default network, and what never has a value.
_OF_DEFAULT_NETWORK: dict[str, Any] = {
    **{"EndpointID": "", "Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "IPAddress": ""},
    **{"IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": ""},
}
_OF_NO_NETWORK: dict[str, Any] = {
    **{"Bridge": "", "HairpinMode": False, "LinkLocalIPv6Address": "", "LinkLocalIPv6PrefixLen": 0},
    **{"SecondaryIPAddresses": None, "SecondaryIPv6Addresses": None},
}
_COMMITS = ("ContainerdCommit", "RuncCommit", "InitCommit")
_NONDISTRIBUTABLE = ("AllowNondistributableArtifactsCIDRs", "AllowNondistributableArtifactsHostnames")


def _virtual_size(document: Document, *, older: bool) -> Document:
    if older:
        return {"VirtualSize": document["Size"], **document} if "Size" in document else document
    return _without(document, "VirtualSize")


def _no_names(document: Document, *, older: bool) -> Document:
    """Write what an image without names has: empty lists since 1.43."""
    names = {"RepoTags": _NONE_TAG, "RepoDigests": _NONE_DIGEST}
    if not older:
        return {
            **document,
            **{key: [each for each in document.get(key) or () if each != no] for key, no in names.items()},
        }
    if any(document.get(key) for key in names):
        return document
    return {**document, **{key: [no] for key, no in names.items()}}


def _uncounted(document: Document, *, older: bool) -> Document:
    return {**document, "Containers": -1} if older else document


def _builder(document: Document, *, older: bool) -> Document:
    """Say of which container an image was made, as the classic builder did: of none, configured as the image."""
    if not older:
        return _without(document, "Container", "ContainerConfig")
    return {"Container": "", "ContainerConfig": {**_CONFIG_OF_OLD, **(document.get("Config") or {})}, **document}


def _image_config_of_old(document: Document, *, older: bool) -> Document:
    return _with_defaults(document, "Config", _CONFIG_OF_OLD) if older else document


def _image_unset(document: Document, *, older: bool) -> Document:
    return _with_defaults({**_IMAGE_UNSET, **document}, "Config", _CONFIG_UNSET) if older else document


def _network_settings(document: Document, *, older: bool) -> Document:
    settings = document.get("NetworkSettings")
    if not settings:
        return document
    if not older:
        bare = _without(settings, *_OF_DEFAULT_NETWORK, *_OF_NO_NETWORK)
        return {**document, "NetworkSettings": bare}
    default = (settings.get("Networks") or {}).get("bridge") or {}
    own = {key: default.get(key, empty) for key, empty in _OF_DEFAULT_NETWORK.items()}
    return {**document, "NetworkSettings": {**_OF_NO_NETWORK, **own, **settings}}


def _commits(document: Document, *, older: bool) -> Document:
    if not older:
        return document
    commits = {key: {"Expected": document[key].get("ID", ""), **document[key]} for key in _COMMITS if document.get(key)}
    return _with_defaults({**document, **commits}, "RegistryConfig", {key: [] for key in _NONDISTRIBUTABLE})


def _bridge_filters(document: Document, *, older: bool) -> Document:
    flags = ("BridgeNfIptables", "BridgeNfIp6tables")
    return {**dict.fromkeys(flags, False), **document} if older else _without(document, *flags)


@frozen
class Change:
    """What a version changed in the answers (of a list: in each row) of some operations of the specification."""

    since: Version
    change: Callable[..., Document]
    operations: tuple[str, ...]


CHANGES: tuple[Change, ...] = (
    Change((1, 43), _no_names, ("ImageList",)),
    Change((1, 44), _virtual_size, ("ImageList", "ImageInspect", "SystemDataUsage")),
    Change((1, 45), _builder, ("ImageInspect",)),
    Change((1, 49), _commits, ("SystemInfo",)),
    Change((1, 50), _bridge_filters, ("SystemInfo",)),
    Change((1, 50), _image_config_of_old, ("ImageInspect",)),
    Change((1, 51), _uncounted, ("ImageList",)),
    Change((1, 52), _image_unset, ("ImageInspect",)),
    Change((1, 52), _network_settings, ("ContainerInspect",)),
)
"""What is bridged, the oldest first."""

SHAPED = frozenset(operation for change in CHANGES for operation in change.operations)
"""The operations whose answers are."""


def changed_between(operation: str, asked: str, answered: str) -> bool:
    """Tell whether an operation's answers changed between two versions."""
    lower, upper = sorted((version_key(asked), version_key(answered)))
    return any(lower < change.since <= upper for change in CHANGES if operation in change.operations)


def reshape(operation: str, document: Any, version: str) -> Any:
    """Return an operation's answer as clients of a version expect it. What it says already stays."""
    wanted = version_key(version)
    for change in CHANGES:
        if operation in change.operations:
            document = _apply(operation, document, change, older=wanted < change.since)
    return document


def _apply(operation: str, document: Any, change: Change, *, older: bool) -> Any:
    if operation == "SystemDataUsage":
        images = document.get("Images")
        return {**document, "Images": [change.change(row, older=older) for row in images]} if images else document
    if isinstance(document, list):
        return [change.change(row, older=older) for row in document]
    return change.change(document, older=older)


def _with_defaults(document: Document, key: str, defaults: Document) -> Document:
    """Give an object in the document fields where it has none of the name."""
    known = document.get(key)
    return document if known is None else {**document, key: {**defaults, **known}}


def _without(document: Document, *keys: str) -> Document:
    return {key: value for key, value in document.items() if key not in keys}
