"""The closed list of what can go wrong, used alike by verbs, by the wire and by HTTP.

A code tells the caller what to do next, not where the fault arose. Foreign exceptions (of trio, of a parser, of the
operating system) are mapped to these where they enter, once for each library, and never here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, ClassVar


class Code(Enum):
    """A stable word for the wire; `status` is its HTTP equivalent."""

    INVALID = "invalid"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    NOT_IMPLEMENTED = "not_implemented"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"

    @property
    def status(self) -> int:
        """The HTTP status of an error that brings none of its own."""
        return _STATUS[self]


_STATUS = {
    Code.INVALID: 400,
    Code.DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.NOT_IMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
    Code.INTERNAL: 500,
}


class SwarmError(Exception):
    """What every service raises. Raise one of the subclasses, never this.

    `details` holds plain values that a program may need (the member's name, an engine's own HTTP `status` and
    `body`, which a front passes on unchanged).
    """

    code: ClassVar[Code]

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    @property
    def status(self) -> int:
        """The engine's own status if the error came from one, else the one that belongs to the code."""
        status = self.details.get("status")
        return status if isinstance(status, int) else self.code.status

    @property
    def reason(self) -> str:
        """Why a host did not answer, alone, for a place that names the host already; else the whole message."""
        return str(self.details.get("reason", self.message))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


class Invalid(SwarmError):
    """The request makes no sense as it stands; repeating it is useless."""

    code = Code.INVALID


class Denied(SwarmError):
    """The request is understood and refused."""

    code = Code.DENIED


class NotFound(SwarmError):
    """Nothing has that name, id or path."""

    code = Code.NOT_FOUND


class Conflict(SwarmError):
    """The present state forbids it: a name in use, an ambiguous name, a running container."""

    code = Code.CONFLICT


class Unimplemented(SwarmError):
    """This service does not do that (the built-in `NotImplementedError` keeps its name)."""

    code = Code.NOT_IMPLEMENTED


class Unavailable(SwarmError):
    """Known *not* to have been done; may be tried elsewhere or later."""

    code = Code.UNAVAILABLE


class Timeout(SwarmError):
    """Sent, and the outcome is unknown; it is never repeated for the caller."""

    code = Code.TIMEOUT


class Internal(SwarmError):
    """A fault of the service itself."""

    code = Code.INTERNAL


_BY_CODE: dict[Code, type[SwarmError]] = {
    kind.code: kind for kind in (Invalid, Denied, NotFound, Conflict, Unimplemented, Unavailable, Timeout, Internal)
}


def host_down(host: str, reason: str) -> Unavailable:
    """Make the error for whatever is asked of a host that is known not to answer."""
    text = f"host {host} is down: {reason} (it is tried again by itself; other hosts are not affected)"
    return Unavailable(text, host=host, reason=reason)


def no_such_host(name: str, hosts: Iterable[str]) -> str:
    """Say that no host is called so, and how they are called that there are."""
    names = ", ".join(sorted(hosts))
    return f"there is no host called {name!r}; " + (f"the hosts are {names}" if names else "there is none at all")


def no_hosts(missing: Iterable[tuple[str, str]] = ()) -> Unavailable:
    """Make the error for a whole without hosts; `missing` is what may hide some (a source, say), with the reason."""
    reasons = "; ".join(f"{who}: {reason}" for who, reason in missing)
    return Unavailable(f"there are no hosts ({reasons})" if reasons else "there are no hosts")


def error_of(code: Code | str, message: str, **details: Any) -> SwarmError:
    """Make the error that belongs to a code; an unknown code is a ValueError."""
    return _BY_CODE[Code(code)](message, **details)


def located(error: SwarmError, where: str) -> SwarmError:
    """Make the same error with what it is about, or where that is written, in front of its message."""
    return error_of(error.code, f"{without_passwords(where)}: {error.message}", **error.details)


def without_passwords(text: str) -> str:
    """Return a text that somebody wrote, for a log, with what stands in an address between `:` and `@` left out."""
    return re.sub(r""":(?!//)[^\s'"]+@""", ":***@", text)


def error_of_status(status: int, message: str, **details: Any) -> SwarmError:
    """Make the error nearest to an engine's HTTP status, which it keeps."""
    if status in (401, 403):
        code = Code.DENIED
    elif status == 404:
        code = Code.NOT_FOUND
    elif status == 409:
        code = Code.CONFLICT
    elif status in (405, 501):
        code = Code.NOT_IMPLEMENTED
    elif status == 503:
        code = Code.UNAVAILABLE
    elif status == 504:
        code = Code.TIMEOUT
    elif 400 <= status < 500:
        code = Code.INVALID
    else:
        code = Code.INTERNAL
    return error_of(code, message, status=status, **details)


def error_of_answer(status: int, body: bytes, *, silent: str = "", **details: Any) -> SwarmError:
    """Make the error of an engine's answer, which it keeps, so that a front can pass it on; `silent` is for no text.

    The text is the body's `message`, or the body itself where it is not Docker's JSON.
    """
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace").strip() or silent
    return error_of_status(status, message, body=body, **details)
