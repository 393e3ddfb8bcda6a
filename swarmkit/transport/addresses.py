"""Addresses as users write them, as far as they are alike for all that speaks over a byte stream: TCP, words, names.

Which schemes there are, and what has a default, is each backend's own.
"""

from __future__ import annotations

import os
import shlex
from urllib.parse import urlsplit

from attrs import frozen

from ..errors import Denied, Invalid, without_passwords
from .dialer import Transport
from .sockets import TcpDialer, is_loopback
from .tls_dialer import TlsTransport
from .tls_files import TlsFiles
from .tls_options import words_of


@frozen
class TcpAddress:
    """`tcp://HOST:PORT`, split; `address` is as it was written."""

    address: str
    host: str
    port: int

    @classmethod
    def parse(cls, address: str, *, noun: str, default_port: int | None = None) -> TcpAddress:
        """Split an address; raise `Invalid`, by what `noun` calls it, for one that lacks a part or has another one."""
        shown = repr(without_passwords(address))
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, default_port if parts.port is None else parts.port
        except ValueError as error:
            raise Invalid(f"not {noun}: {shown}: {error}") from error
        other = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
        if not host or port is None or other:
            raise Invalid(f"not {noun}: {shown} (tcp://HOST:PORT)")
        return cls(address, host, port)

    def transport(self, tls: TlsFiles | None, *, insecure: bool, peril: str) -> Transport:
        """Return TLS where there are files for it, else TCP in the clear.

        Raises `Denied` for the latter to another machine unless that is meant (`insecure`), saying by `peril` what
        whoever stands in between would be able to do, and `Invalid` where both are meant.
        """
        if tls is not None:
            if insecure:
                raise Invalid(
                    f"{self.address}: --insecure is for TCP in the clear, and there is TLS: leave out one of them"
                )
            return TlsTransport(self.host, self.port, tls)
        if not (insecure or is_loopback(self.host)):
            raise Denied(
                f"{self.address}: plain TCP to another machine is refused, as whoever stands in between {peril}: "
                f"use --tlsverify or ssh, or --insecure if that is meant"
            )
        return TcpDialer(self.host, self.port)


def refuse_tls(address: str, files: TlsFiles | None) -> None:
    """Raise `Invalid` where there are files of TLS for an address that is none of TCP."""
    if files is not None:
        raise Invalid(f"TLS is for addresses of TCP (tcp://HOST:PORT), not for {address!r}")


def words_for(transport: Transport) -> str:
    """Return the words, an address and options, that mean a transport."""
    words = [transport.address]
    if isinstance(transport, TlsTransport):
        words += words_of(transport.files)
    elif isinstance(transport, TcpDialer) and not is_loopback(transport.host):
        words.append("--insecure")
    return shlex.join(words)


def host_name_of(address: str, *, otherwise: str) -> str:
    """Make a host's name of its address: the host of a network address, the file's stem of a Unix socket."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return host_name(os.path.basename(rest).removesuffix(".sock"), otherwise=otherwise)
    return host_name(urlsplit(address).hostname or rest, otherwise=otherwise)


def host_name(text: str, *, otherwise: str) -> str:
    """Make a host's name of a text: what a name cannot have is `-`; where nothing is left it is `otherwise`."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in text)
    return kept.lstrip("_.-") or otherwise
