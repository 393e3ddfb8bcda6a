"""How an engine is reached: by the address that a user writes, or that the environment has."""

from __future__ import annotations

import os
import shlex
import socket
from urllib.parse import urlsplit

from swarmkit.errors import Denied, Invalid
from swarmkit.transport import (
    TcpDialer,
    TlsFiles,
    TlsTransport,
    Transport,
    UnixDialer,
    client_files,
    find_transport,
    is_loopback,
    words_of,
)

STANDARD_SOCKET = "unix:///var/run/docker.sock"
PLAIN_PORT, TLS_PORT = 2375, 2376


def transport_for(address: str | None = None, *, insecure: bool = False, tls: TlsFiles | None = None) -> Transport:
    """Return the transport to an engine's address; the default is `$DOCKER_HOST`, else the standard socket.

    A bare absolute path is a Unix socket's. `tls` is for TCP; where it is not given, and `$DOCKER_TLS_VERIFY` is set,
    the docker command's files are used. `insecure` says that plain TCP is meant: whoever stands in between would be
    root there. Raises `Invalid` for what is no address, or none for TLS, and `Denied` for plain TCP to another machine.
    """
    address = address or os.environ.get("DOCKER_HOST") or STANDARD_SOCKET
    scheme, _, rest = address.partition("://")
    if scheme == "tcp":
        return _tcp(address, insecure=insecure, tls=tls)
    if tls is not None:
        raise Invalid(f"TLS is for addresses of TCP (tcp://HOST:PORT), not for {address!r}")
    if address.startswith("/"):
        return UnixDialer(address)
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if rest and (make := find_transport(scheme)) is not None:
        return make(address)
    raise Invalid(f"not an engine's address: {address!r} (unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST)")


def words_for(transport: Transport) -> str:
    """Return the words, an address and options, that mean a transport to an engine."""
    words = [transport.address]
    if isinstance(transport, TlsTransport):
        words += words_of(transport.files)
    elif isinstance(transport, TcpDialer) and not is_loopback(transport.host):
        words.append("--insecure")
    return shlex.join(words)


def _tcp(address: str, *, insecure: bool, tls: TlsFiles | None) -> Transport:
    if tls is not None and insecure:
        raise Invalid(f"{address}: --insecure is for TCP in the clear, and there is TLS: leave out one of them")
    host, port = _host_and_port(address)
    if tls is None and not insecure and os.environ.get("DOCKER_TLS_VERIFY"):
        tls = client_files()
    if tls is not None:
        return TlsTransport(host, port or TLS_PORT, tls)
    if not (insecure or is_loopback(host)):
        raise Denied(
            f"{address}: plain TCP to another machine is refused, as whoever stands in between is root there: "
            f"use --tlsverify or ssh, or --insecure if that is meant"
        )
    return TcpDialer(host, port or PLAIN_PORT)


def _host_and_port(address: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"not an engine's address: {address!r}: {error}") from error
    if not host or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"not an engine's address: {address!r} (tcp://HOST:PORT)")
    return host, port


def name_of_address(address: str) -> str:
    """Make a host's name of its address: the host of a network address, the file's stem of a Unix socket.

    The standard socket of this machine is called after the machine.
    """
    if address in (STANDARD_SOCKET, "unix:///run/docker.sock"):
        return _clean(socket.gethostname())
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return _clean(os.path.basename(rest).removesuffix(".sock"))
    return _clean(urlsplit(address).hostname or rest)


def _clean(text: str) -> str:
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in text)
    return kept.lstrip("_.-") or "engine"
