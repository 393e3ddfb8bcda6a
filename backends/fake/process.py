"""Processes in memory: an async function with arguments, an environment, streams, files and signals.

A command of one's own is `async def greet(process: Process) -> int`; what it returns is its exit code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import trio
from attrs import define, field

from swarmkit.streams import CHUNK, BytesStream

from .clock import Clock
from .files import Files
from .memory import Gate
from .programs import Programs
from .signals import KILL, is_fatal

BROKEN_PIPE = 141
"""The exit code of a process that wrote where nobody reads any more."""


class Output(Protocol):
    """Where a process writes."""

    async def write(self, data: bytes) -> None:
        """Write everything, waiting for a slow reader; raise trio.BrokenResourceError where nobody reads."""


class Input:
    """What a process reads: a stream, with a line at a time if wanted."""

    def __init__(self, stream: trio.abc.ReceiveStream | None = None) -> None:
        self._stream = stream or BytesStream(b"")
        self._buffer = b""

    async def read(self, max_bytes: int = CHUNK) -> bytes:
        """Return some bytes, none at the end of file."""
        if not self._buffer:
            return bytes(await self._stream.receive_some(max_bytes))
        taken, self._buffer = self._buffer[:max_bytes], self._buffer[max_bytes:]
        return taken

    async def read_line(self) -> bytes:
        """Return a line with its end; the last may lack one, and after it comes an empty one."""
        while (end := self._buffer.find(b"\n")) < 0:
            data = bytes(await self._stream.receive_some(CHUNK))
            if not data:
                end = len(self._buffer) - 1
                break
            self._buffer += data
        line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        return line

    async def close(self) -> None:
        """Read no more, which the writer is told."""
        await self._stream.aclose()


class Exit(Exception):
    """Ends the process that raises it, from any depth."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code & 0xFF


@define(eq=False)
class Surroundings:
    """What the processes of one container's run share.

    `nursery` holds those that outlive their parents, `running` is the table of all.
    """

    files: Files
    programs: Programs
    clock: Clock
    hostname: str
    nursery: trio.Nursery
    new_pid: Callable[[], int]
    gate: Gate = field(factory=Gate)
    running: list[Process] = field(factory=list)
    changed: trio.Event = field(factory=trio.Event)

    def announce(self) -> None:
        """Wake those who wait for a process to end or to be sent a signal."""
        self.changed.set()
        self.changed = trio.Event()


@define(eq=False)
class Process:
    """One process. `is_init` says that it is the first of its container, whom unhandled signals do not touch."""

    around: Surroundings
    argv: Sequence[str]
    env: dict[str, str]
    stdin: Input
    stdout: Output
    stderr: Output
    cwd: str = "/"
    user: str = ""
    tty: bool = False
    is_init: bool = False
    parent: Process | None = None
    pid: int = 0
    started: int = 0
    died_of: int | None = None
    _scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _caught: dict[int, trio.Event] = field(factory=dict, init=False)

    @property
    def files(self) -> Files:
        """The container's files."""
        return self.around.files

    @property
    def name(self) -> str:
        """What the command calls itself in messages."""
        return posixpath.basename(self.argv[0])

    def path(self, name: str) -> str:
        """Return a file's absolute path."""
        return posixpath.join(self.cwd, name)

    async def say(self, text: str) -> None:
        """Write a line of text."""
        await self.stdout.write(text.encode() + b"\n")

    async def complain(self, text: str) -> int:
        """Write `name: text` to standard error; return 1, the exit code that goes with it."""
        await self.stderr.write(f"{self.name}: {text}\n".encode())
        return 1

    async def sleep(self, seconds: float) -> None:
        """Wait; a paused container's process is held up at the end of it."""
        await trio.sleep(seconds)
        await self.around.gate.passed()

    def catch(self, number: int) -> trio.Event:
        """Handle a signal from now on: all that it does is to set this event."""
        return self._caught.setdefault(number, trio.Event())

    def uncatch(self, number: int) -> None:
        """Leave a signal to do what it does by itself."""
        self._caught.pop(number, None)

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        if number != KILL and number in self._caught:
            self._caught[number].set()
            self.around.announce()
        elif number == KILL or (is_fatal(number) and not self.is_init):
            if self.died_of is None:
                self.died_of = number
            self._scope.cancel()

    def children(self) -> list[Process]:
        """Return the children that run. A shell's redirections make copies of it, which are one process."""
        return [each for each in self.around.running if each.parent is not None and each.parent.pid == self.pid]

    def interrupt(self, number: int) -> None:
        """Send a signal as a terminal's key does: to the process in the foreground."""
        if children := self.children():
            children[-1].interrupt(number)
        else:
            self.signal(number)

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: Input | None = None,
        stdout: Output | None = None,
        stderr: Output | None = None,
    ) -> int:
        """Run a command as a child, with the parent's streams unless told otherwise; return its exit code.

        Raises `NotExecutable` where there is no such command.
        """
        child = Process(
            self.around,
            argv,
            dict(self.env if env is None else env),
            stdin or self.stdin,
            stdout or self.stdout,
            stderr or self.stderr,
            cwd=self.cwd,
            user=self.user,
            tty=self.tty,
            parent=self,
        )
        return await child.execute()

    async def execute(self) -> int:
        """Run to the end; return the exit code, 128 and the signal's number where one ended it."""
        program = self.around.programs.find(self.argv[0], self.files, self.env)
        self.pid = self.pid or self.around.new_pid()
        self.started = self.around.clock.now()
        self.around.running.append(self)
        code = 0
        try:
            with self._scope:
                code = await program(self)
        except Exit as stop:
            code = stop.code
        except trio.BrokenResourceError:
            code = BROKEN_PIPE
        finally:
            self.around.running.remove(self)
            self.around.announce()
        if self._scope.cancelled_caught and self.died_of is not None:
            return 128 + self.died_of
        return code & 0xFF


Program = Callable[[Process], Awaitable[int]]
"""A command's function."""
