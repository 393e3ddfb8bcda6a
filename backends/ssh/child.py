"""A child process with pipes, for ssh: started without a terminal, ended with its block, its last words kept.

Not trio's processes: those are forked in a worker thread, and the kernel's parent-death signal (`setpriv`) is sent when
the *thread* that forked ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress

import trio

from swarmkit.instance import open_instance

KEPT_LINES, KEPT_LINE = 40, 500
"""How many of the last lines of the standard error are kept, and how many characters of each."""

TERM_SECONDS = 2.0
"""How long a process may take to end when it is told to; then it is killed."""


class LastLines:
    """The last lines of a stream of bytes."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._rest = b""
        self.refusals = 0  # lines that say that a channel could not be opened

    def feed(self, data: bytes) -> None:
        """Take in what was read."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:KEPT_LINE]
        for line in lines:
            self._add(line)

    def _add(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip("\r")[:KEPT_LINE]
        self.refusals += text.startswith("channel ") and ": open failed: " in text
        self._lines.append(text)

    def all(self) -> list[str]:
        """Return the lines, the last one even if it is not ended."""
        rest = [self._rest.decode("utf-8", "replace")] if self._rest else []
        return [*self._lines, *rest]


class Child:
    """A running process. `exited` is set once it has ended; `status` is then as `subprocess` has it.

    It ends its own descriptors, but for the standard error's and `pidfd`, which names the process even where its number
    may have been given to another.
    """

    def __init__(self, process: subprocess.Popen[bytes], pidfd: int, stdin: int, stdout: int, stderr: int) -> None:
        self._process = process
        self._pidfd = pidfd
        self.stdin = trio.lowlevel.FdStream(stdin)
        self.stdout = trio.lowlevel.FdStream(stdout)
        self._stderr = stderr
        os.set_blocking(stderr, False)
        self._listening = True
        self._words = LastLines()
        self.exited = trio.Event()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    @property
    def words(self) -> list[str]:
        """The last lines of its standard error, up to this moment."""
        self._drain()
        return self._words.all()

    @property
    def refusals(self) -> int:
        """How many channels ssh has said that it could not open, up to this moment."""
        self._drain()
        return self._words.refusals

    def _drain(self) -> bool:
        """Read what there is of the standard error; return whether more may come."""
        try:
            while self._listening and (data := os.read(self._stderr, 65536)):
                self._words.feed(data)
        except BlockingIOError:
            return True
        return False

    async def listen(self) -> None:
        """Keep reading the standard error: what nobody reads would block the process some day."""
        while self._drain():
            await trio.lowlevel.wait_readable(self._stderr)

    async def reap(self) -> None:
        """Wait until it has ended, and then end what it has started: a jump host's ssh. Cancelled or not: see `end`."""
        with trio.CancelScope(shield=True):
            await trio.lowlevel.wait_readable(self._pidfd)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)  # as long as it is not waited for, its number is nobody else's
        self._process.wait()  # at once
        self.exited.set()

    async def end(self) -> None:
        """End it and wait until it has ended; where it does not listen, kill it."""
        await self.stdin.aclose()
        self._signal(signal.SIGTERM)
        with trio.move_on_after(TERM_SECONDS):
            await self.exited.wait()
        self._signal(signal.SIGKILL)
        await self.exited.wait()
        await self.stdout.aclose()
        self._drain()
        self._listening = False  # from now on the descriptor is closed, and its number somebody else's

    def _signal(self, number: int) -> None:
        if not self.exited.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)


@asynccontextmanager
async def open_child(words: Sequence[str]) -> AsyncIterator[Child]:
    """Start a process, and end it with the block. Raises OSError where it cannot be started.

    Starting takes a millisecond or two, in which nothing else runs.
    """
    with ExitStack() as stack:
        child = _start(words, stack)
        async with open_instance() as nursery:
            nursery.start_soon(child.reap)
            nursery.start_soon(child.listen)
            try:
                yield child
            finally:
                with trio.CancelScope(shield=True):
                    await child.end()


def _start(words: Sequence[str], stack: ExitStack) -> Child:
    """Start a process; `stack` gets what is to be closed once it has ended."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words,
        bufsize=0,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
        start_new_session=True,  # no terminal to ask at, and no Ctrl-C from one
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    stack.enter_context(process.stderr)
    try:
        # trio's streams own their descriptors, and so do Popen's files: each has one of its own.
        with process.stdin, process.stdout, ExitStack() as half:
            pidfd = os.pidfd_open(process.pid)
            half.callback(os.close, pidfd)
            stdin = os.dup(process.stdin.fileno())
            half.callback(os.close, stdin)
            stdout = os.dup(process.stdout.fileno())
            half.pop_all()
    except OSError:  # too many open files
        process.kill()
        process.wait()
        raise
    stack.callback(os.close, pidfd)
    return Child(process, pidfd, stdin, stdout, process.stderr.fileno())
