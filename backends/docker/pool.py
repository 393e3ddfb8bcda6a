"""The connections to one engine: dialled, kept for the next request for a while, and closed in every case."""

from __future__ import annotations

import trio
from attrs import frozen

from swarmkit.errors import Unavailable
from swarmkit.http import Connection
from swarmkit.transport import Dialer, dialling_reason

from .failures import unreachable
from .health import Health
from .traffic import CROWDED

DIAL_DEADLINE = 5.0
"""Seconds that reaching the engine may take, where nothing else comes of it meanwhile."""

ROOM_SECONDS, ROOM_PAUSE = 4.0, 0.05
"""How long a transport without room for one more connection is tried, and the pause between two attempts."""

IDLE_CONNECTIONS = 4
"""Connections kept open for the next request."""

IDLE_SECONDS = 5.0
"""How long an unused connection is kept; it is closed with the first ping after that."""


@frozen(eq=False)
class _Idle:
    connection: Connection
    since: float


class ConnectionPool:
    """Dial an engine, and own what was dialled until it is closed. Connections that are let go close in `nursery`.

    `host` is how the engine is called in errors.
    """

    def __init__(self, dialer: Dialer, nursery: trio.Nursery, health: Health, host: str) -> None:
        self.dialer = dialer
        self._nursery = nursery
        self._health = health
        self._host = host
        self._idle: list[_Idle] = []  # the one that has waited longest first
        self._open: set[Connection] = set()
        self._closed = False

    @property
    def open(self) -> int:
        """How many connections there are, used or idle."""
        return len(self._open)

    async def dial(self, *, pings: bool = False) -> Connection:
        """Open a new connection, which `pings` or carries what counts as traffic.

        Raises `Unavailable` where the engine cannot be reached.
        """
        traffic = self._health.traffic
        try:
            stream = await traffic.patiently(DIAL_DEADLINE, self._dial, most=CROWDED)
        except trio.TooSlowError as error:
            self._health.suspect()
            raise self._unreachable(f"no connection in {DIAL_DEADLINE:g} s") from error
        except OSError as error:
            if not isinstance(error, BlockingIOError):  # else it is there, and a ping would have no room, either
                self._health.suspect()
            raise self._unreachable(dialling_reason(error, self.dialer.address)) from error
        connection = Connection(stream if pings else traffic.watched(stream))
        if self._closed:
            await connection.aclose()
            raise Unavailable(f"host {self._host} is closed: what opened it has ended", host=self._host)
        self._open.add(connection)
        return connection

    async def _dial(self) -> trio.abc.HalfCloseableStream:
        """Dial; while the transport has no room, make some of what is unused and try again."""
        deadline = trio.current_time() + ROOM_SECONDS
        while True:
            try:
                return await self.dialer()
            except BlockingIOError:
                if trio.current_time() >= deadline:
                    raise
            self.drop_idle(after=0)
            await trio.sleep(ROOM_PAUSE)

    def _unreachable(self, reason: str) -> Unavailable:
        return unreachable(self._host, self.dialer.address, reason)

    def take_idle(self) -> Connection | None:
        """Return a connection that has been used before, if one is there; the engine may have closed it."""
        self.drop_idle()
        return self._idle.pop().connection if self._idle else None

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose exchange is complete for the next one, if there is room and the engine answers."""
        if self._closed or not self._health.healthy:
            self.discard(connection)
            return
        self._idle.append(_Idle(connection, trio.current_time()))
        if len(self._idle) > IDLE_CONNECTIONS:
            self.discard(self._idle.pop(0).connection)

    def drop_idle(self, after: float = IDLE_SECONDS) -> None:
        """Let go of the connections that have been unused for `after` seconds."""
        while self._idle and trio.current_time() - self._idle[0].since >= after:
            self.discard(self._idle.pop(0).connection)

    def discard(self, connection: Connection) -> None:
        """Let go of a connection; it is closed meanwhile."""
        if connection in self._open:
            self._open.discard(connection)
            if not self._closed:  # else `aclose` is at it, and the nursery may be over
                self._nursery.start_soon(connection.aclose)

    async def end(self, connection: Connection) -> None:
        """Close a connection now, even where the caller is being cancelled."""
        self._open.discard(connection)
        with trio.CancelScope(shield=True):
            await connection.aclose()

    async def aclose(self) -> None:
        """End every connection; what reads from one then meets `Unavailable`, and nothing can be dialled any more."""
        self._closed = True
        for connection in list(self._open):
            await connection.aclose()
        self._open.clear()
        self._idle.clear()
