"""The engine client: Engine API requests, each of which is answered, known not to have been done, or unknown.

It decides which connection a request takes, when it is asked again and when it is given up. Connections are in `pool`,
uploads in `upload`, and what a failure means in `failures`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import trio

from swarmkit.errors import Internal, Invalid, SwarmError, Unavailable, host_down
from swarmkit.http import Connection, Headers, Reply
from swarmkit.http.client import reusable
from swarmkit.streams import read_whole
from swarmkit.transport import Dialer

from .failures import broken_off, engine_error, no_answer
from .health import Health
from .pool import ConnectionPool
from .request import EngineRequest, VersionRange, bridge, request_head
from .upload import Upload

T = TypeVar("T")

MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes of a JSON document at most (a list of 10,000 containers is some 20 MB)."""


class EngineClient:
    """Speak to one engine. Uploads run in `nursery`; `close` ends every connection.

    `where` is how the engine is called in errors. `versions` are the engine's own, once they are known.
    """

    def __init__(self, dialer: Dialer, nursery: trio.Nursery, health: Health, where: str) -> None:
        self.where = where
        self.health = health
        self.versions = VersionRange()
        self.pool = ConnectionPool(dialer, nursery, health, where)
        self._nursery = nursery
        self._waiting: set[trio.CancelScope] = set()
        health.when_lost(self._fail_waiting)

    @property
    def address(self) -> str:
        """Where the engine is dialled."""
        return self.pool.dialer.address

    async def close(self) -> None:
        """End every connection; what reads from one then meets `Unavailable`."""
        await self.pool.aclose()

    # -- exchanges ------------------------------------------------------------------------------------------------

    async def exchange(self, request: EngineRequest) -> Reply:
        """Send a request and return its reply, whose body the caller closes.

        Raises `Unavailable` where it was not sent, or is safe and got no answer; `Timeout` where it may have been done.
        The upload is closed in every case.
        """
        try:
            await self.health.settled.wait()
            request = bridge(request, self.versions, self.where)
            while True:
                connection, used = await self._until_lost(lambda: self._connection(request), self._down)
                try:
                    return await self._attempt(connection, request)
                except Unavailable:
                    # An idle connection that the engine had closed: asking again is safe for what changes nothing.
                    if not (used and request.safe):
                        raise
        except BaseException:
            if request.upload is not None:
                with trio.CancelScope(shield=True):
                    await request.upload.aclose()
            raise

    async def _connection(self, request: EngineRequest) -> tuple[Connection, bool]:
        """Return a connection and whether it has been used before; what may change something gets a new one."""
        reuses = request.safe and request.upload is None and not request.raw
        idle = self.pool.take_idle() if reuses else None
        return (idle, True) if idle is not None else (await self.pool.dial(), False)

    async def _attempt(self, connection: Connection, request: EngineRequest) -> Reply:
        upload = Upload(connection, request)
        answered = False
        try:
            if not self.health.healthy:
                raise self._down()  # it was lost while we dialled, and nothing has been sent
            reply = await self._until_lost(
                lambda: self._send_and_receive(connection, request, upload), lambda: self._lost(request)
            )
            answered = True
            return reply
        finally:
            if not answered:
                upload.cancel()
                await self.pool.end(connection)

    async def _send_and_receive(self, connection: Connection, request: EngineRequest, upload: Upload) -> Reply:
        head = request_head(request, self.versions)
        reply: Reply | None = None

        def closed(finished: bool) -> None:
            upload.cancel()
            if finished and reply is not None and reusable(reply) and upload.finished:
                self.pool.keep(connection)
            else:
                self.pool.discard(connection)

        def explain(error: SwarmError) -> SwarmError:
            self.health.suspect()
            return broken_off(self.where, request, error.reason)

        try:
            await connection.send(head, request.body)
            if request.upload is not None and not request.raw:
                self._nursery.start_soon(upload.run)
            reply = await connection.receive(request.method, raw=request.raw, when_closed=closed, explain=explain)
            if reply is None:
                raise Unavailable("the engine closed the connection")
        except (Unavailable, Invalid) as error:
            self.health.suspect()
            raise no_answer(self.where, request, upload.why(error)) from error
        if request.upload is not None and request.raw:
            self._nursery.start_soon(upload.run if reply.raw else upload.drop)
        return reply

    # -- an engine that is lost -----------------------------------------------------------------------------------

    async def _until_lost(self, step: Callable[[], Awaitable[T]], lost: Callable[[], SwarmError]) -> T:
        """Take one step; where the engine is or turns unhealthy give it up at once, and raise what `lost` makes."""
        with trio.CancelScope() as scope:
            if not self.health.healthy:
                scope.cancel()
            self._waiting.add(scope)
            try:
                return await step()
            finally:
                self._waiting.discard(scope)
        raise lost()

    def _fail_waiting(self, reason: str) -> None:
        """Give up what waits for an answer: the engine has been found to give none."""
        for scope in self._waiting:
            scope.cancel()
        self.pool.drop_idle(after=0)

    def _down(self) -> Unavailable:
        return host_down(self.where, self.health.reason)

    def _lost(self, request: EngineRequest) -> SwarmError:
        return no_answer(self.where, request, self.health.reason)

    # -- documents ------------------------------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> tuple[int, bytes]:
        """Send a request with a JSON body and return status and body; raise the error that the engine answers."""
        headers = Headers((("Content-Type", "application/json"),)) if body is not None else Headers()
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body).encode() if body is not None else b""
        request = EngineRequest(method=method, target=target, headers=headers, body=data)
        reply = await self.exchange(request)
        # A document is an answer only when it is whole: its reading is given up with the engine, too.
        whole = await self._until_lost(lambda: self.whole(reply), lambda: self._lost(request))
        return reply.head.status, whole

    async def whole(self, reply: Reply) -> bytes:
        """Read a reply's body to its end; raise the error that it is, if it is one."""
        try:
            data = await read_whole(reply.body, MAX_DOCUMENT)
        except Invalid as error:
            raise Internal(f"host {self.where} does not end its answer: {error.reason}", host=self.where) from error
        if reply.head.status >= 400:
            raise engine_error(reply.head.status, data, self.where)
        return data

    async def get_json(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Fetch a JSON document."""
        _, data = await self.call("GET", path, query)
        try:
            return json.loads(data)
        except ValueError as error:
            raise Internal(f"host {self.where} answered {path} with what is not JSON: {data[:80]!r}") from error
