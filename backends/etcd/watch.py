"""A watch: one long POST, on a connection of its own, that is answered with a line of JSON for each change.

How it may end is here, and always the same for who reads it: an error, after which all is to be listed again. What
finds out that it is silent though it should not be is in `following`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from swarmkit.errors import Invalid, SwarmError, Unavailable
from swarmkit.http import Connection, Reply
from swarmkit.streams import CHUNK, read_whole

from .client import EtcdClient
from .endpoints import Endpoint
from .exchange import ANSWER_DEADLINE, answering, object_of, receive_head, send, understanding
from .failures import Request, TokenRefused, refused, unanswered, watch_canceled
from .messages import Change, changes_of, range_of

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line at most. etcd takes transactions of some 1.5 MB, and joins those that a watch is behind with."""


class Watch:
    """Changes as they come. `endpoint` is where it is had from."""

    def __init__(self, endpoint: Endpoint, request: Request, reply: Reply) -> None:
        self.endpoint = endpoint
        self._request = request
        self._reply = reply
        self._buffer = bytearray()
        self._scope = trio.CancelScope()
        self._reason: SwarmError | None = None

    def give_up(self, reason: SwarmError) -> None:
        """Have it end with an error: it has been found not to be what it should be."""
        self._reason = self._reason or reason
        self._scope.cancel()

    async def receive(self) -> tuple[Change, ...]:
        """Wait for the next changes; raise an error where there will be none: list again, and watch anew."""
        if self._reason is None:
            with trio.CancelScope() as self._scope:
                return await self._receive()
        assert self._reason is not None
        raise self._reason

    async def _receive(self) -> tuple[Change, ...]:
        """Read a line. One that says `canceled` is the last that ever comes, though the body does not end with it."""
        said = object_of(self.endpoint, self._request, await self._line())
        with understanding(self.endpoint, self._request, said):
            result = said["result"]
            changes = changes_of(result)
            canceled, reason = bool(result.get("canceled")), str(result.get("cancel_reason", "it was compacted"))
        if canceled:
            raise watch_canceled(self.endpoint.where, reason)
        return changes

    async def _line(self) -> bytes:
        """Return the next line; what cuts it short is an error, and so is the end, well made or not."""
        searched = 0
        with answering(self.endpoint, self._request):
            while (end := self._buffer.find(b"\n", searched)) < 0:
                searched = len(self._buffer)
                data = await self._reply.body.receive_some(CHUNK)
                self._buffer += data
                if not data:
                    raise Unavailable("it has ended the watch")
                if len(self._buffer) > MAX_LINE:
                    raise Invalid(f"a line of more than {MAX_LINE} bytes")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


@asynccontextmanager
async def open_watch(client: EtcdClient, key: str, end: str, revision: int) -> AsyncIterator[Watch]:
    """Watch the keys from `key` up to, but without, `end`, from a revision on, at the endpoint that is asked first.

    It begins where etcd has said that it does. Raises `Unavailable` where that is not so in time, and as the client
    does where we may not.
    """
    endpoint = client.endpoints.order[0]
    create = {**range_of(key, end), "start_revision": str(revision)}
    request = Request("/v3/watch", {"create_request": create}, repeats=True)
    token = await client.token(endpoint)
    connection = await endpoint.dial()
    try:
        watch = await _begin(connection, endpoint, request, token)
        yield watch
    except TokenRefused:
        client.refuse(token)
        raise
    except Unavailable:
        client.endpoints.failed(endpoint)
        raise
    finally:
        with trio.CancelScope(shield=True):
            await connection.aclose()


async def _begin(connection: Connection, endpoint: Endpoint, request: Request, token: str) -> Watch:
    """Ask for a watch, and wait until its first line, which changes nothing, says that there is one."""
    with answering(endpoint, request), trio.fail_after(ANSWER_DEADLINE):
        await send(connection, endpoint, request, token)
        reply = await receive_head(connection)
        body = b"" if reply.head.status == 200 else await read_whole(reply.body)
    if reply.head.status != 200:
        raise refused(request, endpoint.where, reply.head.status, body)
    watch = Watch(endpoint, request, reply)
    with trio.move_on_after(ANSWER_DEADLINE):
        await watch.receive()
        return watch
    raise unanswered(request, endpoint.where, f"nothing for {ANSWER_DEADLINE:g} s")
