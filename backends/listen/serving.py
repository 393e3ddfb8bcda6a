"""Connections to the front: who is let in, how many, and what is said of those that are not."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from attrs import define, field

from swarmkit.errors import Code, Denied, SwarmError, Unavailable
from swarmkit.service import Service
from swarmkit.transport import FreshContext
from swarmkit.transport.credentials import Allowed, credentials_of
from swarmkit.transport.greeting import end_gently, greet_plain, greet_tls, peer_of
from swarmkit.wire import Peer, Side, open_peer
from swarmkit.wire.peer import HELLO_SECONDS

from .strangers import answer_http, first_bytes, is_peer, speaks_http

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 2.0
"""How long one that is not let in may take to read why."""

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


@define(eq=False)
class Serving:
    """Serve one service to whoever is let in, `most` connections at once."""

    service: Service
    allowed: Allowed
    most: int
    context: FreshContext | None = None
    count: int = field(default=0, init=False)

    async def unix(self, transport: trio.SocketStream) -> None:
        """Serve a connection to a Unix socket, if it is of somebody who may."""
        who = credentials_of(transport)
        refusal = None
        if who is None or not self.allowed.lets_in(who):
            name = f"uid {who.uid}, gid {who.gid}" if who is not None else "a socket of another kind"
            refusal = Denied(f"{name} is neither root, nor the user that serves here, nor allowed")
        await self._serve(partial(self.converse, who=str(who), refusal=refusal), transport, str(who))

    async def tcp(self, transport: trio.SocketStream) -> None:
        """Serve a connection over TCP, with TLS if there are files for it."""
        who = f"the client at {peer_of(transport)}"
        converse = partial(self.converse, who=who)
        if self.context is not None:
            refuse = partial(answer_http, reason="TLS is required")
            greet = partial(greet_tls, serve=converse, refuse=refuse, context=self.context)
            await self._serve(greet, transport, who)
        else:
            await self._serve(partial(greet_plain, serve=converse, refuse=answer_http), transport, who)

    async def _serve(
        self, serve: Callable[[trio.SocketStream], Awaitable[None]], transport: trio.SocketStream, who: str
    ) -> None:
        """Serve one connection of many: whatever happens on it, the others go on."""
        async with transport:
            if self.count >= self.most:
                log.warning("%s was turned away: there are %d connections, which is the limit", who, self.count)
                return
            self.count += 1
            try:
                await serve(transport)
            except _BROKEN as error:
                log.debug("%s has gone: %s", who, error)
            except SwarmError as error:
                log.info("%s was turned away: %s", who, error)
            except Exception:
                log.exception("the connection of %s failed", who)
            finally:
                self.count -= 1

    async def converse(
        self, stream: trio.abc.HalfCloseableStream, *, who: str, refusal: SwarmError | None = None
    ) -> None:
        """Serve a connection until it ends; one with a `refusal` is told that. Raises `Unavailable` for a stranger."""
        head = await self._first_bytes(stream)
        offers = self.service if refusal is None else None
        async with open_peer(stream, Side.ACCEPTOR, offers=offers, head=head) as peer:
            if refusal is not None:
                log.info("%s was turned away: %s", who, refusal)
                await _say_farewell(peer, refusal)
                return
            log.info("%s is connected, with %s", who, peer.agent)
            await peer.wait_ended()
            _log_end(who, peer.error)

    async def _first_bytes(self, stream: trio.abc.HalfCloseableStream) -> bytes:
        head = None
        with trio.move_on_after(HELLO_SECONDS):
            head = await first_bytes(stream)
        if head is not None and is_peer(head):
            return head
        if not head:
            raise Unavailable(f"it did not say hello in {HELLO_SECONDS:g} s" if head is None else "it said nothing")
        if speaks_http(head):
            await answer_http(stream)
        await end_gently(stream)
        raise Unavailable(f"it speaks something else: {head!r}")


async def _say_farewell(peer: Peer, refusal: SwarmError) -> None:
    peer.leave(refusal)
    with trio.move_on_after(FAREWELL_SECONDS):
        await peer.wait_ended()


def _log_end(who: str, error: SwarmError | None) -> None:
    if error is None:
        log.info("%s has left", who)
    elif error.code is Code.INVALID:
        log.warning("%s was cut off: %s", who, error)
    else:
        log.info("the connection of %s is over: %s", who, error)
