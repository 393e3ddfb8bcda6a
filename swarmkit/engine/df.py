"""`GET /system/df` of many hosts as one host's: what is on each disk, added up.

An image on two hosts takes up two disks, and pruning frees it on each: so it is a row for each host, unlike in the list
of images, and what the docker command works out of the rows (in use, reclaimable) is right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .documents import HOST_LABEL, Document, with_host_in_row
from .names import primary_name
from .replies import Reply, require_some

_KINDS = {"Images": "image", "Containers": "container", "Volumes": "volume", "BuildCache": "build-cache"}
"""The lists of before API 1.52, with what the parameter `type` calls them."""

_USAGES = {
    **{"ImageUsage": "image", "ImagesUsage": "image", "ContainerUsage": "container", "ContainersUsage": "container"},
    **{"VolumeUsage": "volume", "VolumesUsage": "volume", "BuildCacheUsage": "build-cache"},
}
"""The objects since then, which have sums, and the rows as `Items` where they are asked for."""

_LAYERS = {"LayersSize": "image", "BuilderSize": "build-cache"}

# What a repository may be called: a host of another name is not put before it, since clients could not read the whole.
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")


def merge_usage(replies: Sequence[Reply[Document]], *, types: Collection[str] = ()) -> dict[str, Any]:
    """Merge the hosts' usage: numbers are sums, rows say whose they are.

    Each row has the label `swarmd.host`; a name that several hosts have is `host/name`. With `types` the rest is left
    out as an engine leaves it out, for hosts that do not know the parameter (before API 1.42). Raises the hosts' error
    where none answered.
    """
    documents = require_some(replies)
    shared = _shared_names([document for _, document in documents])
    merged: dict[str, Any] = {}
    for host, document in documents:
        for key, value in document.items():
            merged[key] = _sum(merged.get(key), _owned(key, value, host, shared))
    return {key: _narrowed(key, value, types) for key, value in merged.items()}


def _narrowed(key: str, value: Any, types: Collection[str]) -> Any:
    kind = _KINDS.get(key) or _USAGES.get(key) or _LAYERS.get(key)
    if not types or kind is None or kind in types:
        return value
    return 0 if isinstance(value, int) else None


def _sum(known: Any, more: Any) -> Any:
    if known is None or more is None:
        return more if known is None else known
    if isinstance(known, Mapping) and isinstance(more, Mapping):
        return {key: _sum(known.get(key), more.get(key)) for key in {**known, **more}}
    if isinstance(known, list) and isinstance(more, list):
        return [*known, *more]
    return known + more if isinstance(known, int) and isinstance(more, int) else known


def _owned(key: str, value: Any, host: str, shared: Collection[tuple[str, str]]) -> Any:
    """Return a host's part of the answer, with the host in each of its rows."""
    kind = _KINDS.get(key) or _USAGES.get(key)
    if kind is not None and isinstance(value, list):
        return [_row(kind, row, host, shared) for row in value]
    if kind is not None and isinstance(value, Mapping) and isinstance(value.get("Items"), list):
        return {**value, "Items": [_row(kind, row, host, shared) for row in value["Items"]]}
    return value


def _row(kind: str, row: Document, host: str, shared: Collection[tuple[str, str]]) -> dict[str, Any]:
    if kind == "container":
        return with_host_in_row(row, host, shared_name=(kind, primary_name(row)) in shared, down=False)
    if kind == "build-cache":
        return dict(row)  # which has no labels, and an id that no other host has
    owned = {**row, "Labels": {**(row.get("Labels") or {}), HOST_LABEL: host}}
    if kind == "volume" and (kind, row["Name"]) in shared:
        owned["Name"] = f"{host}/{row['Name']}"
    if kind == "image" and _REPOSITORY.fullmatch(host):
        names = row.get("RepoTags") or ()
        owned["RepoTags"] = [f"{host}/{name}" if (kind, name) in shared else name for name in names]
    return owned


def _shared_names(documents: Sequence[Document]) -> set[tuple[str, str]]:
    """Return what more than one host has, by kind and name."""
    held: Counter[tuple[str, str]] = Counter()
    for document in documents:
        rows = [(kind, row) for key, kind in _KINDS.items() for row in document.get(key) or ()]
        rows += [(kind, row) for key, kind in _USAGES.items() for row in (document.get(key) or {}).get("Items") or ()]
        held.update({(kind, name) for kind, row in rows for name in _names(kind, row)})
    return {name for name, count in held.items() if count > 1}


def _names(kind: str, row: Document) -> Sequence[str]:
    if kind == "container":
        return (primary_name(row),)
    if kind == "volume":
        return (str(row["Name"]),)
    return [name for name in row.get("RepoTags") or () if name != "<none>:<none>"] if kind == "image" else ()
