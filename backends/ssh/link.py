"""One ssh connection that is up: how streams are made over it, and why they, or it, have ended."""

from __future__ import annotations

from functools import partial

import trio

from swarmkit.transport import UnixDialer

from .child import Child
from .forwarding import ForwardedStream, ends_within
from .probe import Answer, Probe
from .reasons import failure_of
from .sessions import NoRoom, NoSession, Sessions
from .settings import Settings

GRACE_SECONDS = 0.1
"""How long, without a probe, ssh may take to end after a stream of it has."""

EXIT_SECONDS = 1.0
"""How long ssh may take to end, and to say why, once its session has."""

PROBED_TRIAL, BLIND_TRIAL = 0.02, 1.0
"""How long the first forwarded connection must hold to be one: after the probe's answer, and without a probe."""


class Link:
    """A connection that is up. `over` is set once it is lost, or given up for a better one."""

    def __init__(self, settings: Settings, child: Child, local: str, probe: Probe | None, sessions: Sessions) -> None:
        self.over = trio.Event()
        self.given_up: str | None = None  # why, where it is over and not lost
        self.needs_session = False  # whether that is as its own session must be spared
        self.ip: str | None = None
        self.settings = settings
        self._child = child
        self._dial = UnixDialer(local)
        self._probe = probe
        self._sessions = sessions
        self._forwards = False  # whether a forwarded connection has ever held

    @property
    def _host(self) -> str:
        return self.settings.host

    # -- dialling ---------------------------------------------------------------------------------------------------

    async def dial(self) -> trio.abc.HalfCloseableStream:
        """Return a new stream; raise OSError, with the reason, where there is none to be had."""
        refusals = self._child.refusals
        try:
            stream = await self._dial()
        except OSError as error:
            raise OSError(await self.why_lost()) from error
        try:
            if not self._forwards:
                self._forwards = await self._holds(stream) and self._child.refusals == refusals
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        if self._forwards:
            return ForwardedStream(stream, partial(self._why_ended, refusals))
        await trio.aclose_forcefully(stream)
        return await self._relayed()

    async def _holds(self, stream: trio.SocketStream) -> bool:
        """Tell whether the host has taken a forwarded connection: ssh has, before it asks the host."""
        if self._probe is None:
            return not await ends_within(stream, BLIND_TRIAL)
        answer = await self._probe.ask()
        if answer is None:
            raise OSError(await self.why_lost())
        if problem := self._problem(answer):
            raise OSError(problem)
        return not await ends_within(stream, PROBED_TRIAL)

    async def _relayed(self) -> trio.abc.HalfCloseableStream:
        """Return a stream in a session: there is a socket, as far as we know, and no connection to it."""
        refused = f"{self._host} gives no connection to {self.settings.wanted.default}"
        why = "nothing listens there, or its sshd forbids forwarding (AllowStreamLocalForwarding)"
        try:
            return await self._sessions.dial()
        except NoSession as error:
            if self._probe is None:
                raise OSError(f"{refused}: {why}; and it opens no session (MaxSessions)") from error
            self.needs_session = True
            self.give_up("it allows one session only, which is needed")
            raise OSError(f"{refused}: {why}; and {self.given_up}") from error
        except NoRoom:
            raise
        except OSError as error:
            raise OSError(f"{refused}: {why}; and {error}") from error

    # -- ends ---------------------------------------------------------------------------------------------------------

    async def _why_ended(self, refusals: int, received: bool) -> str | None:
        """Say why a stream has ended; None where its peer has ended it. `refusals` is their number as it began."""
        answer = None
        if self._probe is not None:
            answer = await self._probe.ask()
        else:
            with trio.move_on_after(GRACE_SECONDS):
                await self._child.exited.wait()
        if self.over.is_set() or self._child.exited.is_set() or (self._probe is not None and answer is None):
            return await self.why_lost()
        if received:
            return None
        if answer is not None and (problem := self._problem(answer)):
            return problem
        if self._child.refusals == refusals:
            return None
        unknown = "" if answer is not None else ", or it is missing, or not allowed"
        socket = self.settings.wanted.default
        return f"{self._host} gives no connection to {socket}: nothing listens there{unknown}; is the engine running?"

    def _problem(self, answer: Answer) -> str | None:
        """Say what hinders the socket; where another has been found since, have the connection made again for it."""
        if answer.socket != self.settings.wanted.default:
            self.give_up(f"it is made again for {answer.socket}, which has just been found")
            return f"the ssh connection to {self._host} is not ready: {self.given_up}"
        return answer.problem(self._host, named=not self.settings.wanted.candidates)

    def give_up(self, why: str) -> None:
        """Have the connection closed, unless it is over already."""
        if not self.over.is_set():
            self.given_up = why
            self.over.set()

    async def why_lost(self) -> str:
        """Say why the connection is over."""
        if self.given_up is not None:
            return f"the ssh connection to {self._host} was closed: {self.given_up}"
        with trio.move_on_after(EXIT_SECONDS):
            await self._child.exited.wait()
        if self._child.exited.is_set():
            why = failure_of(self._child.words, self._child.status, self.settings.address).reason
        else:
            why = "the session that holds it has ended there"
        return f"the ssh connection to {self._host} was lost: {why}"

    async def watch(self) -> None:
        """Wait until the connection is lost, and tell."""
        async with trio.open_nursery() as nursery:
            for end in [self._child.exited, *([] if self._probe is None else [self._probe.ended])]:
                nursery.start_soon(self._tell, end)

    async def _tell(self, end: trio.Event) -> None:
        await end.wait()
        self.over.set()
