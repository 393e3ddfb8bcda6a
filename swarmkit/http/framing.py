"""Where a message's body ends (RFC 9112, 6.3), as its head tells or has to tell. Sans I/O.

Whatever two parsers might read in two ways is refused, never guessed at (RFC 9112, 11.2).
"""

from __future__ import annotations

from enum import Enum

from ..errors import Invalid
from .messages import RequestHead, ResponseHead, content_length


class Framing(Enum):
    """How the end of a body is known (RFC 9112, 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


def request_framing(head: RequestHead) -> tuple[Framing, int]:
    """Tell how a request's body ends, and its length where that is known."""
    if "transfer-encoding" in head.headers:
        return _chunked_or_invalid(head)
    length = content_length(head.headers)
    return (Framing.LENGTH, length) if length else (Framing.NONE, 0)


def response_framing(method: str, head: ResponseHead) -> tuple[Framing, int]:
    """Tell how a response's body ends; it depends on the request's method."""
    if method == "HEAD" or head.status in (204, 304) or head.status < 200:
        return Framing.NONE, 0
    if "transfer-encoding" in head.headers:
        return _chunked_or_invalid(head)
    length = content_length(head.headers)
    if length is None:
        return Framing.UNTIL_CLOSE, 0
    return (Framing.LENGTH, length) if length else (Framing.NONE, 0)


def _chunked_or_invalid(head: RequestHead | ResponseHead) -> tuple[Framing, int]:
    """Refuse whatever two parsers might read in two ways (RFC 9112, 6.1 and 11.2)."""
    headers = head.headers
    if headers.tokens("transfer-encoding") != ["chunked"] or "content-length" in headers or head.version != "1.1":
        raise Invalid(f"cannot tell where this body ends: Transfer-Encoding {headers.get('transfer-encoding')!r}")
    return Framing.CHUNKED, 0


def frame_response(request: RequestHead, head: ResponseHead, length: int | None) -> tuple[ResponseHead, Framing, int]:
    """Make a response's head say how its body ends, in the way that the request's sender understands.

    `length` is the body's if it is known; else the head's own Content-Length counts, and with none the body is chunked
    (over HTTP/1.0: ended by closing). A transfer coding that the head names was the hop's before, and is dropped.
    """
    headers = head.headers.without("transfer-encoding")
    if head.status < 200 or head.status == 204:
        return ResponseHead(head.status, headers.without("content-length")), Framing.NONE, 0
    stated = content_length(headers)
    if request.method == "HEAD" or head.status == 304:
        if request.method == "HEAD" and stated is None and length is not None:
            headers = headers.plus(("Content-Length", str(length)))
        return ResponseHead(head.status, headers), Framing.NONE, 0
    length = stated if length is None else length
    if length is not None:
        return ResponseHead(head.status, headers.plus(("Content-Length", str(length)))), Framing.LENGTH, length
    if request.version == "1.1":
        return ResponseHead(head.status, headers.plus(("Transfer-Encoding", "chunked"))), Framing.CHUNKED, 0
    return ResponseHead(head.status, headers), Framing.UNTIL_CLOSE, 0
