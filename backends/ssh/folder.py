"""The private directory in which a connection has its sockets."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PLAIN = re.compile(r"/[A-Za-z0-9_./-]{0,60}\Z")
"""Directories that ssh takes as they are, and that leave room: ssh adds 17 characters to a control socket's name at
first, and a socket's path has 107 at most."""


CONTROL, FORWARDED = "c", "s"
"""The names of ssh's sockets in the directory; while it listens on one of them, the directory is in use."""

_PREFIX = "swarmd-"


@contextmanager
def private_folder() -> Iterator[str]:
    """Make a directory that only we can use, and remove it with what is in it. Raises OSError where none can be made.

    It is in `$XDG_RUNTIME_DIR`, which goes with the user's last session, if there is one that will do; else in /tmp.
    Those that a killed process has left there are removed.
    """
    parent = _parent()
    _remove_left(parent)
    path = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _parent() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = _PLAIN.match(runtime) and os.access(runtime, os.W_OK | os.X_OK)
    return runtime if usable else "/tmp"


def _remove_left(parent: str) -> None:
    """Remove our directories in which there are sockets, and nobody listens on any."""
    for folder in Path(parent).glob(f"{_PREFIX}*/"):
        with suppress(OSError):  # another's, or gone meanwhile
            sockets = [path for name in (CONTROL, FORWARDED) if (path := folder / name).is_socket()]
            if folder.stat().st_uid == os.geteuid() and sockets and not any(map(_is_heard, sockets)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_heard(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(str(path)) != errno.ECONNREFUSED
