"""One side of a TLS connection, without I/O: encrypted bytes in and out here, plain ones there. OpenSSL does the work.

What goes wrong is a `Fault`, kept in `fault`: what was received before it is read first. `tls` makes a stream of this.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress

from attrs import frozen

_FIRST_BYTES = frozenset({21, 22})  # a peer begins with an alert or a handshake (RFC 8446, 5.1)


@frozen
class Fault:
    """Why nothing more can come: `error` is what OpenSSL found; `alien` is how a peer began that speaks no TLS."""

    reason: str
    error: ssl.SSLError | None = None
    alien: bytes = b""


class TlsSession:
    """TLS over bytes that somebody else carries. `explain` puts into words what OpenSSL finds."""

    def __init__(
        self,
        context: ssl.SSLContext,
        explain: Callable[[ssl.SSLError], str],
        *,
        server_hostname: str | None,
        server_side: bool,
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_hostname)
        self._explain = explain
        self._early = bytearray()  # decrypted before anybody asked for it
        self.heard = False
        """Whether the peer has sent anything."""
        self.ready = False
        """Whether the handshake is made."""
        self.ended = False
        """Whether the peer has ended its side well."""
        self.fault: Fault | None = None

    # -- encrypted ------------------------------------------------------------------------------------------------

    def feed(self, data: bytes | bytearray) -> None:
        """Take what was received; `b""` is the end of it."""
        if not data:
            self._incoming.write_eof()
        elif not self.heard and data[0] not in _FIRST_BYTES:
            self.fault = Fault("it does not speak TLS: is the port right?", alien=bytes(data))
        else:
            self._incoming.write(data)
        self.heard = self.heard or bool(data)

    def take(self) -> bytes:
        """Return what is to be sent."""
        return self._outgoing.read()

    # -- the handshake --------------------------------------------------------------------------------------------

    def shake(self) -> None:
        """Go on with the handshake as far as what was received allows."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self.ready = True

    def _fail(self, error: ssl.SSLError) -> None:
        if not isinstance(error, ssl.SSLEOFError) and error.reason != "UNEXPECTED_EOF_WHILE_READING":
            reason = self._explain(error)
        elif self.ready:
            reason = "it was cut off: the connection ended without the end that TLS has (close_notify)"
        else:
            reason = "it ended the connection during the handshake of TLS"
        self.fault = Fault(reason, error)

    # -- plain ----------------------------------------------------------------------------------------------------

    def read(self, limit: int) -> bytes | None:
        """Return up to `limit` bytes, `b""` at the end of file or a fault; None where more must be received first."""
        if self._early:
            data = bytes(self._early[:limit])
            del self._early[:limit]
            return data
        data = self._decrypt(limit)
        return data if data or self.ended or self.fault is not None else None

    def _decrypt(self, limit: int) -> bytes:
        parts: list[bytes] = []
        while limit and not self.ended and self.fault is None:
            try:
                part = self.tls.read(limit)  # of one record at most
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            except ssl.SSLError as error:
                self._fail(error)
                break
            self.ended = not part
            parts.append(part)
            limit -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_early(self, limit: int) -> int:
        """Decrypt up to `limit` bytes that are there, for a later `read`; return how many there were."""
        data = self._decrypt(limit)
        self._early += data
        return len(data)

    def write(self, data: memoryview) -> int:
        """Encrypt some bytes; return how many. At a fault it is none."""
        try:
            return self.tls.write(data)
        except ssl.SSLError as error:
            self._fail(error)
            return 0

    def write_eof(self) -> None:
        """Encrypt the close_notify.

        `unwrap` also looks for the peer's, and takes data that it finds for a fault: that is decrypted before.
        """
        while self.read_early(65536):
            pass
        with suppress(ssl.SSLError):  # WantRead: the peer has not ended its side
            self.tls.unwrap()
