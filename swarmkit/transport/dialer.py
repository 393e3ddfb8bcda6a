"""What a dialer is, and what a tunnel is: everything that speaks over a byte stream is given one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, runtime_checkable

import trio


@runtime_checkable
class Dialer(Protocol):
    """Give a new byte stream to a peer; raise OSError where there is none to be had.

    The stream has a half-close, and a read that meets the end of a broken connection raises trio.BrokenResourceError,
    as far as the transport can tell. An OSError with an `errno` is told in the system's words for it, one without in
    its own; so is a BrokenResourceError that has words. A BlockingIOError says that the peer is there, and that the
    transport has no room for one more stream at the moment.
    """

    @property
    def address(self) -> str:
        """How the peer is called in messages and listings."""
        ...

    @property
    def ip(self) -> str | None:
        """The IP address of the peer's machine; None where that is this machine, and while it is not known."""
        ...

    async def __call__(self) -> trio.abc.HalfCloseableStream: ...


class Tunnel(Protocol):
    """A transport that must be opened first: a task or process keeps it up, or files are read. Then it is a dialer.

    Opening begins to connect, and waits for nobody; what is wrong with a file is raised. While there is no connection,
    dialling raises OSError with the reason; a lost connection is made again. `name` is how the host is called in the
    log; `came_up` is called each time that dialling may work from now on.
    """

    @property
    def address(self) -> str: ...

    def open(self, name: str, came_up: Callable[[], None]) -> AbstractAsyncContextManager[Dialer]: ...


Transport = Dialer | Tunnel
"""How a peer is reached: what dials it, or what must be opened first."""


@asynccontextmanager
async def open_dialer(transport: Transport, name: str, came_up: Callable[[], None]) -> AsyncIterator[Dialer]:
    """Open a tunnel for the length of the block; a dialer needs no opening."""
    if isinstance(transport, Dialer):
        yield transport
    else:
        async with transport.open(name, came_up) as dialer:
            yield dialer
