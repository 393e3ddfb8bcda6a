"""A tar archive cut into its entries as it comes: heads and contents as they are, byte for byte. Sans I/O.

Formats: POSIX ustar and pax (IEEE Std 1003.1, pax), and GNU's long names.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from attrs import frozen

from swarmkit.errors import Invalid

BLOCK = tarfile.BLOCKSIZE

MAX_EXTENSION = 1024 * 1024
"""Bytes of what says more of one entry (a long name, pax records), at most."""

_EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


@frozen
class Entry:
    """One entry: its name, its size in bytes, and the blocks that say so."""

    name: str
    size: int
    head: bytes


class TarSplitter:
    """Cuts an archive. `ended` tells whether its end has come; what is behind that is dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0  # of the entry's content and its padding
        self._more: list[bytes] = []  # the blocks that say more of the next entry
        self._records: dict[str, str] = {}
        self.ended = False

    def feed(self, data: bytes) -> Iterator[Entry | bytes]:
        """Take what has come; yield entries, and behind each its content, with its padding, in pieces.

        Raises `Invalid` for what is no archive.
        """
        self._buffer += data
        while not self.ended:
            if self._left:
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                if piece:
                    yield piece
                if self._left:
                    return
            if len(self._buffer) < BLOCK:
                return
            if not any(self._buffer[:BLOCK]):
                self.ended = True
                break
            info = _parse(bytes(self._buffer[:BLOCK]))
            if info.type in (*_EXTENSIONS, *_LONG_NAMES):
                if not self._take_extension(info):
                    return
                continue
            yield self._take_entry(info)
        self._buffer.clear()

    def _take_extension(self, info: tarfile.TarInfo) -> bool:
        """Read what says more of the next entry; return whether all of it was there."""
        if info.size > MAX_EXTENSION:
            raise Invalid(f"a tar archive says {info.size} bytes of one entry")
        whole = BLOCK + _padded(info.size)
        if len(self._buffer) < whole:
            return False
        blocks = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        self._more.append(blocks)
        content = blocks[BLOCK : BLOCK + info.size]
        if info.type == tarfile.GNUTYPE_LONGNAME:
            self._records["path"] = _text(content.rstrip(b"\0"))
        elif info.type in _EXTENSIONS:
            self._records |= _pax_records(content)
        return True

    def _take_entry(self, info: tarfile.TarInfo) -> Entry:
        head = b"".join((*self._more, self._buffer[:BLOCK]))
        del self._buffer[:BLOCK]
        size = int(self._records.get("size", info.size)) if info.isreg() else 0
        name = self._records.get("path", info.name)
        self._more, self._records = [], {}
        self._left = _padded(size)
        return Entry(name.removeprefix("./").rstrip("/"), size, head)


def end_of_archive() -> bytes:
    """Return what ends an archive."""
    return bytes(2 * BLOCK)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _parse(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise Invalid(f"not a tar archive: {error}") from error
    if info.size < 0:
        raise Invalid(f"not a tar archive: an entry of {info.size} bytes")
    return info


def _pax_records(content: bytes) -> dict[str, str]:
    """Read records `LENGTH KEY=VALUE\\n`, of which the length counts all, itself too."""
    records, place = {}, 0
    while place < len(content):
        length, space, _ = content[place : place + 20].partition(b" ")
        end = place + int(length) if space and length.isdigit() else place
        key, equals, value = content[place + len(length) + 1 : end].partition(b"=")
        if end <= place or end > len(content) or not equals or not value.endswith(b"\n"):
            raise Invalid("not a tar archive: its pax records cannot be read")
        records[_text(key)] = _text(value[:-1])
        place = end
    if not records.get("size", "0").isdigit():
        raise Invalid(f"not a tar archive: an entry of {records['size']} bytes")
    return records
