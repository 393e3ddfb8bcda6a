"""Who connects and speaks something else: told what this is, where that can be told in its own words."""

from __future__ import annotations

import re

import trio

from swarmkit.http import Headers, ResponseHead
from swarmkit.wire.hello import PREFACE

WHAT_THIS_IS = "this is swarmd's wire protocol, which is no HTTP: connect with `swarmd 'remote ADDRESS'`\n"

_HTTP = re.compile(rb"[A-Z]{3,16} ")
"""How a request of HTTP/1 begins; that of HTTP/2 is `PRI `."""


async def first_bytes(stream: trio.abc.ReceiveStream) -> bytes:
    """Read until it is plain whether a peer speaks, or the connection ends; return what was read."""
    head = b""
    while PREFACE.startswith(head) and head != PREFACE:
        data = await stream.receive_some(len(PREFACE) - len(head))
        if not data:
            break
        head += data
    return head


def is_peer(head: bytes) -> bool:
    """Tell whether these first bytes are a peer's."""
    return head == PREFACE


def speaks_http(head: bytes) -> bool:
    """Tell whether these first bytes are a request's."""
    return _HTTP.match(head) is not None


async def answer_http(stream: trio.abc.SendStream, reason: str = "") -> None:
    """Answer a request of HTTP with what this is. A `reason` is in the status line, which is what a peer shows."""
    body = WHAT_THIS_IS.encode()
    headers = (("Content-Type", "text/plain"), ("Connection", "close"), ("Content-Length", str(len(body))))
    await stream.send_all(ResponseHead(400, Headers(headers), reason).to_bytes() + body)
