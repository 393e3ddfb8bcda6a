"""What is opened before it is dialled, and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import define, field

from swarmkit.transport import Dialer, UnixDialer, open_dialer


@define
class Tunnel:
    """A tunnel that comes up as soon as it is opened, and notes what it was told and when it ended."""

    address: str = "tunnel://web"
    told: list[str] = field(factory=list)

    @asynccontextmanager
    async def open(self, name: str, came_up: Callable[[], None]) -> AsyncIterator[Dialer]:
        self.told.append(name)
        came_up()
        yield UnixDialer("/inside")
        self.told.append("closed")


async def test_dialer_needs_no_opening() -> None:
    """It is given as it is."""
    dialer = UnixDialer("/x")
    async with open_dialer(dialer, "web", lambda: None) as opened:
        assert opened is dialer


async def test_tunnel_is_open_for_the_length_of_the_block() -> None:
    """It is told the host's name, and tells when it has come up."""
    tunnel = Tunnel()
    async with open_dialer(tunnel, "web", lambda: tunnel.told.append("up")) as opened:
        assert opened == UnixDialer("/inside")
        assert tunnel.told == ["web", "up"]
    assert tunnel.told == ["web", "up", "closed"]
