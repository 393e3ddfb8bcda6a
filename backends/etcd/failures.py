"""What a failed request to etcd means, and what is said of it: the only place where errors of etcd are made.

`Unavailable` is known not to have been done, or only asked; `Timeout` may have been done. Codes are those of gRPC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from swarmkit.errors import Conflict, Denied, Invalid, NotFound, SwarmError, Timeout, Unavailable, Unimplemented

_BY_CODE: Mapping[int, type[SwarmError]] = {
    3: Invalid,  # InvalidArgument
    5: NotFound,
    6: Conflict,  # AlreadyExists
    7: Denied,  # PermissionDenied
    8: Unavailable,  # ResourceExhausted: too many requests, no space
    9: Conflict,  # FailedPrecondition
    11: NotFound,  # OutOfRange: a revision that was compacted
    12: Unimplemented,
}
"""Codes that say that it was not done. All others (a deadline, a stopped server, a lost leader) leave it open."""

_NOT_DONE = ("etcdserver: no leader", "etcdserver: not capable", "etcdserver: unhealthy cluster")
"""What is refused before anything is proposed, though its code (14, Unavailable) leaves it open."""

_TOKEN = (
    "etcdserver: invalid auth token",
    "etcdserver: revision of auth store is old",
    "etcdserver: user name is empty",
)
_BAD_PASSWORD = "etcdserver: authentication failed, invalid user ID or password"
_NOT_PERMITTED = "etcdserver: permission denied"
NO_AUTHENTICATION = "etcdserver: authentication is not enabled"

_OPTION = re.compile(r"--(cacert|cert|key)\b")


@frozen
class Request:
    """One request: a path of the gateway and its JSON. `repeats` says that sending it twice is as good as once."""

    path: str
    body: Mapping[str, Any] = field(repr=False)  # a password may be in it
    repeats: bool = False

    def __str__(self) -> str:
        return self.path.removeprefix("/v3/")


class TokenRefused(Denied):
    """The token is not taken any more, or none was given where one is wanted. Nothing was done."""


def unreachable(where: str, reason: str) -> Unavailable:
    """Make the error for an endpoint to which nothing was sent."""
    reason = in_our_words(reason)
    return Unavailable(f"etcd cannot be reached at {where}: {reason}", reason=f"{where}: {reason}")


def unanswered(request: Request, where: str, reason: str) -> SwarmError:
    """Make the error for a request that was sent and not answered, or not in a way that can be understood."""
    reason = in_our_words(reason)
    text = f"etcd at {where} gave no answer to {request}: {reason}"
    if request.repeats:
        return Unavailable(text, reason=f"{where}: {reason}")
    return Timeout(f"{text}; whether it was done is unknown", reason=f"{where}: {reason}")


def refused(request: Request, where: str, status: int, body: bytes) -> SwarmError:
    """Make the error of an answer that is one; `body` is its text, `status` its HTTP status."""
    try:
        said = json.loads(body)
        message, code = str(said["message"]), int(said["code"])
    except (ValueError, LookupError, TypeError):
        text = body[:80].decode("utf-8", "replace").strip()
        return unanswered(request, where, f"status {status} ({text!r}): is this etcd, of version 3.4 or later?")
    return error_of(request, where, code, message)


def error_of(request: Request, where: str, code: int, message: str) -> SwarmError:
    """Make the error that a gRPC code and its message are; its detail `said` is the message alone."""
    text = f"etcd at {where} refuses {request}: {message}"
    if message in _TOKEN:
        return TokenRefused(text + _hint(message), said=message)
    if message == _BAD_PASSWORD:
        return Denied(text, said=message)
    kind = Unavailable if message in _NOT_DONE else _BY_CODE.get(code)
    if kind is None:
        return unanswered(request, where, message)
    return kind(text + _hint(message), reason=f"{where}: {message}", said=message)


def watch_canceled(where: str, reason: str) -> SwarmError:
    """Make the error of a watch that etcd has cancelled."""
    text = f"etcd at {where} has cancelled the watch: {reason}"
    if any(each in reason for each in _TOKEN):
        return TokenRefused(text)
    if _NOT_PERMITTED in reason:
        return Denied(text)
    return Unavailable(text, reason=f"{where}: {reason}")


def _hint(message: str) -> str:
    return _HINTS.get(message, "")


_HINTS = {
    _TOKEN[2]: " (say who you are: --user and --password-file)",
    _NOT_PERMITTED: " (a role of this user must have readwrite on the prefix: etcdctl role grant-permission)",
}


def none_answers(errors: list[Unavailable]) -> Unavailable:
    """Make the error of a request that failed at every endpoint, of the errors there."""
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(sorted(error.reason for error in errors))
    return Unavailable(f"etcd gives no answer at any of its endpoints: {reasons}", reason=reasons)


def in_our_words(text: str) -> str:
    """Return what the transport says with the options as they are called here: `--cacert` is the members'."""
    return _OPTION.sub(r"--etcd-\1", text)
