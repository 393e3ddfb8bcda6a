"""How the front greets a connection over TCP, and what a client reads that speaks TLS where none is, or the reverse."""

from __future__ import annotations

import json
from functools import partial

import trio

from swarmkit.http import Headers, ResponseHead
from swarmkit.transport import FreshContext
from swarmkit.transport.greeting import Serve, greet_plain, greet_tls

SPEAK_TLS = "this is a port for TLS, and the request came in the clear: use --tlsverify, or https"
SPEAK_PLAINLY = "this port is served in the clear, and the request came in TLS: leave out --tlsverify, or https"


async def serve_plain(transport: trio.SocketStream, *, serve: Serve) -> None:
    """Serve a client over TCP in the clear. One that speaks TLS is answered in plain HTTP, which such clients tell."""
    await greet_plain(transport, serve=serve, refuse=partial(_answer, text=SPEAK_PLAINLY))


async def serve_tls(transport: trio.SocketStream, *, serve: Serve, context: FreshContext) -> None:
    """Serve a client over TLS that has shown a certificate of the CA. Plain HTTP is answered in the clear."""
    await greet_tls(transport, serve=serve, refuse=partial(_answer, text=SPEAK_TLS), context=context)


async def _answer(stream: trio.abc.HalfCloseableStream, text: str) -> None:
    """Answer in the clear, as an engine does."""
    body = json.dumps({"message": text}).encode() + b"\n"
    headers = (("Content-Type", "application/json"), ("Connection", "close"), ("Content-Length", str(len(body))))
    await stream.send_all(ResponseHead(400, Headers(headers)).to_bytes() + body)
