"""Why a peer could not be reached, in words: the system's own, where they say enough."""

from __future__ import annotations

import grp
import os
import socket
import ssl
import stat
from contextlib import suppress


def dialling_reason(error: OSError, address: str) -> str:
    """Say why a dialer failed: the system's own words, once for all the addresses of a name that were tried."""
    tried = getattr(error.__cause__, "exceptions", ())  # trio's account of each address
    reasons = [_reason(cause, address) for cause in tried if isinstance(cause, OSError)]
    return "; ".join(dict.fromkeys(reasons)) or _reason(error, address)


def _reason(error: OSError, address: str) -> str:
    path = address.removeprefix("unix://") if address.startswith("unix://") else ""
    if isinstance(error, socket.gaierror):
        return f"its name cannot be resolved: {_lower(error.strerror or str(error))}"
    if error.errno is None or isinstance(error, ssl.SSLError):  # a dialer's own words; TLS numbers its errors otherwise
        return error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and path:
        return "there is no such socket; is the engine running?"
    words = _lower(os.strerror(error.errno))
    return words + _who_may(path) if isinstance(error, PermissionError) and path else words


def _who_may(path: str) -> str:
    """Name the group that may use a socket, if one may and it can be found out."""
    with suppress(OSError, KeyError):
        found = os.stat(path)
        if found.st_mode & stat.S_IWGRP:
            return f"; members of the group {grp.getgrgid(found.st_gid).gr_name!r} may use it"
    return ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
