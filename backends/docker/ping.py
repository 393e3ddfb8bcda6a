"""The ping: the one request that tells whether an engine answers, on a connection of its own."""

from __future__ import annotations

from contextlib import suppress

from swarmkit.errors import Unavailable
from swarmkit.http import Connection, Headers, Reply, RequestHead
from swarmkit.http.client import reusable
from swarmkit.streams import read_whole

from .pool import ConnectionPool

_PING = RequestHead("GET", "/_ping", Headers((("Host", "docker"),)))


class Pinger:
    """Ask for `/_ping`, on a connection that is kept between the pings: to make one costs more than to ask."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._kept: Connection | None = None

    async def ping(self, anew: bool) -> tuple[Reply, bytes]:
        """Return the answer and its body, `anew` to ask on a new connection; raise `Unavailable` where there is none.

        Where the kept connection has ended since the last ping (the engine was restarted), a new one tells.
        """
        kept, self._kept = self._kept, None
        if kept is not None and anew:
            await self._pool.end(kept)
        elif kept is not None:
            with suppress(Unavailable):
                return await self._ask(kept)
        return await self._ask(await self._pool.dial(pings=True))

    async def _ask(self, connection: Connection) -> tuple[Reply, bytes]:
        keeps = False
        try:
            await connection.send(_PING)
            reply = await connection.receive("GET")
            if reply is None:
                raise Unavailable("it closed the connection without an answer")
            body = await read_whole(reply.body)
            keeps = reusable(reply)
        finally:
            if not keeps:
                await self._pool.end(connection)
        self._kept = connection
        return reply, body
