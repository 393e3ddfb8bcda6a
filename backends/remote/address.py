"""Where the far end of a wire is: the address that a user writes, and the transport to it."""

from __future__ import annotations

from urllib.parse import urlsplit

from swarmkit.errors import Invalid
from swarmkit.transport import TlsFiles, Transport, UnixDialer, find_transport
from swarmkit.transport.addresses import TcpAddress, refuse_tls

FORMS = "unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST/SOCKET"


def transport_for(address: str, *, insecure: bool = False, tls: TlsFiles | None = None) -> Transport:
    """Return the transport to an address; `tls` is for TCP, and `insecure` says that TCP in the clear is meant.

    Raises `Invalid` for what is no address, or none for TLS, and `Denied` for plain TCP to another machine.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "tcp":
        where = TcpAddress.parse(address, noun="an address of a wire")
        return where.transport(tls, insecure=insecure, peril="can do all that is served there")
    refuse_tls(address, tls)
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if rest and (make := find_transport(scheme)) is not None:
        if not urlsplit(address).path.strip("/"):
            raise Invalid(f"{address}: name the socket that is served there ({scheme}://HOST/PATH)")
        return make(address)
    raise Invalid(f"not an address of a wire: {address!r} ({FORMS})")
