"""Connections in memory: byte streams with half-close and a bound, as a socket has them."""

from __future__ import annotations

import trio

from swarmkit.errors import SwarmError, Unavailable
from swarmkit.streams import PipeReceiver, PipeSender, open_pipe

BUFFER = 256 * 1024
"""Bytes that either direction holds, as a socket's buffers do."""


class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection. Closing it is seen by the peer as an end of file, and its writes then fail."""

    def __init__(self, sender: PipeSender, receiver: PipeReceiver) -> None:
        self._sender = sender
        self._receiver = receiver

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._sender.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._sender.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self._sender.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            return await self._receiver.receive_some(max_bytes)
        except SwarmError as error:
            raise trio.BrokenResourceError(error.message) from error

    async def aclose(self) -> None:
        self._sender.send_eof()
        await self._receiver.aclose()

    async def wait_peer_closed(self) -> None:
        """Wait until the peer has closed its end altogether, which no reading tells from a half-close."""
        await self._sender.wait_reader_gone()

    async def reset(self) -> None:
        """Break the connection: the peer's reads fail, and so do its writes."""
        self._sender.cut(Unavailable("connection reset by peer"))
        await self._receiver.aclose()


def memory_stream_pair() -> tuple[MemoryStream, MemoryStream]:
    """Make both ends of a connection."""
    there, here = open_pipe(BUFFER), open_pipe(BUFFER)
    return MemoryStream(there[0], here[1]), MemoryStream(here[0], there[1])


class Gate:
    """What holds everybody up while it is shut."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self._open.set()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def shut(self) -> None:
        if self._open.is_set():
            self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        """Wait until it is open; a shut one may have been opened and shut again meanwhile."""
        while not self._open.is_set():
            await self._open.wait()


class GatedStream(trio.abc.HalfCloseableStream):
    """A stream whose reads and writes wait at a gate: what a stopped process does to its connections."""

    def __init__(self, inner: trio.abc.HalfCloseableStream, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._gate.passed()
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._gate.passed()
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._gate.passed()
        await self._inner.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._inner.receive_some(max_bytes))
        await self._gate.passed()
        return data

    async def aclose(self) -> None:
        await self._inner.aclose()
