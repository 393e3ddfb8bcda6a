"""A stream over a forwarded connection, which knows an end of the peer's from an end of the ssh connection."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import trio

WhyEnded = Callable[[bool], Awaitable[str | None]]
"""Say why a stream has ended, told whether anything came on it; None where its peer has ended it."""


class ForwardedStream(trio.abc.HalfCloseableStream):
    """Pass bytes on; at the end of file ask whether it is one.

    The socket of a forwarded connection ends in one and the same way whether the peer has ended its side, could not be
    reached, or ssh has gone.
    """

    def __init__(self, stream: trio.SocketStream, why_ended: WhyEnded) -> None:
        self._stream = stream
        self._why_ended = why_ended
        self._received = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes, `b""` where the peer has ended; raise trio.BrokenResourceError, with a reason, else."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            await self._raise_reason()
            raise
        if data:
            self._received = True
        else:
            await self._raise_reason()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; raise trio.BrokenResourceError, with a reason, where they cannot reach the peer."""
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError:
            await self._raise_reason()
            raise

    async def _raise_reason(self) -> None:
        reason = await self._why_ended(self._received)
        if reason is not None:
            raise trio.BrokenResourceError(reason) from None

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def ends_within(stream: trio.SocketStream, seconds: float) -> bool:
    """Tell whether a new connection ends within so many seconds. What it brings stays to be read."""
    try:
        with trio.move_on_after(seconds):
            return not await stream.socket.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
    return False
