"""What a failed exchange means, and what is said of it. The only place where this package makes errors of an engine.

`Unavailable` is for what was not sent, or could change nothing; `Timeout` for what was sent and may have been done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from swarmkit.errors import Internal, SwarmError, Timeout, Unavailable, error_of_answer

from .request import EngineRequest


def unreachable(host: str, address: str, reason: str) -> Unavailable:
    """Make the error for a host that could not be dialled; `details["reason"]` is the reason alone."""
    return Unavailable(f"host {host} cannot be reached at {address}: {reason}", host=host, reason=reason)


def no_answer(host: str, request: EngineRequest, reason: str) -> SwarmError:
    """Make the error for a request that was sent, wholly or in part, and not answered."""
    return _failed(host, request, f"gave no answer to {request}: {reason}")


def broken_off(host: str, request: EngineRequest, reason: str) -> SwarmError:
    """Make the error for a request whose answer has begun, and breaks off or makes no sense from there on."""
    return _failed(host, request, f"broke off its answer to {request}: {reason}")


def _failed(host: str, request: EngineRequest, what: str) -> SwarmError:
    if request.safe:
        return Unavailable(f"host {host} {what}", host=host, reason=f"it {what}")
    return Timeout(f"host {host} {what}; whether it was done is unknown: look before it is done again", host=host)


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
