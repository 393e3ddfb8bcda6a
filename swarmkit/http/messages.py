"""Heads of HTTP/1.1 messages: values, parsing and writing. Sans I/O; `framing` tells what they say about the body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import httptools
from attrs import field, frozen

from ..errors import Invalid

MAX_HEAD = 64 * 1024
"""Bytes of a request or response head, at most."""

MAX_LENGTH_DIGITS = 18
"""Digits of a Content-Length, at most: an exabyte."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_TARGET = re.compile(r"[\x00-\x20\x7f]")


@frozen
class Headers:
    """Header fields in the order they came; names compare without regard to case."""

    items: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the field's value, several joined by a comma (RFC 9110, 5.3)."""
        found = [value for key, value in self.items if key.lower() == name.lower()]
        return ", ".join(found) if found else default

    def tokens(self, name: str) -> list[str]:
        """Return the comma-separated members of a field, in lower case."""
        return [word.strip().lower() for word in self.get(name).split(",") if word.strip()]

    def without(self, *names: str) -> Headers:
        """Return a copy that lacks the fields named."""
        gone = {name.lower() for name in names}
        return Headers(tuple(item for item in self.items if item[0].lower() not in gone))

    def plus(self, *more: tuple[str, str]) -> Headers:
        """Return a copy in which the fields given replace those of the same names."""
        return Headers(self.without(*(name for name, _ in more)).items + more)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items)


def content_length(headers: Headers) -> int | None:
    """Return the length that a head states; raise `Invalid` for what is none, or for two that differ."""
    values = {value.strip() for key, value in headers if key.lower() == "content-length"}
    if not values:
        return None
    text = values.pop()
    if values or not (text.isascii() and text.isdigit()) or len(text) > MAX_LENGTH_DIGITS:
        raise Invalid(f"not a Content-Length: {headers.get('content-length')[:60]!r}")
    return int(text)


@frozen
class RequestHead:
    """A request line and its fields."""

    method: str
    target: str
    headers: Headers = field(factory=Headers)
    version: str = "1.1"

    def to_bytes(self) -> bytes:
        """Write the head; raise `Invalid` where a part would break out of its place."""
        if not _TOKEN.match(self.method) or not self.target or _BAD_TARGET.search(self.target):
            raise Invalid(f"not a request line: {self.method!r} {self.target!r}")
        return _head_bytes(f"{self.method} {self.target} HTTP/1.1", self.headers)


@frozen
class ResponseHead:
    """A status line and its fields."""

    status: int
    headers: Headers = field(factory=Headers)
    reason: str = ""
    version: str = "1.1"

    def to_bytes(self) -> bytes:
        """Write the head; the standard reason phrase stands in for a missing one. Raises `Invalid` as above."""
        if not 100 <= self.status <= 999 or _BAD_VALUE.search(self.reason):
            raise Invalid(f"not a status line: {self.status} {self.reason!r}")
        return _head_bytes(f"HTTP/1.1 {self.status} {self.reason or _reason(self.status)}", self.headers)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _head_bytes(line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [line]
    for name, value in headers:
        if not _TOKEN.match(name) or _BAD_VALUE.search(value):
            raise Invalid(f"not a header field: {name!r}: {value!r}")
        lines.append(f"{name}: {value}")
    try:
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError as error:
        # A stand-in for the character might mean something else: "?" begins a query.
        raise Invalid(f"not to be written in a head: {error.object[error.start]!r}") from error


class _Collector:
    """What httptools calls back while it parses one head."""

    def __init__(self) -> None:
        self.url = b""
        self.reason = b""
        self.fields: list[tuple[str, str]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_status(self, status: bytes) -> None:
        self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def parse_request_head(data: bytes) -> RequestHead:
    """Parse a whole head, blank line included; raise `Invalid` for anything else."""
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    # Without a version it is HTTP/0.9, and the parser knows the request lines of RTSP and HTTP/2, too.
    _feed(parser, collector, data, "request", data.partition(b"\r\n")[0].endswith((b" HTTP/1.1", b" HTTP/1.0")))
    return RequestHead(
        parser.get_method().decode("ascii"),
        collector.url.decode("latin-1"),
        Headers(tuple(collector.fields)),
        parser.get_http_version(),
    )


def parse_response_head(data: bytes) -> ResponseHead:
    """Parse a whole head, blank line included; raise `Invalid` for anything else."""
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    _feed(parser, collector, data, "response", data.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")))
    return ResponseHead(
        parser.get_status_code(),
        Headers(tuple(collector.fields)),
        collector.reason.decode("latin-1"),
        parser.get_http_version(),
    )


def _feed(parser: Any, collector: _Collector, data: bytes, what: str, ours: bool) -> None:
    try:
        if not ours:
            raise Invalid(f"not an HTTP/1.1 {what} ({data[:60]!r})")
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        # Behind a whole head, which is all there is, an error is how httptools says that another protocol follows.
        if not collector.complete:
            raise Invalid(f"not an HTTP {what}: {error} ({data[:60]!r})") from error
    if not collector.complete:
        raise Invalid(f"the head of this {what} is not whole ({data[:60]!r})")
