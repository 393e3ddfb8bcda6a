"""The tunnel: an ssh connection that is made again whenever it is lost, and the dialer over it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from swarmkit.backoff import Backoff
from swarmkit.instance import open_instance

from .connecting import NoShell, Unconnected, open_link
from .link import Link
from .reasons import Failure
from .settings import Settings

log = logging.getLogger(__name__)

DIAL_SECONDS = 1.5
"""How long dialling waits for a connection that is being made; a ping has two seconds in all."""

RETRY_FIRST, RETRY_LAST = 1.0, 30.0
"""Seconds before a lost connection is made again: the first wait, and the longest."""


@frozen
class SshTunnel:
    """Reach a Unix socket of a host through the system's ssh; it knows nothing of what is spoken there."""

    settings: Settings

    @property
    def address(self) -> str:
        return self.settings.address.url

    @asynccontextmanager
    async def open(self, name: str, came_up: Callable[[], None]) -> AsyncIterator[SshDialer]:
        """Begin to connect, keep the connection for the length of the block, and make it again where it is lost."""
        async with open_instance() as nursery:
            dialer = SshDialer(self.settings, name, came_up, nursery)
            nursery.start_soon(dialer.keep_up)
            yield dialer


class SshDialer:
    """Dial over the connection that there is. Up, connecting, or down: with a reason, and until a certain time."""

    def __init__(self, settings: Settings, name: str, came_up: Callable[[], None], nursery: trio.Nursery) -> None:
        self.address = settings.address.url
        self.ip: str | None = None
        self._settings = settings
        self._name = name
        self._came_up = came_up
        self._nursery = nursery
        self._link: Link | None = None
        self._reason = ""  # of the last failure; none since it was up, or at all
        self._again_at: float | None = None  # while down
        self._since = trio.current_time()
        self._changed = trio.Event()
        self._spares_session = False

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        """Return a new stream; raise OSError, with the reason, where there is none to be had."""
        with trio.move_on_after(DIAL_SECONDS):
            while self._link is None and self._again_at is None:
                await self._changed.wait()
        if self._link is None:
            raise OSError(self._why_not())
        return await self._link.dial()

    def _why_not(self) -> str:
        now = trio.current_time()
        if self._again_at is not None:
            return f"{self._reason}; tried again in {max(0, self._again_at - now):.0f} s"
        if self._reason:
            return f"{self._reason}; being tried again"
        return f"ssh is still connecting ({now - self._since:.0f} s)"

    # -- keeping it up ------------------------------------------------------------------------------------------------

    async def keep_up(self) -> None:
        """Connect, again and again."""
        backoff = Backoff(RETRY_FIRST, RETRY_LAST)
        while True:
            self._mark_connecting()
            failure, lasted = await self._attempt()
            if failure is not None:  # else it has been given up for a better one
                pause = backoff.wait(lasted=lasted, settled=failure.settled)
                self._mark_down(failure.reason, pause)
                await trio.sleep(pause)

    async def _attempt(self) -> tuple[Failure | None, float]:
        """Connect and hold the connection; return why it is over, if that is a failure, and how long it was up."""
        try:
            try:
                return await self._hold(shell=not self._spares_session)
            except NoShell:
                return await self._hold(shell=False)
        except Unconnected as error:
            return error.failure, 0.0
        except NoShell:
            return Failure("ssh connected and ended without a word", settled=True), 0.0
        except OSError as error:
            return Failure(f"ssh cannot be started here: {error.strerror or error}"), 0.0

    async def _hold(self, *, shell: bool) -> tuple[Failure | None, float]:
        async with open_link(self._settings, self._nursery, shell=shell) as link:
            self._mark_up(link)
            began = trio.current_time()
            try:
                await link.over.wait()
            finally:
                self._link = None
            if link.given_up is not None:
                self._spares_session = self._spares_session or link.needs_session
                return None, 0.0
            return Failure(await link.why_lost()), trio.current_time() - began

    def _mark_connecting(self) -> None:
        self._again_at = None
        self._since = trio.current_time()

    def _mark_up(self, link: Link) -> None:
        log.info("%s: ssh is connected", self._name)
        self._link, self._settings, self.ip = link, link.settings, link.ip or self.ip
        self._reason = ""
        self._wake()
        self._came_up()

    def _mark_down(self, reason: str, pause: float) -> None:
        if reason != self._reason:  # else it has been said
            log.warning("%s: %s", self._name, reason)
        self._reason, self._again_at = reason, trio.current_time() + pause
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
