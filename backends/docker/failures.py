"""What a failed exchange means, and what is said of it. The only place where this package makes errors of an engine.

`Unavailable` is for what was not sent, or could change nothing; `Timeout` for what was sent and may have been done.
"""

from __future__ import annotations

import grp
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from swarmkit.errors import Internal, SwarmError, Timeout, Unavailable, error_of_answer

from .request import EngineRequest


def unreachable(host: str, address: str, reason: str) -> Unavailable:
    """Make the error for a host that could not be dialled; `details["reason"]` is the reason alone."""
    return Unavailable(f"host {host} cannot be reached at {address}: {reason}", host=host, reason=reason)


def no_answer(host: str, request: EngineRequest, reason: str) -> SwarmError:
    """Make the error for a request that was sent, wholly or in part, and not answered."""
    text = f"host {host} gave no answer to {request}: {reason}"
    if request.safe:
        return Unavailable(text, host=host)
    return Timeout(f"{text}; whether it was done is unknown: look before it is done again", host=host)


def engine_error(status: int, body: bytes, host: str) -> SwarmError:
    """Make an error of an engine's reply; it keeps the engine's status and body, so that a front can pass them on."""
    return error_of_answer(status, body, silent=f"host {host} answered with status {status}", host=host)


@contextmanager
def understanding(host: str, what: str) -> Iterator[None]:
    """Map to `Internal` what reading an answer raises where it is not `what` it should be.

    For the lines that take a document apart, and no others: it would hide a fault of ours.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Internal(f"host {host} answered with what is not {what}: {error!r}") from error


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
