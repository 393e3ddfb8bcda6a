"""Archives of images (`docker save`) made one, as they come: layers pass, each once, and what lists them is merged.

An archive has its layers and configurations under names made of their contents, so that two entries of one name are the
same; and a few documents that say what is in it, which come last, or anywhere. These are held back, and written at the
end: an engine unpacks an archive before it reads them. Sources: Docker image specification v1.2 (`manifest.json`,
`repositories`), OCI image layout 1.0 (`index.json`, `oci-layout`).
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import define, field

from swarmkit.errors import Invalid

from .documents import unique
from .tar import BLOCK, Entry, TarSplitter, end_of_archive

MAX_DOCUMENT = 16 * 1024 * 1024
"""Bytes of one of the documents that are held back, at most."""


@define(eq=False)
class MergedArchives:
    """Several archives as one: `part` for each, one after the other, and `finish`."""

    _seen: set[str] = field(factory=set)
    _documents: dict[str, list[Any]] = field(factory=dict)

    def part(self) -> ArchivePart:
        """Begin with the next archive."""
        return ArchivePart(self)

    def is_new(self, name: str) -> bool:
        """Take note of an entry that is to be written; tell whether it has not been."""
        if name in self._seen:
            return False
        self._seen.add(name)
        return True

    def hold_back(self, name: str, data: bytes) -> None:
        """Keep a document of an archive. Raises `Invalid` where it is none."""
        try:
            self._documents.setdefault(name, []).append(json.loads(data))
        except ValueError as error:
            raise Invalid(f"an archive of images has a {name} that is not JSON: {data[:80]!r}") from error

    def finish(self) -> bytes:
        """Return the end of the merged archive: its documents."""
        entries = [_entry(name, _MERGERS[name](held)) for name, held in self._documents.items()]
        return b"".join((*entries, end_of_archive()))


class ArchivePart:
    """One archive on its way into a merged one."""

    def __init__(self, whole: MergedArchives) -> None:
        self._whole = whole
        self._splitter = TarSplitter()
        self._entry: Entry | None = None
        self._passes = False
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what has come of the archive; yield what is to be written. Raises `Invalid` for what is no archive."""
        for piece in self._splitter.feed(data):
            if isinstance(piece, Entry):
                self._close()
                yield from self._begin(piece)
            elif self._passes:
                yield piece
            elif self._is_document:
                self._held += piece
        if self._splitter.ended:
            self._close()

    def end(self) -> None:
        """Say that nothing more comes. Raises `Invalid` where the archive has not come to its end."""
        if not self._splitter.ended:
            raise Invalid("an archive of images broke off")

    @property
    def _is_document(self) -> bool:
        return self._entry is not None and self._entry.name in _MERGERS

    def _begin(self, entry: Entry) -> Iterator[bytes]:
        self._entry = entry
        self._passes = not self._is_document and self._whole.is_new(entry.name)
        if self._passes:
            yield entry.head
        elif self._is_document and entry.size > MAX_DOCUMENT:
            raise Invalid(f"an archive of images has a {entry.name} of {entry.size} bytes")

    def _close(self) -> None:
        """Take note of the document that has come to its end, if that is what the last entry was."""
        if self._entry is not None and self._is_document:
            self._whole.hold_back(self._entry.name, bytes(self._held[: self._entry.size]))
        self._held.clear()
        self._entry = None


def _manifest(held: Sequence[Any]) -> Any:
    """Join the images; one that is in several archives is listed once, with the names that it has in any."""
    images: dict[str, dict[str, Any]] = {}
    for image in (image for each in held for image in each):
        known = images.setdefault(image["Config"], image)
        names = unique([*(known.get("RepoTags") or ()), *(image.get("RepoTags") or ())])
        images[image["Config"]] = {**known, "RepoTags": names or None}
    return list(images.values())


def _repositories(held: Sequence[Any]) -> Any:
    repositories: dict[str, dict[str, str]] = {}
    for each in held:
        for name, tags in each.items():
            repositories[name] = {**repositories.get(name, {}), **tags}
    return repositories


def _index(held: Sequence[Any]) -> Any:
    return {**held[0], "manifests": unique(manifest for each in held for manifest in each.get("manifests") or ())}


def _layout(held: Sequence[Any]) -> Any:
    return held[0]


_MERGERS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "manifest.json": _manifest,
    "repositories": _repositories,
    "index.json": _index,
    "oci-layout": _layout,
}
"""The documents that are held back, and how several become one."""


def _entry(name: str, document: Any) -> bytes:
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    return entry.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % BLOCK)
