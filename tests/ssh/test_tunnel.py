"""The tunnel over a real sshd: streams, what their ends mean, and what is there when it works."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from .peers import answer, echo, fixed, opened, read_to_end, serving, settings
from .sshd import Sshd


async def test_bytes_pass_both_ways(shared_sshd: Sshd, path: Path) -> None:
    """What goes in comes out, more than any buffer holds."""
    sent = bytes(range(256)) * 16384
    received = b""
    async with (
        serving(path, echo),
        opened(settings(shared_sshd, path)) as tunnel,
        await tunnel.dial() as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(stream.send_all, sent)
        while len(received) < len(sent):
            received += await stream.receive_some(65536)
    assert received == sent


async def test_client_may_end_its_side_first(shared_sshd: Sshd, path: Path) -> None:
    """A half-close arrives as one, and the answer still comes, with an end of file after it."""
    async with serving(path, answer), opened(settings(shared_sshd, path)) as tunnel, await tunnel.dial() as stream:
        await stream.send_all(b"hello")
        await stream.send_eof()
        assert await read_to_end(stream) == b"you said 5 bytes"


async def test_peer_may_end_its_side_first(shared_sshd: Sshd, path: Path) -> None:
    """The peer's half-close is an end of file here, after which it still reads what we send."""
    heard: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.send_all(b"first")
            await stream.send_eof()
            heard.append(await read_to_end(stream))

    async with serving(path, serve), opened(settings(shared_sshd, path)) as tunnel, await tunnel.dial() as stream:
        assert await read_to_end(stream) == b"first"
        await stream.send_all(b"second")
        await stream.send_eof()
        with trio.fail_after(5):
            while not heard:
                await trio.sleep(0.01)
    assert heard == [b"second"]


async def test_hundred_streams_at_once_are_one_connection(shared_sshd: Sshd, path: Path) -> None:
    """Forwarded connections are no sessions: their number has no limit of sshd's, and one process carries them all."""
    async with serving(path, echo), opened(settings(shared_sshd, path)) as tunnel:
        await tunnel.wait_up()
        streams = [await tunnel.dial() for _ in range(100)]
        for stream in streams:
            await stream.send_all(b"x")
        assert [await stream.receive_some(1) for stream in streams] == [b"x"] * 100
        for stream in streams:
            await stream.aclose()
        assert tunnel.ups == 1


async def test_dialling_waits_while_ssh_connects(
    shared_sshd: Sshd, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening waits for nobody; the first to dial waits for the connection."""
    monkeypatch.setattr("backends.ssh.tunnel.DIAL_SECONDS", 20.0)
    async with serving(path, echo), opened(settings(shared_sshd, path)) as tunnel:
        assert tunnel.ups == 0
        await (await tunnel.dialer()).aclose()
        assert tunnel.ups == 1


async def test_coming_up_is_logged_and_told(shared_sshd: Sshd, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the host as its user does; a loopback address is no address of a machine."""
    caplog.set_level(logging.INFO, "backends.ssh")
    async with opened(settings(shared_sshd, path)) as tunnel:
        await tunnel.wait_up()
        assert tunnel.dialer.ip is None
        assert tunnel.dialer.address == f"ssh://{shared_sshd.address}:{shared_sshd.port}"
    assert [record.getMessage() for record in caplog.records] == ["web: ssh is connected"]


# -- the socket ------------------------------------------------------------------------------------------------------


async def test_missing_socket_is_told(shared_sshd: Sshd, path: Path) -> None:
    """Where there is no socket, dialling says which and where; once it is there, the same connection reaches it."""
    async with opened(settings(shared_sshd, path)) as tunnel:
        await tunnel.wait_up()
        expected = f"there is no socket {path} on 127.0.0.1; is the engine running there?"
        assert await tunnel.why_not() == expected
        async with serving(path, echo):
            await (await tunnel.dial()).aclose()
        assert tunnel.ups == 1


async def test_file_that_is_no_socket_is_told(shared_sshd: Sshd, path: Path) -> None:
    """A path that leads to something else says so."""
    _make_a_file(path)
    async with opened(settings(shared_sshd, path)) as tunnel:
        assert await tunnel.why_not() == f"{path} on 127.0.0.1 is no socket"


async def test_socket_that_is_gone_later_is_told_by_the_stream(shared_sshd: Sshd, path: Path) -> None:
    """ssh takes a connection before it asks the host: the reason for its end is then the stream's."""
    async with opened(settings(shared_sshd, path)) as tunnel:
        async with serving(path, echo):
            await (await tunnel.dial()).aclose()
        async with await tunnel.dial() as stream:
            with pytest.raises(trio.BrokenResourceError, match=f"there is no socket {path} on 127.0.0.1"):
                await stream.receive_some(1)


async def test_socket_without_a_listener_is_told_by_the_stream(shared_sshd: Sshd, path: Path) -> None:
    """The socket of an engine that was killed is still there, and nobody takes connections."""
    async with opened(settings(shared_sshd, path)) as tunnel:
        async with serving(path, echo):
            await (await tunnel.dial()).aclose()
        _leave_a_socket(path)
        async with await tunnel.dial() as stream:
            with pytest.raises(trio.BrokenResourceError, match=r"gives no connection .* nothing listens there"):
                await stream.receive_some(1)


def _make_a_file(path: Path) -> None:
    path.touch()


def _leave_a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))


async def test_end_without_a_byte_is_an_end(shared_sshd: Sshd, path: Path) -> None:
    """A peer that closes at once has ended: that is no failure of the tunnel."""

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.aclose()

    async with opened(settings(shared_sshd, path)) as tunnel:
        async with serving(path, echo):
            await (await tunnel.dial()).aclose()
        async with serving(path, hang_up), await tunnel.dial() as stream:
            assert await stream.receive_some(1) == b""


async def test_unnamed_socket_is_found_there(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """The first of the candidates that can be used is taken: here the one that the account's environment names."""
    sshd = start_sshd(f"SetEnv DOCKER_HOST=unix://{path}")
    looking = fixed(settings(sshd, Path("/nowhere")), candidates=("${DOCKER_HOST#unix://}", "/nowhere"))
    async with serving(path, echo), opened(looking) as tunnel:
        await (await tunnel.dial()).aclose()


async def test_unnamed_socket_is_found_when_it_appears(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """Where none of the candidates is there at first, the one that appears is reached, by a connection made again."""
    sshd = start_sshd(f"SetEnv DOCKER_HOST=unix://{path}")
    looking = fixed(settings(sshd, Path("/nowhere")), candidates=("${DOCKER_HOST#unix://}", "/nowhere"))
    async with opened(looking) as tunnel:
        expected = "there is no socket /nowhere or another that is known on 127.0.0.1; is the engine running there?"
        assert await tunnel.why_not() == expected
        async with serving(path, echo):
            assert "which has just been found" in await tunnel.why_not()
            await tunnel.wait_up(2)
            await (await tunnel.dial()).aclose()
