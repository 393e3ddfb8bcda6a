"""A far end that is a command: a child process whose standard streams are the byte stream."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import trio
from attrs import frozen

from swarmkit.instance import open_instance
from swarmkit.transport import Dialer

log = logging.getLogger(__name__)

TERM_SECONDS = 2.0
"""How long a command may take to end when it is told to; then it is killed."""

LINE = 500
"""Bytes of a line of its standard error that are logged."""


@frozen
class CommandTransport:
    """Reach the far end by a command, started for each connection and ended with it."""

    words: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"exec:{shlex.join(self.words)}"

    @asynccontextmanager
    async def open(self, name: str, came_up: Callable[[], None]) -> AsyncIterator[Dialer]:
        """Give the dialer, whose commands are ended with the block."""
        async with open_instance() as nursery:
            yield CommandDialer(self, name, nursery)


class CommandDialer:
    """Start the command; its standard error goes to the log, under the host's name."""

    ip = None

    def __init__(self, transport: CommandTransport, name: str, nursery: trio.Nursery) -> None:
        self._words = transport.words
        self._name = name
        self._nursery = nursery
        self.address = transport.address

    async def __call__(self) -> CommandStream:
        stream: CommandStream = await self._nursery.start(self._run)
        return stream

    async def _run(self, *, task_status: trio.TaskStatus[CommandStream]) -> None:
        process = await _start(self._words)
        stream = CommandStream(process, self._words[0])
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._log_errors, process, stream)
                task_status.started(stream)
                await stream.closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await _end(process)
            stream.exited.set()

    async def _log_errors(self, process: trio.Process, stream: CommandStream) -> None:
        assert process.stderr is not None
        rest = b""
        async for data in process.stderr:
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[:LINE]
            for line in lines:
                stream.last_words = line[:LINE].decode("utf-8", "replace").rstrip() or stream.last_words
                log.info("%s: %s", self._name, stream.last_words)
        stream.silent.set()


class CommandStream(trio.abc.HalfCloseableStream):
    """The standard streams of a command. Its end is an end of file where the command has ended well, else a break."""

    def __init__(self, process: trio.Process, command: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._command = command
        self._stdin, self._stdout = process.stdin, process.stdout
        self.last_words = ""
        self.silent = trio.Event()  # nothing more comes on its standard error
        self.closed = trio.Event()
        self.exited = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        try:
            await self._stdin.send_all(data)
        except trio.BrokenResourceError:
            await self._check_status()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._stdin.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stdin.aclose()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._stdout.receive_some(max_bytes))
        if not data:
            await self._check_status()
        return data

    async def _check_status(self) -> None:
        """Raise trio.BrokenResourceError, with the reason, where the command has ended badly or is about to."""
        status = None
        with trio.move_on_after(TERM_SECONDS):  # it may have closed its output, and go on
            await self.silent.wait()
            status = await self._process.wait()
        if status:
            words = f": {self.last_words}" if self.last_words else ", and said nothing"
            how = f"ended with status {status}" if status > 0 else f"was ended by {signal.Signals(-status).name}"
            raise trio.BrokenResourceError(f"{self._command} {how}{words}")

    async def aclose(self) -> None:
        """Have the command ended, and wait until it has."""
        self.closed.set()
        await self.exited.wait()


async def _start(words: Sequence[str]) -> trio.Process:
    """Start the command; raise trio.BrokenResourceError, with the reason, where there is none."""
    pipe = subprocess.PIPE
    try:
        # A session of its own: no terminal to ask at, and no Ctrl-C from one.
        return await trio.lowlevel.open_process(words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno is not None else str(error)
        raise trio.BrokenResourceError(f"the command {words[0]!r} cannot be started: {reason}") from error


async def _end(process: trio.Process) -> None:
    """End a command and what it has started; kill what does not listen."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    for stream in (process.stdin, process.stdout):
        await stream.aclose()
    _signal(process, signal.SIGTERM)
    with trio.move_on_after(TERM_SECONDS):
        await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()
    await process.stderr.aclose()


def _signal(process: trio.Process, number: int) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
