"""Dialers: how to reach an engine. Everything else speaks over the byte stream that a dialer gives."""

from __future__ import annotations

import os
import socket
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

import trio
from attrs import frozen

from swarmkit.errors import Invalid

STANDARD_SOCKET = "unix:///var/run/docker.sock"
DEFAULT_PORT = 2375

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 3
"""Seconds of silence, seconds between probes, and probes: a TCP peer that is gone is noticed after some 25 seconds."""


@runtime_checkable
class Dialer(Protocol):
    """Give a new byte stream to the engine; raise OSError where there is none to be had.

    The stream must have a half-close. `address` is how the engine is called in messages and listings. An OSError with
    an `errno` is told in the system's words for it, one without in its own.
    """

    @property
    def address(self) -> str: ...

    async def __call__(self) -> trio.abc.HalfCloseableStream: ...


@frozen
class UnixDialer:
    """Reach an engine through a Unix socket."""

    path: str

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        return await trio.open_unix_socket(self.path)


@frozen
class TcpDialer:
    """Reach an engine through TCP, in the clear."""

    host: str
    port: int

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        try:
            stream = await trio.open_tcp_stream(self.host, self.port)
        except UnicodeError as error:
            raise OSError(f"not a host's name: {self.host!r}") from error
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
        return stream


def dialer_for(address: str | None = None) -> Dialer:
    """Return the dialer of a `unix://` or `tcp://` address; the default is `$DOCKER_HOST`, else the standard socket.

    A bare absolute path is a Unix socket's. Raises `Invalid` for anything else.
    """
    address = address or os.environ.get("DOCKER_HOST") or STANDARD_SOCKET
    if address.startswith("/"):
        return UnixDialer(address)
    scheme, _, rest = address.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return UnixDialer(rest)
    if scheme == "tcp":
        return _tcp(address)
    raise Invalid(f"not an engine's address: {address!r} (unix:///PATH or tcp://HOST:PORT)")


def _tcp(address: str) -> TcpDialer:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise Invalid(f"not an engine's address: {address!r}: {error}") from error
    if not host or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"not an engine's address: {address!r} (tcp://HOST:PORT)")
    return TcpDialer(host, port)


def name_of_address(address: str) -> str:
    """Make a host's name of its address: the host of a TCP address, the file's stem of a Unix socket.

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
