"""The private directory in which a connection has its sockets."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN = re.compile(r"/[A-Za-z0-9_./-]{0,60}\Z")
"""Directories that ssh takes as they are, and that leave room: ssh adds 17 characters to a control socket's name at
first, and a socket's path has 107 at most."""


@contextmanager
def private_folder() -> Iterator[str]:
    """Make a directory that only we can use, and remove it with what is in it. Raises OSError where none can be made.

    It is in `$XDG_RUNTIME_DIR`, which goes with the user's last session, if there is one that will do; else in /tmp.
    """
    path = _make()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = _PLAIN.match(runtime) and os.access(runtime, os.W_OK | os.X_OK)
    return tempfile.mkdtemp(prefix="swarmd-", dir=runtime if usable else "/tmp")
