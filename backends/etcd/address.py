"""Where an etcd is, and under which prefix its members are: `URL[,URL...]/PREFIX`, parsed and checked."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen

from swarmkit.errors import Denied, Invalid, without_passwords
from swarmkit.transport import TcpDialer, TlsFiles, TlsTransport, Transport, host_and_port, is_loopback

PORT = 2379
"""The port of etcd's clients."""

_FORM = "it reads URL[,URL...]/PREFIX, with each URL http://HOST[:PORT] or https://HOST[:PORT]"


@frozen
class EtcdAddress:
    """The endpoints of one etcd as `(host, port)`, whether they have TLS, and the prefix without a `/` at its end."""

    endpoints: tuple[tuple[str, int], ...]
    tls: bool
    prefix: str

    def __str__(self) -> str:
        scheme = "https" if self.tls else "http"
        urls = ",".join(f"{scheme}://{host_and_port(*each)}" for each in self.endpoints)
        return f"{urls}/{self.prefix}"


def parse_address(text: str) -> EtcdAddress:
    """Parse `URL[,URL...]/PREFIX`; the prefix is what stands behind the first `/` of the last URL.

    Raises `Invalid`, saying what is wrong.
    """
    *urls, last = text.split(",")
    scheme, _, rest = last.partition("://")
    place, _, prefix = rest.partition("/")
    urls.append(f"{scheme}://{place}")
    if {url.partition("://")[0] for url in urls} not in ({"http"}, {"https"}):
        raise _invalid(text, _FORM)
    prefix = prefix.rstrip("/")
    if not prefix or not (prefix.isascii() and prefix.isprintable()) or " " in prefix:
        raise _invalid(text, f"it needs a prefix, of ASCII without spaces, under which the members are: {_FORM}")
    return EtcdAddress(tuple(_endpoint(text, url) for url in urls), urls[0].startswith("https"), prefix)


def _endpoint(text: str, url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(text, str(error)) from error
    if "@" in parts.netloc:
        raise _invalid(text, "it has a user in it: use --user, and --password-file for the password")
    if not host or parts.path or parts.query or parts.fragment:
        raise _invalid(text, _FORM)
    return host, port or PORT


def transports_to(address: EtcdAddress, files: TlsFiles | None, *, insecure: bool) -> tuple[Transport, ...]:
    """Return the ways to the endpoints, in their order; `files` are those of TLS, if any were named.

    Raises `Invalid` where the address and the files do not go together, and `Denied` for plain HTTP to another machine
    that is not said to be meant.
    """
    if address.tls:
        if files is None or files.ca is None:
            raise Invalid(f"{address}: https needs the certificate of etcd's CA: --etcd-cacert FILE")
        return tuple(TlsTransport(host, port, files) for host, port in address.endpoints)
    if files is not None:
        raise Invalid(f"{address}: --etcd-cacert, --etcd-cert and --etcd-key are for https://, and this is http://")
    for host, port in address.endpoints:
        if not (insecure or is_loopback(host)):
            raise Denied(
                f"http://{host_and_port(host, port)}: plain HTTP to another machine is refused, as whoever stands in "
                "between decides there where the hosts are: use https://, or --insecure if that is meant"
            )
    return tuple(TcpDialer(host, port) for host, port in address.endpoints)


def _invalid(text: str, why: str) -> Invalid:
    return Invalid(f"not an address of etcd: {without_passwords(text)!r}: {why}")
