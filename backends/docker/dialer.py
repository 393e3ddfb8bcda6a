"""How an engine is reached: by the address that a user writes, or that the environment has."""

from __future__ import annotations

import os
import socket

from swarmkit.errors import Invalid
from swarmkit.transport import TlsFiles, Transport, UnixDialer, client_files, find_transport
from swarmkit.transport.addresses import TcpAddress, host_name, host_name_of, refuse_tls

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
    refuse_tls(address, tls)
    if address.startswith("/"):
        return UnixDialer(address)
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if rest and (make := find_transport(scheme)) is not None:
        return make(address)
    raise Invalid(f"not an engine's address: {address!r} (unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST)")


def _tcp(address: str, *, insecure: bool, tls: TlsFiles | None) -> Transport:
    if tls is None and not insecure and os.environ.get("DOCKER_TLS_VERIFY"):
        tls = client_files()
    port = PLAIN_PORT if tls is None else TLS_PORT
    where = TcpAddress.parse(address, noun="an engine's address", default_port=port)
    return where.transport(tls, insecure=insecure, peril="is root there")


def name_of_address(address: str) -> str:
    """Make a host's name of an engine's address; the standard socket of this machine is called after the machine."""
    if address in (STANDARD_SOCKET, "unix:///run/docker.sock"):
        return host_name(socket.gethostname(), otherwise="engine")
    return host_name_of(address, otherwise="engine")
