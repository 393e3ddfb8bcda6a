"""Attaching over a websocket is the same on an engine, and on virtual hosts of one and of two."""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import define

from swarmkit import read_whole
from swarmkit.http import Connection, Headers, RequestHead

from .asking import connected
from .engines import Engine
from .swarm import Swarmd, over, serving

BINARY, CLOSE = 2, 8
PATIENCE = 20.0  # seconds


@pytest.fixture(scope="module")
def two(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two."""
    with serving(tmp_path_factory.mktemp("two") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(scope="module")
def one(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engine two alone, which is no aggregate."""
    with serving(tmp_path_factory.mktemp("one") / "swarm.sock", f"docker {engines[1].url}") as swarmd:
        yield swarmd


@pytest.fixture(params=["engine", "one", "two"])
def socket(request: pytest.FixtureRequest, engines: list[Engine]) -> Iterator[Path]:
    """Give the socket of each target; the containers are on engine two for all."""
    found = engines[1] if request.param == "engine" else request.getfixturevalue(request.param)
    yield found.socket
    engines[1].clean()


@define(eq=False)
class Websocket:
    """The client's end of a websocket (RFC 6455), as little of it as a test needs."""

    connection: Connection
    body: trio.abc.ReceiveStream
    _data: bytes = b""

    async def send(self, payload: bytes) -> None:
        """Send one binary frame, masked as a client must (section 5.3)."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        size = struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
        await self.connection.stream.send_all(bytes([0x80 | BINARY]) + size + mask + masked)

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame's kind and payload; kind 8 where the connection ended, with or without such a frame."""
        first = await self._take(2)
        if not first:
            return CLOSE, b""
        size = first[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(await self._take(2 if size == 126 else 8))
        return first[0] & 0x0F, await self._take(size)

    async def output(self, size: int | None = None) -> bytes:
        """Return what comes, so many bytes of it, or all until it is closed."""
        data = b""
        while size is None or len(data) < size:
            kind, payload = await self.receive()
            if kind == CLOSE:
                break
            data += payload
        return data

    async def _take(self, size: int) -> bytes:
        while len(self._data) < size and (some := await self.body.receive_some()):
            self._data += some
        taken, self._data = self._data[:size], self._data[size:]
        return taken


@asynccontextmanager
async def attached(socket: Path, container: str, query: str) -> AsyncIterator[Websocket]:
    """Attach to a container over a websocket, for the length of the block."""
    async with connected(socket) as connection:
        with trio.fail_after(PATIENCE):
            yield Websocket(connection, await handshake(connection, container, query, 101))


async def handshake(connection: Connection, container: str, query: str, status: int) -> trio.abc.ReceiveStream:
    """Ask for a websocket and be answered so; return what follows."""
    headers = [("Host", "docker"), ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Origin", "http://docker")]
    headers += [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode())]
    head = RequestHead("GET", f"/v1.41/containers/{container}/attach/ws?{query}", Headers(tuple(headers)))
    await connection.send(head)
    reply = await connection.receive("GET", raw=True)
    assert reply is not None
    assert reply.head.status == status
    if status == 101:
        assert reply.head.headers.get("Upgrade") == "websocket"
        assert reply.head.headers.get("Sec-WebSocket-Accept") != ""
    return reply.body


def run(engine: Engine, *words: str) -> None:
    """Run a container called web."""
    engine.docker("run", "-d", "--name", "web", *words)


async def test_input_and_output(socket: Path, engines: list[Engine]) -> None:
    """What is typed comes back; the end of the container ends the connection."""
    run(engines[1], "-i", "busybox", "sh", "-c", "read -r word; echo got $word; read -r word; echo then $word")
    async with attached(socket, "web", "stream=1&stdin=1&stdout=1&stderr=1") as websocket:
        await websocket.send(b"one\n")
        assert await websocket.output(8) == b"got one\n"
        await websocket.send(b"two\n")
        assert await websocket.output() == b"then two\n"


async def test_every_byte(socket: Path, engines: list[Engine]) -> None:
    """Nothing is read as text, and large frames arrive whole."""
    every = bytes(range(256)) * 200
    run(engines[1], "-i", "busybox", "head", "-c", str(len(every)))
    async with attached(socket, "web", "stream=1&stdin=1&stdout=1") as websocket:
        await websocket.send(every)
        assert await websocket.output(len(every)) == every


async def test_what_was_written_before(socket: Path, engines: list[Engine]) -> None:
    """With `logs` the past comes first, and without a stream nothing else."""
    run(engines[1], "busybox", "sh", "-c", "echo out; echo err >&2")
    engines[1].docker("wait", "web")
    async with attached(socket, "web", "logs=1&stdout=1&stderr=1") as websocket:
        assert sorted((await websocket.output()).split()) == [b"err", b"out"]


async def test_a_terminal(socket: Path, engines: list[Engine]) -> None:
    """A container with a terminal echoes, and ends its lines as one does."""
    run(engines[1], "-it", "busybox", "sh", "-c", "read -r word; echo got $word")
    async with attached(socket, "web", "stream=1&stdin=1&stdout=1") as websocket:
        await websocket.send(b"one\n")
        assert await websocket.output() == b"one\r\ngot one\r\n"


async def test_no_such_container(socket: Path) -> None:
    """The refusal is the engine's, before any websocket."""
    async with connected(socket) as connection:
        body = await handshake(connection, "nosuch", "stream=1", 404)
        assert await read_whole(body) == b'{"message":"No such container: nosuch"}\n'
