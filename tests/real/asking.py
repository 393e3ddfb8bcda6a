"""Requests as a docker command sends them, without one: many at once from one process, each on its own connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio

from swarmkit import read_whole
from swarmkit.frames import FrameDecoder
from swarmkit.http import Connection, Headers, Reply, RequestHead
from swarmkit.transport import UnixDialer

Measured = TypeVar("Measured")


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Connection]:
    """Give a new connection to a Unix socket, for the length of the block."""
    connection = Connection(await UnixDialer(str(path))())
    try:
        yield connection
    finally:
        await connection.aclose()


async def ask(connection: Connection, method: str, target: str, body: Any = None, *, raw: bool = False) -> Reply:
    """Send one request and read its head."""
    data = json.dumps(body).encode() if body is not None else b""
    headers = [("Host", "docker"), ("Content-Type", "application/json")]
    headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")] if raw else []
    headers += [] if data else [("Content-Length", "0")]
    await connection.send(RequestHead(method, f"/v1.41{target}", Headers(tuple(headers))), data)
    reply = await connection.receive(method, raw=raw)
    assert reply is not None
    return reply


async def ask_json(connection: Connection, method: str, target: str, body: Any = None) -> Any:
    """Send one request that must succeed; return what its answer says."""
    reply = await ask(connection, method, target, body)
    text = await read_whole(reply.body)
    assert reply.head.status < 400, text
    return json.loads(text or b"null")


async def collect(reply: Reply, output: dict[int, bytes]) -> None:
    """Read framed output to its end."""
    decoder = FrameDecoder()
    while data := await reply.body.receive_some():
        for record in decoder.feed(data):
            output[record.stream] = output.get(record.stream, b"") + record.data
    assert decoder.clean


async def settle(measure: Callable[[], Measured], expected: Measured) -> Measured:
    """Return a measure once it is what is expected, or what it still is after some seconds."""
    with trio.move_on_after(10):
        while measure() != expected:
            await trio.sleep(0.1)
    return measure()
