"""The other peer of a connection, for those who call it (docs/remote.md). What runs the connection is in `driver`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from ..errors import SwarmError, Unavailable
from ..instance import open_instance
from ..service import Service
from .driver import Driver
from .limits import Limits
from .proxy import Proxy
from .state.numbers import Side

HELLO_SECONDS = 10.0
"""How long the other peer may take to say who it is."""

DEFAULT_LIMITS = Limits()


class Peer:
    """The other peer, which has said hello. `root` is the service that it offers."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.root: Service = Proxy(0, driver.made.call, lambda _: None)

    @property
    def agent(self) -> str:
        """What the other peer says that it is."""
        return self._driver.hello.agent if self._driver.hello is not None else ""

    @property
    def offers(self) -> bool:
        """Whether the other peer offers a service."""
        return self._driver.hello is not None and self._driver.hello.root

    @property
    def error(self) -> SwarmError | None:
        """Why the connection is over or no more calls are taken; None while they are, and where all ended well."""
        return self._driver.error

    @property
    def leaving(self) -> bool:
        """Whether calls cannot be made any more: one of both is leaving, or the connection is over."""
        return self._driver.leaving.is_set()

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._driver.over.is_set()

    async def wait_leaving(self) -> None:
        """Wait until calls cannot be made any more; see `leaving`."""
        await self._driver.leaving.wait()

    async def wait_ended(self) -> None:
        """Wait until the connection is over; `error` says why."""
        await self._driver.over.wait()

    def leave(self, error: SwarmError) -> None:
        """Take no more calls and make none, and say why. When all that goes on is over, so is the connection."""
        self._driver.leave(error)


@asynccontextmanager
async def open_peer(
    stream: trio.abc.HalfCloseableStream,
    side: Side,
    *,
    offers: Service | None = None,
    limits: Limits = DEFAULT_LIMITS,
    head: bytes = b"",
) -> AsyncIterator[Peer]:
    """Speak to a peer over a byte stream; yield it when it has said hello, and end the connection with the block.

    `offers` is what it may call, and all that it reaches; it is not closed. `limits` bound what is held for it. `head`
    is what has been read of the stream before. Raises `Unavailable`, with the reason, for who says no hello in time,
    or is no peer. The stream is closed in every case, and what it carries is ended: streams and channels break, calls
    that run are cancelled, and services that were handed over are closed.
    """
    async with open_instance() as nursery:
        driver = Driver(stream, side, nursery, offers=offers, limits=limits)
        nursery.start_soon(driver.run, head)
        try:
            await _greet(driver)
            yield Peer(driver)
        finally:
            with trio.CancelScope(shield=True):
                await driver.close(Unavailable("the other side has closed the connection"))


async def _greet(driver: Driver) -> None:
    with trio.move_on_after(HELLO_SECONDS):
        async with trio.open_nursery() as nursery:

            async def wait(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, driver.over)
            nursery.start_soon(wait, driver.greeted)
    if driver.greeted.is_set():
        return
    if driver.over.is_set():
        raise Unavailable(str(driver.error or "it ended the connection without a hello")) from driver.error
    raise Unavailable(f"it did not say hello in {HELLO_SECONDS:g} s")
