"""How an engine is reached: by the address that a user writes, or that the environment has."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from swarmkit.errors import Denied, Invalid
from swarmkit.transport import TcpDialer, Transport, UnixDialer, find_transport, is_loopback

STANDARD_SOCKET = "unix:///var/run/docker.sock"
DEFAULT_PORT = 2375


def transport_for(address: str | None = None, *, insecure: bool = False) -> Transport:
    """Return the transport to an engine's address; the default is `$DOCKER_HOST`, else the standard socket.

    A bare absolute path is a Unix socket's. Raises `Invalid` for what is no address, and `Denied` for plain TCP to
    another machine, unless `insecure` says that it is meant: whoever stands in between would be root there.
    """
    address = address or os.environ.get("DOCKER_HOST") or STANDARD_SOCKET
    if address.startswith("/"):
        return UnixDialer(address)
    scheme, _, rest = address.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if scheme == "tcp":
        return _plain_tcp(address, insecure=insecure)
    if rest and (make := find_transport(scheme)) is not None:
        return make(address)
    raise Invalid(f"not an engine's address: {address!r} (unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST)")


def _plain_tcp(address: str, *, insecure: bool) -> TcpDialer:
    host, port = _host_and_port(address)
    if not (insecure or is_loopback(host)):
        raise Denied(
            f"{address}: plain TCP to another machine is refused, as whoever stands in between is root there: "
            f"use ssh, or --insecure if that is meant"
        )
    return TcpDialer(host, port or DEFAULT_PORT)


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
