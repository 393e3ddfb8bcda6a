"""One reply out of those of many hosts: lists of images, prunes, deletions of an image.

`info` and `version` are merged in modules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarmkit.errors import NotFound

from .documents import Document, unique
from .images import NO_NAMES
from .replies import Reply, answered, failed, joint_error, require_some


def merge_images(replies: Sequence[Reply[Sequence[Document]]]) -> list[dict[str, Any]]:
    """Merge `GET /images/json`: an image on several hosts is one row, newest first.

    Labels and all else stay as the first host has them. Raises the hosts' error where none answered.
    """
    merged: dict[str, dict[str, Any]] = {}
    for _, images in require_some(replies):
        for image in images:
            known = merged.get(image["Id"])
            merged[image["Id"]] = dict(image) if known is None else _same_image(known, image)
    return sorted(merged.values(), key=lambda image: image.get("Created", 0), reverse=True)


def merge_prune(replies: Sequence[Reply[Document]]) -> dict[str, Any]:
    """Merge a prune of any kind: what was deleted is listed, the space summed, and silent hosts are in `Warnings`.

    Raises the hosts' error where none answered.
    """
    merged: dict[str, Any] = {}
    for _, reply in require_some(replies):
        for key, value in reply.items():
            merged[key] = _sum(merged.get(key), value)
    warnings = [f"not pruned on host {host}: {error.reason}" for host, error in failed(replies)]
    if warnings:
        merged["Warnings"] = [*(merged.get("Warnings") or ()), *warnings]
    return merged


def merge_image_delete(replies: Sequence[Reply[Sequence[Document]]]) -> list[Document]:
    """Merge `DELETE /images/{name}`: what was untagged and deleted, each said once.

    A host that does not have the image does not count, if another one has. Raises the other hosts' error where it was
    not deleted everywhere, which says where it was.
    """
    failures = [(host, error) for host, error in failed(replies) if not isinstance(error, NotFound)]
    answers = answered(replies)
    if failures:
        raise joint_error(failures, done=[host for host, _ in answers])
    return unique(row for _, rows in require_some(replies) for row in rows)


def _same_image(known: dict[str, Any], other: Document) -> dict[str, Any]:
    tags = {key: _names(known.get(key), other.get(key)) for key in ("RepoTags", "RepoDigests")}
    counts = [count for count in (known.get("Containers", -1), other.get("Containers", -1)) if count >= 0]
    return {**known, **tags, "Containers": sum(counts) if counts else -1}  # -1: not counted


def _names(known: list[str] | None, others: list[str] | None) -> list[str] | None:
    if known is None or others is None:
        return known or others
    names = unique([*known, *others])
    return [name for name in names if name not in NO_NAMES] or names


def _sum(known: Any, value: Any) -> Any:
    """Add what two hosts say: lists are joined, numbers summed; null is nothing."""
    if known is None or value is None:
        return value if known is None else known
    if isinstance(known, list):
        return unique([*known, *value])
    return known + value
