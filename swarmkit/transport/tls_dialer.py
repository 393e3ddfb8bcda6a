"""TLS to a server at an address of TCP: the transport, and the dialer that it is once its files have been read."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
from attrs import frozen

from ..errors import Invalid
from .dialer import Dialer
from .sockets import TcpDialer
from .tls import TlsFailure, TlsStream
from .tls_files import FreshContext, TlsFiles
from .tls_reasons import is_for_another_name, tls_reason

NAMES_SECONDS = 1.0
"""How long it may take to find out what names a certificate has, for an error's sake."""


@frozen
class TlsTransport:
    """TLS to a host. Opening it reads the files, and raises `Invalid` for those that will not do."""

    host: str
    port: int
    files: TlsFiles

    @property
    def address(self) -> str:
        return TcpDialer(self.host, self.port).address

    @asynccontextmanager
    async def open(self, name: str, came_up: Callable[[], None]) -> AsyncIterator[Dialer]:
        yield TlsDialer(self.host, self.port, self.files)


class TlsDialer:
    """Reach a peer through TLS, its handshake included. Files that are renewed are used for the next connection."""

    def __init__(self, host: str, port: int, files: TlsFiles) -> None:
        """Read the files; raise `Invalid` for those that will not do."""
        self._tcp = TcpDialer(host, port)
        self._context = FreshContext(files, files.client_context)
        self._explain = partial(tls_reason, host=host, ca=files.ca, cert=files.cert)

    @property
    def address(self) -> str:
        return self._tcp.address

    @property
    def ip(self) -> str | None:
        return self._tcp.ip

    async def __call__(self) -> TlsStream:
        try:
            return await self._connect(self._context.get())
        except TlsFailure as failure:
            names = await self._names() if is_for_another_name(failure.error) else ""
            raise OSError(f"{failure}{names}") from failure
        except trio.BrokenResourceError as error:
            reason = error.__cause__ or error
            raise OSError(f"it broke off the handshake of TLS: {reason}") from error

    async def _connect(self, context: ssl.SSLContext) -> TlsStream:
        transport = await self._tcp()
        stream = TlsStream(transport, context, server_hostname=self._tcp.host, explain=self._explain)
        try:
            await stream.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(transport)
            raise
        return stream

    async def _names(self) -> str:
        """Say which names the server's certificate has; nothing where they cannot be had.

        OpenSSL shows no certificate of a handshake that failed: another is made, in which any name will do.
        """
        with suppress(OSError, trio.BrokenResourceError, Invalid), trio.move_on_after(NAMES_SECONDS):
            context = self._context.files.client_context()
            context.check_hostname = False
            stream = await self._connect(context)
            names = [value for _, value in stream.peer_certificate().get("subjectAltName", ())]
            await trio.aclose_forcefully(stream)
            return f", but for {', '.join(names) or 'none'}"
        return ""
