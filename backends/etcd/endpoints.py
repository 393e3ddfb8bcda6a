"""The endpoints of one etcd: connections to each, kept for the next request, and the order in which they are tried."""

from __future__ import annotations

import select
from collections.abc import Iterable

import trio

from swarmkit.http import Connection
from swarmkit.transport import Dialer, TlsDialer, TlsStream, dialling_reason

from .failures import unreachable

DIAL_DEADLINE = 2.0
"""Seconds that reaching an endpoint may take, TLS included."""

IDLE_CONNECTIONS = 4
"""Connections to an endpoint that are kept open for the next request."""


class Endpoint:
    """One endpoint. `where` is its URL, `host` what HTTP calls it."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._idle: list[Connection] = []
        self._closed = False
        scheme = "https" if isinstance(dialer, TlsDialer) else "http"
        self.host = dialer.address.removeprefix("tcp://")
        self.where = f"{scheme}://{self.host}"

    async def connect(self) -> Connection:
        """Return a connection on which nothing is going on; raise `Unavailable` where there is none to be had.

        One that was used before has been looked at: what the endpoint has closed meanwhile is not taken, so that a
        request is rarely sent to where nobody reads.
        """
        while self._idle:
            connection = self._idle.pop()
            if _is_quiet(connection):
                return connection
            await connection.aclose()
        return await self.dial()

    async def dial(self) -> Connection:
        """Open a new connection; raise `Unavailable` where the endpoint cannot be reached."""
        try:
            with trio.fail_after(DIAL_DEADLINE):
                return Connection(await self._dialer())
        except trio.TooSlowError as error:
            raise unreachable(self.where, f"no connection in {DIAL_DEADLINE:g} s") from error
        except OSError as error:
            raise unreachable(self.where, dialling_reason(error, self._dialer.address)) from error

    async def keep(self, connection: Connection) -> None:
        """Keep a connection whose exchange is complete, if there is room; else close it."""
        if len(self._idle) < IDLE_CONNECTIONS and not self._closed:
            self._idle.append(connection)
        else:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close the connections that are not in use, and keep none from now on."""
        self._closed = True
        while self._idle:
            await self._idle.pop().aclose()


class Endpoints:
    """All of them, the one that has answered last in front: who fails goes to the end, and is asked if all others do.

    There is no time after which it comes back: it is no better than the one that answers.
    """

    def __init__(self, dialers: Iterable[Dialer]) -> None:
        self._order = [Endpoint(dialer) for dialer in dialers]

    @property
    def order(self) -> tuple[Endpoint, ...]:
        """The endpoints in the order in which they are to be tried."""
        return tuple(self._order)

    def failed(self, endpoint: Endpoint) -> None:
        """Take note that an endpoint gave no answer."""
        self._order.remove(endpoint)
        self._order.append(endpoint)

    async def aclose(self) -> None:
        """Close the connections that are not in use, and keep none from now on."""
        for endpoint in self._order:
            await endpoint.aclose()


def _is_quiet(connection: Connection) -> bool:
    """Tell whether nothing has come on a connection since its last answer: no end, nor what nobody asked for.

    What is no socket in the end cannot be looked at, and is not trusted.
    """
    stream = connection.stream
    stream = stream.transport if isinstance(stream, TlsStream) else stream
    if not isinstance(stream, trio.SocketStream):
        return False
    poll = select.poll()
    poll.register(stream.socket.fileno(), select.POLLIN)
    return not poll.poll(0)
