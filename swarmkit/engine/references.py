"""Image references: how a short name is completed, and which of some images a reference means.

The grammar is the one of the distribution project: `[domain/]path[:tag][@digest]`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from .documents import Document

_DEFAULT_DOMAIN = "docker.io"
_OFFICIAL = "library/"
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")


def split_reference(reference: str) -> tuple[str, str, str]:
    """Split a reference into its familiar name, tag and digest; what it has not is empty.

    `docker.io/library/busybox:1` gives `("busybox", "1", "")`. It is not checked: rubbish in gives rubbish out, which
    matches no image.
    """
    rest, _, digest = reference.partition("@")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:  # that colon belongs to a port
        name, tag = rest, ""
    return _familiar(name), tag, digest


def familiar_name(reference: str) -> str:
    """Return a reference without tag and digest, and without the domain and path that are understood."""
    return split_reference(reference)[0]


def with_tag(reference: str) -> str:
    """Return a reference in its familiar form, with `latest` where it has neither tag nor digest."""
    name, tag, digest = split_reference(reference)
    if digest:
        return f"{name}@{digest}"
    return f"{name}:{tag or 'latest'}"


def image_id(reference: str) -> str:
    """Return the beginning of an image's id that a reference may be, with `sha256:` or without; else nothing."""
    digits = _ID.fullmatch(reference)
    return f"sha256:{digits[1]}" if digits else ""


def find_image(reference: str, images: Iterable[Document]) -> str | None:
    """Return the Id of the image meant: by full id, by tag or digest, or by the beginning of one id only.

    The images are documents of `GET /images/json`. None where there is no such image, or several begin so.
    """
    held = list(images)
    wanted = with_tag(reference)
    prefix = image_id(reference)
    ids = {image["Id"] for image in held}
    if prefix in ids:
        return prefix
    for image in held:
        if wanted in (image.get("RepoTags") or ()) or wanted in (image.get("RepoDigests") or ()):
            return str(image["Id"])
    starting = [each for each in ids if prefix and each.startswith(prefix)]
    return starting[0] if len(starting) == 1 else None


def with_descendants(roots: Iterable[str], images: Iterable[Document]) -> set[str]:
    """Return these images' ids and those of all images built on them, as far as ParentId tells."""
    children = defaultdict(list)
    for image in images:
        children[image.get("ParentId") or ""].append(image["Id"])
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        image_id = waiting.pop()
        if image_id not in found:
            found.add(image_id)
            waiting += children[image_id]
    return found


def _familiar(name: str) -> str:
    domain, slash, path = name.partition("/")
    if not slash or domain not in (_DEFAULT_DOMAIN, "index.docker.io"):
        path = name
    return path.removeprefix(_OFFICIAL)
