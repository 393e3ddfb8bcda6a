"""Where the far end of a wire is: the address that a user writes, and the transport to it."""

from __future__ import annotations

import os
import shlex
from urllib.parse import urlsplit

from swarmkit.errors import Denied, Invalid
from swarmkit.transport import (
    TcpDialer,
    TlsFiles,
    TlsTransport,
    Transport,
    UnixDialer,
    find_transport,
    is_loopback,
    words_of,
)

FORMS = "unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST/SOCKET"


def transport_for(address: str, *, insecure: bool = False, tls: TlsFiles | None = None) -> Transport:
    """Return the transport to an address; `tls` is for TCP, and `insecure` says that TCP in the clear is meant.

    Raises `Invalid` for what is no address, or none for TLS, and `Denied` for plain TCP to another machine.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "tcp":
        return _tcp(address, insecure=insecure, tls=tls)
    if tls is not None:
        raise Invalid(f"TLS is for addresses of TCP (tcp://HOST:PORT), not for {address!r}")
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if rest and (make := find_transport(scheme)) is not None:
        if not urlsplit(address).path.strip("/"):
            raise Invalid(f"{address}: name the socket that is served there ({scheme}://HOST/PATH)")
        return make(address)
    raise Invalid(f"not an address of a wire: {address!r} ({FORMS})")


def _tcp(address: str, *, insecure: bool, tls: TlsFiles | None) -> Transport:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"not an address of a wire: {address!r}: {error}") from error
    if not host or port is None or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"not an address of a wire: {address!r} (tcp://HOST:PORT)")
    if tls is not None and insecure:
        raise Invalid(f"{address}: --insecure is for TCP in the clear, and there is TLS: leave out one of them")
    if tls is not None:
        return TlsTransport(host, port, tls)
    if not (insecure or is_loopback(host)):
        raise Denied(
            f"{address}: plain TCP to another machine is refused, as whoever stands in between can do all that is"
            f" served there: use --tlsverify or ssh, or --insecure if that is meant"
        )
    return TcpDialer(host, port)


def words_for(transport: Transport) -> str:
    """Return the words, an address and options, that mean a transport."""
    words = [transport.address]
    if isinstance(transport, TlsTransport):
        words += words_of(transport.files)
    elif isinstance(transport, TcpDialer) and not is_loopback(transport.host):
        words.append("--insecure")
    return shlex.join(words)


def name_of(address: str) -> str:
    """Make a name of an address: the host of a network address, the file's stem of a Unix socket."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return clean_name(os.path.basename(rest).removesuffix(".sock"))
    return clean_name(urlsplit(address).hostname or rest)


def clean_name(text: str) -> str:
    """Return a text with nothing in it that a host's name cannot have."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in text)
    return kept.lstrip("_.-") or "remote"
