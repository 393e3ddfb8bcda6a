"""The files of TLS (certificates and a key, all PEM), and the contexts made of them, as fresh as the files."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable

from attrs import frozen

from ..errors import Invalid

log = logging.getLogger(__name__)

_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_KEY = "PRIVATE KEY-----"


@frozen
class TlsFiles:
    """Where our certificate and key are, and the CA that the peer's certificate must be signed by.

    `verify` is for clients: without it any server will do. TLS is of version 1.2 at least. A certificate in the CA file
    is trusted though it be no root, as by the docker command.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True

    def client_context(self) -> ssl.SSLContext:
        """Make a client's context; raise `Invalid`, naming the file, for one that will not do.

        Our certificate is shown to a server that asks for it, if there is one.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.verify:
            self._load_ca(context)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert is not None or self.key is not None:
            self._load_own(context)
        return _restricted(context)

    def server_context(self) -> ssl.SSLContext:
        """Make a server's context, which requires a certificate of every client; raise `Invalid` as for a client's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.num_tickets = 0  # none resumes a session: each shows its certificate again
        context.options |= ssl.OP_NO_TICKET
        self._load_ca(context)
        self._load_own(context)
        return _restricted(context)

    def stamp(self) -> tuple[object, ...]:
        """Return what is another when a file has been replaced or written to."""
        return tuple(_stamp(path) for path in (self.ca, self.cert, self.key) if path is not None)

    def _load_ca(self, context: ssl.SSLContext) -> None:
        if self.ca is None:
            raise Invalid("TLS needs the certificate of the CA that the other side's is signed by: --cacert FILE")
        text = _read("CA certificate", "--cacert", self.ca, _CERTIFICATE)
        try:
            context.load_verify_locations(cadata=text)
        except ssl.SSLError as error:
            raise Invalid(f"the CA certificate {self.ca} cannot be used: {_reason(error)}") from error

    def _load_own(self, context: ssl.SSLContext) -> None:
        if self.cert is None or self.key is None:
            missing = "certificate: --cert FILE" if self.cert is None else "key of the certificate: --key FILE"
            raise Invalid(f"TLS needs the {missing}")
        _read("certificate", "--cert", self.cert, _CERTIFICATE)
        _read("key", "--key", self.key, _KEY)
        try:
            context.load_cert_chain(self.cert, self.key, password=self._refuse_encrypted)
        except ssl.SSLError as error:
            if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
                raise Invalid(f"the key {self.key} is not that of the certificate {self.cert}") from error
            raise Invalid(
                f"the certificate {self.cert} and the key {self.key} cannot be used: {_reason(error)}"
            ) from error

    def _refuse_encrypted(self) -> str:
        """Stand in for the passphrase, for which OpenSSL would ask on the terminal."""
        raise Invalid(f"the key {self.key} is encrypted, and nobody is asked for a passphrase: decrypt it")


class FreshContext:
    """A context that is made again when its files have changed, so that renewed certificates need no restart.

    Files that are no good then (written in part, or one before the other) are logged, and the old ones stay in use.
    """

    def __init__(self, files: TlsFiles, make: Callable[[], ssl.SSLContext]) -> None:
        """Make the first context; what `make` raises for the files is raised."""
        self.files = files
        self._make = make
        self._stamp = files.stamp()
        self._context = make()

    def get(self) -> ssl.SSLContext:
        """Return the context for a new connection. Blocks for as long as it takes to look at three files."""
        stamp = self.files.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = self._make()
            except Invalid as error:
                log.warning("%s; what was read from these files before is used on", error)
            else:
                log.info("read again: %s", ", ".join(filter(None, (self.files.ca, self.files.cert))))
        return self._context


def _restricted(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # in mid-stream a read would have to wait for a write
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _read(what: str, option: str, path: str, mark: str) -> str:
    """Return the text of a PEM file, in which `mark` must occur."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise Invalid(f"the {what} {path} ({option}) cannot be read: {error.strerror}") from error
    if mark not in text:
        raise Invalid(f"the {what} {path} ({option}) is not one in PEM: there is no {mark!r} in it")
    return text


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _stamp(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino
