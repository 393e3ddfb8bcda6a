"""What a relay sends in place of what an engine answered: nothing, another server's page, half of it, or without end.

Only what begins an answer is spoilt: what flows already flows on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from ..relay import Spoil

_HTML = b"<html><body>It works!</body></html>"
_OTHER = b'{"error": {"code": 7}}'


def nothing(data: bytes) -> Iterable[bytes] | None:
    """End the connection, whatever flows on it."""
    return []


def _answers(made: Callable[[bytes], Iterable[bytes]]) -> Spoil:
    """Spoil every answer."""
    return lambda data: made(data) if data.startswith(b"HTTP/1.1 ") else None


def _documents(made: Callable[[bytes], Iterable[bytes]]) -> Spoil:
    """Spoil every answer that is JSON; a pong comes whole, so that the engine seems to be well."""
    return lambda data: made(data) if data.startswith(b"HTTP/1.1 2") and b"application/json" in data else None


def _half(answer: bytes) -> Iterable[bytes]:
    head, blank, body = answer.partition(b"\r\n\r\n")
    return [head + blank + body[: len(body) // 2]]


def _sized(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)


def _without_end(answer: bytes) -> Iterable[bytes]:
    return itertools.chain(
        [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["], itertools.repeat(b" " * 65536)
    )


another_server = _answers(lambda answer: [_sized(b"text/html", _HTML)])
half_documents = _documents(_half)
other_documents = _documents(lambda answer: [_sized(b"application/json", _OTHER)])
endless_documents = _documents(_without_end)
