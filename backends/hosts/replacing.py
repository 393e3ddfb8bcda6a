"""Putting another content in a file's place, at once: who reads it sees the old one or the new one, whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class FileChanged(Exception):
    """The file is another than it was to be."""


def replace(place: Path, data: bytes, *, unless: Callable[[], bool]) -> None:
    """Replace a file's content. A link is followed; mode and owner stay.

    Raises OSError, and `FileChanged` where `unless` holds at the last moment; then nothing has changed. (Who writes
    between that look and the next call of the system is overwritten.) It is another file that gets the name: its folder
    must be writable, and who may not give a file to another is refused rather than becoming its owner.
    """
    place = Path(os.path.realpath(place))
    found = place.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            made = os.fstat(descriptor)
            if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
                os.fchown(descriptor, found.st_uid, found.st_gid)
            os.fchmod(descriptor, found.st_mode & 0o7777)
            os.fsync(descriptor)
        if unless():
            raise FileChanged
        os.replace(name, place)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
