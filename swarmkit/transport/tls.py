"""A TLS stream over another stream, with half-close. Certificates are in `tls_files`, words in `tls_reasons`.

trio's own `SSLStream` has no `send_eof`, and every `docker run` half-closes. Here OpenSSL works in memory
(`ssl.SSLObject`), and its input and output are carried by the stream beneath.
"""

from __future__ import annotations

import operator
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from .tls_reasons import tls_reason

CHUNK = 65536
"""Bytes that are encrypted, or received, at a time."""

FAREWELL_SECONDS = 1.0
"""How long closing waits for room for the close_notify, and a sender that broke for the alert that says why."""

_CUT = "it was cut off: the connection ended without the end that TLS has (close_notify)"

_FIRST_BYTES = frozenset({21, 22})  # a peer begins with an alert or a handshake (RFC 8446, 5.1)


class TlsFailure(trio.BrokenResourceError):
    """TLS with this peer will not do; the text says why. `error` is what OpenSSL found, if it was OpenSSL."""

    def __init__(self, reason: str, error: ssl.SSLError | None = None) -> None:
        super().__init__(reason)
        self.error = error


class NotTls(TlsFailure):
    """The peer does not speak TLS at all; `received` is how it began."""

    def __init__(self, received: bytes) -> None:
        super().__init__("it does not speak TLS: is the port right?")
        self.received = received


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
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_hostname)
        self._explain = explain
        self._handshaking = trio.Lock()
        self._sending, self._receiving = _Turn("sends"), _Turn("receives")
        self._early = bytearray()  # decrypted before anybody asked for it
        self._heard = False  # the peer has sent something
        self._ready = False  # the handshake is made
        self._ended = False  # the peer has ended its side
        self._eof_sent = False
        self._torn = False  # a record was sent in part: nothing that follows it would be understood
        self._failure: TlsFailure | None = None  # what receiving has met, and sending reports
        self._closed = False

    @property
    def heard(self) -> bool:
        """Whether the peer has sent anything."""
        return self._heard

    def peer_certificate(self) -> dict[str, Any]:
        """Return the peer's certificate as `ssl.SSLSocket.getpeercert` does; empty where it was not verified."""
        return self._tls.getpeercert() or {}

    def version(self) -> str | None:
        """Return the version of TLS, such as `TLSv1.3`; None before the handshake."""
        return self._tls.version()

    # -- the handshake --------------------------------------------------------------------------------------------

    async def do_handshake(self) -> None:
        """Agree with the peer on keys, and check its certificate as the context says. Idempotent.

        Raises `TlsFailure` where that fails; the peer has then been sent the alert that says why.
        """
        async with self._handshaking:
            while not self._ready:
                self._check_usable()
                self._ready = self._step()
                await self._flush()
                if self._failure is not None:
                    raise self._failure
                if not self._ready:
                    await self._receive()

    def _step(self) -> bool:
        """Go on with the handshake; return whether it is made."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self._failure = self._failed(error)
            return False
        return True

    async def _enter(self) -> None:
        """Begin to send or to receive: a checkpoint if cancelled, so that nothing has happened then."""
        if self._ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self.do_handshake()
        self._check_usable()

    def _check_usable(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this TLS stream was closed here")

    def _failed(self, error: ssl.SSLError) -> TlsFailure:
        cut = isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"
        if not cut:
            return TlsFailure(self._explain(error), error)
        return TlsFailure(_CUT if self._ready else "it ended the connection during the handshake of TLS", error)

    # -- receiving ------------------------------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        limit = CHUNK if max_bytes is None else operator.index(max_bytes)
        if limit < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._receiving:
            await self._enter()
            waited = False
            while (data := self._decrypt(limit)) is None:
                await self._receive()
                waited = True
            if not waited:
                await trio.lowlevel.cancel_shielded_checkpoint()
            return data

    def _decrypt(self, limit: int) -> bytes | None:
        """Return bytes that are there, `b""` at the end of file; None where more must be received first."""
        if not self._early:
            data = self._read(limit)
        else:
            data = bytes(self._early[:limit])
            del self._early[:limit]
        if data or self._ended:
            return data
        if self._failure is not None:
            raise self._failure
        return None

    def _read(self, limit: int) -> bytes:
        """Decrypt up to `limit` bytes; note the peer's end, and a failure, which come behind them."""
        parts: list[bytes] = []
        while limit and not self._ended and self._failure is None:
            try:
                part = self._tls.read(limit)  # of one record at most
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            except ssl.SSLError as error:
                self._failure = self._failed(error)
                break
            self._ended = not part
            parts.append(part)
            limit -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _receive(self) -> None:
        """Receive what the peer sends next, encrypted."""
        data = await self.transport.receive_some(CHUNK)
        if data and not self._heard and data[0] not in _FIRST_BYTES:
            self._failure = NotTls(bytes(data))
            raise self._failure
        self._heard = self._heard or bool(data)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    # -- sending --------------------------------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._sending:
            await self._enter()
            self._check_sendable()
            rest = memoryview(data).cast("B")
            if not rest:
                await trio.lowlevel.cancel_shielded_checkpoint()
            while rest:
                rest = rest[self._write(rest[:CHUNK]) :]
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
            self._write_eof()
            await self._flush()

    def _check_sendable(self) -> None:
        if self._eof_sent:
            raise trio.ClosedResourceError("this TLS stream has sent its end of file")
        if self._torn:
            raise self._failure or trio.BrokenResourceError("an earlier write was broken off")

    def _write(self, data: memoryview) -> int:
        try:
            return self._tls.write(data)
        except ssl.SSLError as error:
            self._failure, self._torn = self._failed(error), True
            raise self._failure from None

    def _write_eof(self) -> None:
        """Encrypt the close_notify.

        `unwrap` also looks for the peer's, and fails where it finds data: what is there is decrypted before.
        """
        while data := self._read(CHUNK):
            self._early += data
        self._eof_sent = True
        with suppress(ssl.SSLError):  # WantRead: the peer has not ended its side
            self._tls.unwrap()

    async def _flush(self) -> None:
        """Send what OpenSSL has written. A record that went out in part spoils all that might follow."""
        data = self._outgoing.read()
        if not data:
            return
        whole, self._torn = self._torn, True
        try:
            await self.transport.send_all(data)
        except trio.BrokenResourceError:
            await self._hear_why()
            if self._failure is not None:
                raise self._failure from None
            raise
        self._torn = whole

    async def _hear_why(self) -> None:
        """Look for the alert of a peer that no longer listens: in TLS 1.3 it may come after the handshake."""
        if self._receiving.taken:
            return  # whoever receives gets to hear it
        with self._receiving, trio.move_on_after(FAREWELL_SECONDS), suppress(trio.BrokenResourceError):
            while self._failure is None and not self._ended and len(self._early) < CHUNK:
                await self._receive()
                self._early += self._read(CHUNK)

    # -- closing --------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Say that all was sent, where there is room for that, and close the stream beneath. Idempotent."""
        closed, self._closed = self._closed, True
        try:
            if self._ready and not (closed or self._eof_sent or self._torn or self._sending.taken):
                self._write_eof()
                with trio.move_on_after(FAREWELL_SECONDS), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self.transport.send_all(self._outgoing.read())
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
