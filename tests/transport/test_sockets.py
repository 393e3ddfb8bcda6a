"""Dialers of sockets: what they connect to, and what they know of the peer."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest
import trio

from swarmkit.transport import Dialer, TcpDialer, UnixDialer, is_loopback
from swarmkit.transport.sockets import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL


async def shut(stream: trio.SocketStream) -> None:
    """Say something, and end."""
    await stream.send_all(b"there")
    await stream.aclose()


async def test_unix_socket_is_reached(tmp_path: Path) -> None:
    """It has a path for an address, and no other machine's number."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        dialer = UnixDialer(str(tmp_path / "s"))
        async with await dialer():
            assert (dialer.address, dialer.ip) == (f"unix://{tmp_path}/s", None)


async def test_full_queue_of_a_unix_socket_is_waited_for(tmp_path: Path) -> None:
    """Linux refuses the connection, and trio takes it for one."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        dialer = UnixDialer(str(tmp_path / "s"))
        async with await dialer(), trio.open_nursery() as nursery:  # the queue is full

            async def accept() -> None:
                await trio.sleep(0.05)
                for _ in range(2):
                    accepted, _ = await trio.to_thread.run_sync(listener.accept)
                    accepted.close()

            nursery.start_soon(accept)
            async with await dialer() as second:
                assert await second.receive_some() == b""


async def test_tcp_is_reached() -> None:
    """Loopback is this machine: there is no number of another to show. A peer that goes silent is found out."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, shut, 0, host="127.0.0.1"))
        dialer = TcpDialer("127.0.0.1", listener.socket.getsockname()[1])
        async with await dialer() as stream:
            assert await stream.receive_some() == b"there"
            assert dialer.ip is None
            assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            kept = [
                stream.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            ]
            assert kept == [KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("dialer", "address"),
    [
        (UnixDialer("/run/x"), "unix:///run/x"),
        (TcpDialer("web-1", 2375), "tcp://web-1:2375"),
        (TcpDialer("::1", 2375), "tcp://[::1]:2375"),
    ],
)
def test_dialer_has_an_address(dialer: object, address: str) -> None:
    """One that a user may write."""
    assert isinstance(dialer, Dialer)
    assert dialer.address == address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("web-1", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback_is_told(host: str, expected: bool) -> None:
    """By number, and by its one name; what else a name may mean is not asked."""
    assert is_loopback(host) is expected
