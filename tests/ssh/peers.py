"""What stands at the two ends of a tunnel in its tests: a small server on a Unix socket, and the opened tunnel."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import evolve

from backends.ssh import Settings, SshAddress, SshOptions, SshTunnel, Wanted
from backends.ssh.tunnel import SshDialer
from swarmkit.transport import Dialer

from .sshd import Sshd

RELAY = f"{sys.executable} {Path(__file__).with_name('relay.py')} {{socket}}"
"""A command that passes bytes between its standard streams and a socket, as `docker system dial-stdio` does."""


def settings(sshd: Sshd, socket: Path, *extra: str, relays: tuple[str, ...] = (RELAY,)) -> Settings:
    """Return the settings of a tunnel through `sshd` to a socket; `extra` are values of `-o`."""
    options = SshOptions(
        (str(sshd.key),), "/dev/null", None, (f"UserKnownHostsFile={sshd.known_hosts}", "IdentitiesOnly=yes", *extra)
    )
    return Settings(SshAddress(sshd.address, port=sshd.port), Wanted(str(socket), (), relays), options)


Serve = Callable[[trio.SocketStream], Awaitable[None]]


class Opened:
    """An opened tunnel, and how often it has come up."""

    def __init__(self) -> None:
        self.dialer: SshDialer
        self.ups = 0
        self._changed = trio.Event()

    def came_up(self) -> None:
        self.ups += 1
        self._changed.set()
        self._changed = trio.Event()

    async def wait_up(self, times: int = 1) -> None:
        """Wait until it has come up so often in all."""
        with trio.fail_after(20):
            while self.ups < times:
                await self._changed.wait()

    async def dial(self) -> trio.abc.HalfCloseableStream:
        """Dial, however long ssh takes to connect on a machine that has other things to do."""
        with trio.fail_after(20):
            while True:
                try:
                    return await self.dialer()
                except OSError as error:
                    if "still connecting" not in str(error):
                        raise

    async def why_not(self) -> str:
        """Dial until it fails for another reason than that ssh is still connecting; return that reason."""
        with trio.fail_after(20):
            while True:
                try:
                    stream = await self.dialer()
                except OSError as error:
                    if "still connecting" not in str(error):
                        return str(error)
                else:
                    await stream.aclose()
                    await trio.sleep(0.05)

    def child(self) -> int:
        """Return the number of the ssh process."""
        link = self.dialer._link
        assert link is not None
        return link._child.pid


@asynccontextmanager
async def opened(made_of: Settings) -> AsyncIterator[Opened]:
    """Open a tunnel, and wait for nothing."""
    found = Opened()
    async with SshTunnel(made_of).open("web", found.came_up) as dialer:
        assert isinstance(dialer, Dialer)
        found.dialer = dialer
        yield found


@asynccontextmanager
async def serving(socket: Path, serve: Serve) -> AsyncIterator[None]:
    """Serve on a Unix socket for the length of the block; the socket goes with it."""
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(str(socket))
    listener.listen(200)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_accept, listener, serve)
            yield
            nursery.cancel_scope.cancel()
    finally:
        listener.close()
        _remove(socket)


def _remove(socket: Path) -> None:
    socket.unlink(missing_ok=True)


async def _accept(listener: trio.socket.SocketType, serve: Serve) -> None:
    async with trio.open_nursery() as nursery:
        while True:
            client, _ = await listener.accept()
            nursery.start_soon(serve, trio.SocketStream(client))


async def echo(stream: trio.SocketStream) -> None:
    """Send back what comes, and the end."""
    async with stream:
        try:
            while data := await stream.receive_some(65536):
                await stream.send_all(data)
        except trio.BrokenResourceError:
            pass  # a client that went is no failure of this server


async def answer(stream: trio.SocketStream) -> None:
    """Answer to what has come once it has ended."""
    async with stream:
        data = b""
        while more := await stream.receive_some(65536):
            data += more
        await stream.send_all(b"you said %d bytes" % len(data))


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    """Read to the end of file."""
    data = b""
    while more := await stream.receive_some(65536):
        data += more
    return data


def fixed(made_of: Settings, **wanted: Any) -> Settings:
    """Return the settings with other things wanted."""
    return evolve(made_of, wanted=evolve(made_of.wanted, **wanted))
