"""A terminal's line discipline: what is typed is echoed, handed on by lines, and some keys are signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import trio

from swarmkit.streams import PipeSender

from .signals import INT

_INTERRUPT, _END, _ERASE, _RETURN, _LINE = 0x03, 0x04, (0x08, 0x7F), 0x0D, 0x0A


class Screen(Protocol):
    """Where what is typed is shown."""

    async def write(self, stream: int, data: bytes) -> None:
        """Write to a stream."""


class Terminal:
    """Take the bytes that a client types; write them to a process's standard input as a terminal does."""

    def __init__(self, stdin: PipeSender, output: Screen, interrupt: Callable[[int], None]) -> None:
        self._stdin = stdin
        self._output = output
        self._interrupt = interrupt
        self._line = bytearray()

    async def type(self, data: bytes) -> None:
        """Take some bytes. Raises trio.BrokenResourceError, or ClosedResourceError, where nobody reads them."""
        for byte in data:
            if byte in (_RETURN, _LINE):
                await self._output.write(1, b"\r\n")
                await self._send(b"\n")
            elif byte == _INTERRUPT:
                self._line.clear()
                await self._output.write(1, b"^C")
                self._interrupt(INT)
            elif byte == _END:
                await self._end()
            elif byte in _ERASE:
                if self._line:
                    del self._line[-1]
                    await self._output.write(1, b"\b \b")
            else:
                self._line.append(byte)
                await self._output.write(1, bytes((byte,)))

    async def _send(self, end: bytes) -> None:
        line, self._line = bytes(self._line) + end, bytearray()
        await self._stdin.send_all(line)

    async def _end(self) -> None:
        """End of file where a line is empty, else the line as it is."""
        if self._line:
            await self._send(b"")
        else:
            self._stdin.send_eof()
            await trio.lowlevel.checkpoint()
