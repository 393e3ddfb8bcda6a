"""Where forwarding is forbidden: a session for each stream, in which a command of the host stands in for the socket.

It is the same connection, with a channel of another kind. Hosts allow few sessions at once (ten, if nobody has changed
`MaxSessions`), so there is a limit, and who comes too late waits a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import trio

from .address import SshAddress
from .child import Child, open_child
from .probe import MARK, MAX_NOISE
from .reasons import SSH_FAILED, failure_of
from .settings import Wanted

MAX_SESSIONS = 8
"""Sessions at once: sshd allows ten, and one is the probe's."""

WAIT_SECONDS = 0.5
"""How long a dialler waits for a session that somebody else has, before it is told to make room itself."""

OPEN_SECONDS = 1.0
"""How long an account without a shell has to refuse a session. One that may run one command only says nothing."""

_MARK_LINE = f"{MARK}\n".encode()

NO_COMMAND = 127
"""The exit status with which a shell says that there is no such command."""


def relay_script(wanted: Wanted) -> str:
    """Return the program that becomes the first of the relays that there is on the host, and says so before."""
    relays = [relay.format(socket=wanted.default) for relay in wanted.relays]
    tries = [f"command -v {words.split()[0]} >/dev/null && {{ echo {MARK}; exec {words}; }}" for words in relays]
    return "; ".join([*tries, f"exit {NO_COMMAND}"])


class NoSession(Exception):
    """The host opens no session, though no stream has one."""


class NoRoom(BlockingIOError):
    """All sessions that the host allows are in use: no failure of the host."""


class SessionStream(trio.abc.HalfCloseableStream):
    """The two pipes of a session as a stream; its end counts as one where the command has ended well."""

    def __init__(self, child: Child, address: SshAddress, *, shell: bool) -> None:
        self._child = child
        self._address = address
        self._shell = shell
        self._begun = False
        self._read = b""  # and not yet given on
        self.closed = trio.Event()

    async def begin(self) -> None:
        """Wait until the session has begun; raise OSError where it does not, and `NoSession` where it may not."""
        with trio.move_on_after(math.inf if self._shell else OPEN_SECONDS):
            if not await self._begin():
                raise self._refusal()

    async def _begin(self) -> bool:
        """Read up to our mark and forget it; return False where the session ends before.

        Without a shell there need not be one, and nothing comes before it.
        """
        while not self._begun:
            data = await self._child.stdout.receive_some()
            if not data:
                await self._child.exited.wait()
                return False
            self._read += data
            before, mark, after = self._read.partition(_MARK_LINE)
            if mark and (self._shell or not before):
                self._read, self._begun = after, True
            elif not self._shell:
                self._begun = not _MARK_LINE.startswith(self._read)
            elif len(self._read) > MAX_NOISE:
                raise OSError(f"the account's start-up files on {self._address.host} write without end")
        return True

    def _refusal(self) -> Exception:
        words = self._child.words
        if any(line.startswith("mux_client_request_session: session request failed") for line in words):
            return NoSession()
        if self._child.status == NO_COMMAND:
            return OSError(f"{self._address.host} has no command that could stand in for it")
        return OSError(self._why())

    def _why(self) -> str:
        child, host = self._child, self._address.host
        if child.status == SSH_FAILED:
            return f"the ssh session on {host} ended: {failure_of(child.words, child.status, self._address).reason}"
        said = next((line.strip() for line in reversed(child.words) if line.strip()), "it said nothing")
        return f"the command that stands in for the socket on {host} ended with status {child.status}: {said}"

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes; `b""` once the command has ended well. Raises trio.BrokenResourceError, with a reason."""
        if not self._begun:
            await self._begin()
        if self._read:
            await trio.lowlevel.checkpoint()
            size = max_bytes or len(self._read)
            data, self._read = self._read[:size], self._read[size:]
            return data
        data = bytes(await self._child.stdout.receive_some(max_bytes))
        if not data:
            await self._child.exited.wait()
            if self._child.status:
                raise trio.BrokenResourceError(self._why())
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; raise trio.BrokenResourceError where the session has ended, with the reason if it has one."""
        try:
            await self._child.stdin.send_all(data)
        except trio.BrokenResourceError:
            await self._child.exited.wait()
            if self._child.status:
                raise trio.BrokenResourceError(self._why()) from None
            raise

    async def wait_send_all_might_not_block(self) -> None:
        await self._child.stdin.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._child.stdin.aclose()

    async def aclose(self) -> None:
        """Have the session ended; `Sessions` waits for it."""
        self.closed.set()
        await self._child.stdin.aclose()
        await self._child.stdout.aclose()


class Sessions:
    """Open sessions, in `nursery`, with a command line that ends in `relay_script`, if there is a `shell` to run it."""

    def __init__(self, words: Sequence[str], address: SshAddress, nursery: trio.Nursery, *, shell: bool) -> None:
        self._words = words
        self._address = address
        self._nursery = nursery
        self._shell = shell
        self._limit = trio.CapacityLimiter(MAX_SESSIONS)

    async def dial(self) -> SessionStream:
        """Return a stream in a session of its own.

        Raises OSError where there is none to be had (`NoRoom` where others have them all), and `NoSession` where the
        host opens not a single one.
        """
        token = object()
        while True:
            await self._wait_for_room(token)
            try:
                stream: SessionStream = await self._nursery.start(self._run, token)
            except NoSession:
                others = int(self._limit.borrowed_tokens)
                if not others:
                    raise
                self._limit.total_tokens = min(self._limit.total_tokens, others)
            else:
                return stream

    async def _wait_for_room(self, token: object) -> None:
        with trio.move_on_after(WAIT_SECONDS) as waiting:
            await self._limit.acquire_on_behalf_of(token)
        if waiting.cancelled_caught:
            count = int(self._limit.total_tokens)
            raise NoRoom(
                f"all {count} sessions that {self._address.host} allows are in use: its sshd forbids forwarding "
                f"(AllowStreamLocalForwarding), so each stream needs one"
            )

    async def _run(
        self, token: object, *, task_status: trio.TaskStatus[SessionStream] = trio.TASK_STATUS_IGNORED
    ) -> None:
        try:
            async with open_child(self._words) as child:
                stream = SessionStream(child, self._address, shell=self._shell)
                await stream.begin()
                task_status.started(stream)
                await stream.closed.wait()
        finally:
            self._limit.release_on_behalf_of(token)
