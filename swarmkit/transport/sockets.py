"""Dialers of sockets: Unix, and TCP in the clear."""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address

import trio
from attrs import define, field, frozen

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 3
"""Seconds of silence, seconds between probes, and probes: a TCP peer that is gone is noticed after some 25 seconds."""

_FULL_PAUSE = 0.005
"""Seconds before a Unix socket whose queue is full is tried again."""


@frozen
class UnixDialer:
    """Reach a peer through a Unix socket."""

    path: str

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    @property
    def ip(self) -> None:
        return None

    async def __call__(self) -> trio.SocketStream:
        while True:
            stream = await trio.open_unix_socket(self.path)
            try:
                stream.socket.getpeername()
            except OSError as error:
                # The listener's queue was full: Linux then refuses with EAGAIN, which is taken for a connection begun.
                await trio.aclose_forcefully(stream)
                if error.errno != errno.ENOTCONN:
                    raise
                await trio.sleep(_FULL_PAUSE)
            else:
                return stream


@define(unsafe_hash=True)
class TcpDialer:
    """Reach a peer through TCP, in the clear."""

    host: str
    port: int
    _ip: str | None = field(default=None, init=False, eq=False)

    @property
    def address(self) -> str:
        return f"tcp://{host_and_port(self.host, self.port)}"

    @property
    def ip(self) -> str | None:
        return self._ip

    async def __call__(self) -> trio.SocketStream:
        try:
            stream = await trio.open_tcp_stream(self.host, self.port)
        except UnicodeError as error:
            raise OSError(f"not a host's name: {self.host!r}") from error
        keep_alive(stream)
        self._ip = _ip_of_peer(stream)
        return stream


def keep_alive(stream: trio.SocketStream) -> None:
    """Have the kernel find out that a silent TCP peer is gone; the stream is then broken."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)


def host_and_port(host: str, port: int) -> str:
    """Write where a socket of TCP is; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ip_of_peer(stream: trio.SocketStream) -> str | None:
    try:
        host = str(stream.socket.getpeername()[0])
    except OSError:  # closed by the peer already
        return None
    return foreign_ip(host)


def foreign_ip(text: str) -> str | None:
    """Return an IP address as it is written; None for one of this machine to itself, and for what is no address."""
    try:
        return None if ip_address(text.partition("%")[0]).is_loopback else text
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Tell whether an address or a name is this machine to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
