"""HTTP/1.1 over trio streams, both ends, with upgrades and raw conversations (RFC 9110, RFC 9112).

Heads are parsed by httptools; where a body ends is decided here, because after an upgrade the bytes behind it belong
to another protocol and httptools does not say where they begin.
"""

from .client import Connection, Reply
from .handler import Handler, Request, Response
from .messages import Headers, RequestHead, ResponseHead
from .server import serve_connection

__all__ = [
    "Connection",
    "Handler",
    "Headers",
    "Reply",
    "Request",
    "RequestHead",
    "Response",
    "ResponseHead",
    "serve_connection",
]
