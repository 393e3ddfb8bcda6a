"""What happens on a connection over TCP before a client is served: the handshake of TLS, or a refusal that it can show.

What a refusal looks like is the front's to say: only it knows what its clients read. Each connection is greeted in its
own task, so that a slow or dead one holds up nobody.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from .sockets import host_and_port, keep_alive
from .tls import NotTls, TlsStream
from .tls_files import FreshContext
from .tls_reasons import tls_reason

log = logging.getLogger(__name__)

HANDSHAKE_DEADLINE = 10.0
"""Seconds that a client may take for the handshake."""

LINGER_SECONDS = 2.0
"""How long a closing connection goes on reading, so that the peer gets to read what was written last."""

_HANDSHAKE = b"\x16"
"""The first byte of a client that speaks TLS (RFC 8446, 5.1)."""

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)

Serve = Callable[[trio.abc.HalfCloseableStream], Awaitable[None]]
"""Serve one client, or write the refusal that it is to read."""


async def greet_plain(transport: trio.SocketStream, *, serve: Serve, refuse: Serve) -> None:
    """Serve a client over TCP in the clear; `refuse` writes to one that speaks TLS, and is logged at info."""
    async with transport:
        keep_alive(transport)
        if await _first_byte(transport) == _HANDSHAKE:
            log_refusal(transport, "it speaks TLS to a port that is served in the clear")
            await _turn_away(transport, refuse)
        else:
            await serve(transport)


async def greet_tls(transport: trio.SocketStream, *, serve: Serve, refuse: Serve, context: FreshContext) -> None:
    """Serve a client over TLS that has shown a certificate of the CA; log at info why another is turned away.

    `refuse` writes, in the clear, to one that does not speak TLS.
    """
    async with transport:
        keep_alive(transport)
        explain = partial(tls_reason, ca=context.files.ca, cert=context.files.cert)
        stream = TlsStream(transport, context.get(), server_side=True, explain=explain)
        try:
            with trio.fail_after(HANDSHAKE_DEADLINE):
                await stream.do_handshake()
        except NotTls:
            log_refusal(transport, "it does not speak TLS")
            await _turn_away(transport, refuse)
        except trio.BrokenResourceError as error:
            if stream.heard:  # else it only looked whether somebody listens
                log_refusal(transport, str(error))
            await end_gently(transport)
        except trio.TooSlowError:
            log_refusal(transport, f"no handshake of TLS in {HANDSHAKE_DEADLINE:g} s")
        else:
            await serve(stream)


async def end_gently(stream: trio.abc.HalfCloseableStream) -> None:
    """End the connection so that the client gets to read what was sent: an answer, or the alert that says why.

    It is read from for a moment more: closing with unread input makes the kernel reset the peer's unread output.
    """
    with suppress(*_GONE), trio.move_on_after(LINGER_SECONDS):
        await stream.send_eof()
        while await stream.receive_some():
            pass


def log_refusal(transport: trio.SocketStream, reason: str) -> None:
    """Log at info that a client was turned away, with its address."""
    log.info("a client at %s was turned away: %s", peer_of(transport), reason)


def peer_of(transport: trio.SocketStream) -> str:
    """Return the address of a client of TCP in words."""
    try:
        host, port, *_ = transport.socket.getpeername()
    except OSError:  # it has gone
        return "an unknown address"
    return host_and_port(host, port)


async def _turn_away(transport: trio.SocketStream, refuse: Serve) -> None:
    with suppress(*_GONE):
        await refuse(transport)
    await end_gently(transport)


async def _first_byte(transport: trio.SocketStream) -> bytes:
    """Wait for the first byte without taking it; `b""` where none comes."""
    try:
        return await transport.socket.recv(1, socket.MSG_PEEK)
    except OSError:  # a reset, which whoever reads next is told again
        return b""
