"""What happens on a TCP connection before its first request: the handshake of TLS, or a refusal that the client shows.

Each connection is greeted in its own task, so that a slow or dead one holds up nobody.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from swarmkit.http import Headers, ResponseHead
from swarmkit.http.exchange import GONE, end_connection
from swarmkit.http.reader import ConnectionReader
from swarmkit.transport import FreshContext, NotTls, TlsFiles, TlsStream, keep_alive, tls_reason

log = logging.getLogger(__name__)

HANDSHAKE_DEADLINE = 10.0
"""Seconds that a client may take for the handshake."""

SPEAK_TLS = "this is a port for TLS, and the request came in the clear: use --tlsverify, or https"
SPEAK_PLAINLY = "this port is served in the clear, and the request came in TLS: leave out --tlsverify, or https"

_HANDSHAKE = b"\x16"
"""The first byte of a client that speaks TLS (RFC 8446, 5.1); no request of HTTP begins so."""

Serve = Callable[[trio.abc.HalfCloseableStream], Awaitable[None]]


async def serve_plain(transport: trio.SocketStream, *, serve: Serve) -> None:
    """Serve a client over TCP in the clear. One that speaks TLS is answered in plain HTTP, which such clients tell."""
    async with transport:
        keep_alive(transport)
        if await _first_byte(transport) == _HANDSHAKE:
            _log_refusal(transport, "it speaks TLS to a port that is served in the clear")
            await _answer(transport, SPEAK_PLAINLY)
        else:
            await serve(transport)


async def serve_tls(transport: trio.SocketStream, *, serve: Serve, context: FreshContext, files: TlsFiles) -> None:
    """Serve a client over TLS that has shown a certificate of the CA; log at info why another is turned away."""
    async with transport:
        keep_alive(transport)
        explain = partial(tls_reason, ca=files.ca, cert=files.cert)
        stream = TlsStream(transport, context.get(), server_side=True, explain=explain)
        try:
            with trio.fail_after(HANDSHAKE_DEADLINE):
                await stream.do_handshake()
        except NotTls:
            _log_refusal(transport, "it does not speak TLS")
            await _answer(transport, SPEAK_TLS)
        except trio.BrokenResourceError as error:
            if stream.heard:  # else it only looked whether somebody listens
                _log_refusal(transport, str(error))
            await _end(transport)
        except trio.TooSlowError:
            _log_refusal(transport, f"no handshake of TLS in {HANDSHAKE_DEADLINE:g} s")
        else:
            await serve(stream)


async def _first_byte(transport: trio.SocketStream) -> bytes:
    """Wait for the first byte without taking it; `b""` where none comes."""
    try:
        return await transport.socket.recv(1, socket.MSG_PEEK)
    except OSError:  # a reset, which whoever reads next is told again
        return b""


async def _answer(transport: trio.SocketStream, text: str) -> None:
    """Answer in the clear, as an engine does, and end the connection."""
    body = json.dumps({"message": text}).encode() + b"\n"
    headers = (("Content-Type", "application/json"), ("Connection", "close"), ("Content-Length", str(len(body))))
    with suppress(*GONE):
        await transport.send_all(ResponseHead(400, Headers(headers)).to_bytes() + body)
    await _end(transport)


async def _end(transport: trio.SocketStream) -> None:
    """End the connection so that the client gets to read what was sent: an answer, or the alert that says why."""
    with suppress(*GONE):
        await end_connection(transport, ConnectionReader(transport))


def _log_refusal(transport: trio.SocketStream, reason: str) -> None:
    log.info("a client at %s was turned away: %s", _peer(transport), reason)


def _peer(transport: trio.SocketStream) -> str:
    try:
        host, port, *_ = transport.socket.getpeername()
    except OSError:  # it has gone
        return "an unknown address"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
