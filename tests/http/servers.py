"""A server and its client on two ends of an in-memory stream, a Unix socket or a TCP connection, for the tests here."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from trio.testing import memory_stream_pair

from swarmkit.http import Connection, Handler, Headers, RequestHead, serve_connection


@asynccontextmanager
async def raw_client(handler: Handler) -> AsyncIterator[trio.StapledStream]:  # type: ignore[type-arg]
    """Serve one connection in memory; yield the client's bare stream."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, theirs, handler)
        yield ours
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def client(handler: Handler) -> AsyncIterator[Connection]:
    """Serve one connection in memory; yield the client's end."""
    async with raw_client(handler) as stream:
        yield Connection(stream)


async def socket_pair(kind: str, directory: Path) -> tuple[trio.SocketStream, trio.SocketStream]:
    """Connect a real socket of one kind ("unix" or "tcp"); return the client's end and the server's."""
    with socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET) as listener:
        listener.bind(str(directory / "socket") if kind == "unix" else ("127.0.0.1", 0))
        listener.listen()
        ours = socket.socket(listener.family)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    return trio.SocketStream(trio.socket.from_stdlib_socket(ours)), trio.SocketStream(
        trio.socket.from_stdlib_socket(theirs)
    )


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Read to the end of file."""
    parts = []
    while data := await stream.receive_some(65536):
        parts.append(bytes(data))
    return b"".join(parts)


async def read_until(stream: trio.abc.ReceiveStream, end: bytes) -> bytes:
    """Read until what has come ends with `end`."""
    data = b""
    while not data.endswith(end):
        more = await stream.receive_some(65536)
        assert more, data
        data += more
    return data


def request(method: str = "GET", target: str = "/", *fields: tuple[str, str]) -> RequestHead:
    """Make a request's head."""
    return RequestHead(method, target, Headers(fields))


UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "tcp"))
