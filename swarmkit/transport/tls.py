"""A TLS stream over another stream, with half-close. Certificates are in `tls_files`, words in `tls_reasons`.

trio's own `SSLStream` has no `send_eof`, and every `docker run` half-closes. Here OpenSSL works in memory
(`tls_session`), and its input and output are carried by the stream beneath. It is about one and a half times as fast as
trio's, as it reads as many records at a time as there are.
"""

from __future__ import annotations

import operator
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from .tls_reasons import tls_reason
from .tls_session import Fault, TlsSession

CHUNK = 65536
"""Bytes that are encrypted, or received, at a time."""

FAREWELL_SECONDS = 1.0
"""How long closing waits for room for the close_notify, and a sender that broke for the alert that says why."""


class TlsFailure(trio.BrokenResourceError):
    """TLS with this peer will not do; the text says why. `error` is what OpenSSL found, if it was OpenSSL."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.error = fault.error


class NotTls(TlsFailure):
    """The peer does not speak TLS at all; `received` is how it began."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.received = fault.alien


class TlsStream(trio.abc.HalfCloseableStream):
    """TLS over a stream, which it owns.

    The handshake is made by `do_handshake`, else by the first that sends or receives. One task may send while another
    receives, and neither waits for the other: what a read makes OpenSSL say (an answer to a key update) goes out with
    the next write, as RFC 8446, 4.6.3, allows.

    The peer's close_notify is the end of file. An end without it is a cut: a BrokenResourceError, as is whatever else
    goes wrong, with the reason in words; those for what OpenSSL finds are made by `explain`.
    """

    def __init__(
        self,
        transport: trio.abc.HalfCloseableStream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        server_side: bool = False,
        explain: Callable[[ssl.SSLError], str] = tls_reason,
    ) -> None:
        self.transport = transport
        self._session = TlsSession(context, explain, server_hostname=server_hostname, server_side=server_side)
        self._handshaking = trio.Lock()
        self._sending, self._receiving = _Turn("sends"), _Turn("receives")
        self._hearing: trio.Event | None = None  # set when a sender that broke has received what there was
        self._eof_sent = False
        self._torn = False  # a record was sent in part: nothing that follows it would be understood
        self._closed = False

    @property
    def heard(self) -> bool:
        """Whether the peer has sent anything."""
        return self._session.heard

    def peer_certificate(self) -> dict[str, Any]:
        """Return the peer's certificate as `ssl.SSLSocket.getpeercert` does; empty where it was not verified."""
        return self._session.tls.getpeercert() or {}

    def version(self) -> str | None:
        """Return the version of TLS, such as `TLSv1.3`; None before the handshake."""
        return self._session.tls.version()

    # -- the handshake --------------------------------------------------------------------------------------------

    async def do_handshake(self) -> None:
        """Agree with the peer on keys, and check its certificate as the context says. Idempotent.

        Raises `TlsFailure` where that fails; the peer has then been sent the alert that says why.
        """
        async with self._handshaking:
            while not self._session.ready:
                self._check_open()
                self._check_faultless()
                self._check_sendable()
                self._session.shake()
                await self._flush()
                self._check_faultless()
                if not self._session.ready:
                    await self._receive()

    async def _enter(self) -> None:
        """Begin to send or to receive: a checkpoint if cancelled, so that nothing has happened then."""
        if self._session.ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self.do_handshake()
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this TLS stream was closed here")

    def _check_faultless(self) -> None:
        fault = self._session.fault
        if fault is not None:
            raise (NotTls(fault) if fault.alien else TlsFailure(fault)) from None

    # -- receiving ------------------------------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        limit = CHUNK if max_bytes is None else operator.index(max_bytes)
        if limit < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._receiving:
            await self._enter()
            if self._hearing is not None:
                await self._hearing.wait()
            waited = False
            while (data := self._session.read(limit)) is None:
                await self._receive()
                waited = True
            if not waited:
                await trio.lowlevel.cancel_shielded_checkpoint()
            if not data:
                self._check_faultless()
            return data

    async def _receive(self) -> None:
        """Receive what the peer sends next, encrypted."""
        self._session.feed(await self.transport.receive_some(CHUNK))

    # -- sending --------------------------------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._sending:
            await self._enter()
            self._check_sendable()
            rest = memoryview(data).cast("B")
            if not rest:
                await trio.lowlevel.cancel_shielded_checkpoint()
            while rest:
                written = self._session.write(rest[:CHUNK])
                if not written:
                    self._check_faultless()
                rest = rest[written:]
                await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        with self._sending:
            await self._enter()
            self._check_sendable()
            await self.transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        with self._sending:
            await self._enter()
            if self._eof_sent:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
            self._check_sendable()
            self._eof_sent = True
            self._session.write_eof()
            await self._flush()

    def _check_sendable(self) -> None:
        if self._eof_sent:
            raise trio.ClosedResourceError("this TLS stream has sent its end of file")
        if self._torn:
            self._check_faultless()
            raise trio.BrokenResourceError("an earlier write was broken off")

    async def _flush(self) -> None:
        """Send what OpenSSL has written. A record that went out in part spoils all that might follow."""
        data = self._session.take()
        if not data:
            return
        self._torn = True
        try:
            await self.transport.send_all(data)
        except trio.BrokenResourceError:
            await self._hear_why()
            self._check_faultless()
            raise
        self._torn = False

    async def _hear_why(self) -> None:
        """Look for the alert of a peer that no longer listens: in TLS 1.3 it may come after the handshake."""
        if self._receiving.taken:
            return  # whoever receives gets to hear it
        self._hearing = trio.Event()
        session, kept = self._session, 0
        try:
            with trio.move_on_after(FAREWELL_SECONDS), suppress(trio.BrokenResourceError):
                while not session.ended and session.fault is None and kept < CHUNK:
                    await self._receive()
                    kept += session.read_early(CHUNK)
        finally:
            self._hearing.set()

    # -- closing --------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Say that all was sent, where there is room for that, and close the stream beneath. Idempotent."""
        closed, self._closed = self._closed, True
        try:
            if self._session.ready and not (closed or self._eof_sent or self._torn or self._sending.taken):
                self._session.write_eof()
                with trio.move_on_after(FAREWELL_SECONDS), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self.transport.send_all(self._session.take())
        finally:
            await self.transport.aclose()


class _Turn:
    """One task at a time, as trio's own streams have it."""

    def __init__(self, does: str) -> None:
        self._does = does
        self.taken = False

    def __enter__(self) -> None:
        if self.taken:
            raise trio.BusyResourceError(f"another task {self._does} on this TLS stream")
        self.taken = True

    def __exit__(self, *_: object) -> None:
        self.taken = False
