"""Hosts that allow less than a plain sshd does: sessions, forwarding, a shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from .peers import RELAY, answer, echo, fixed, opened, read_to_end, serving, settings
from .sshd import Sshd

FORBIDDEN = "AllowStreamLocalForwarding no"
NOLOGIN = "ForceCommand echo 'This account is currently not available.'; exit 1"


@pytest.mark.parametrize(
    "lines",
    [("MaxSessions 1",), ("MaxSessions 0",), (NOLOGIN,), (FORBIDDEN,), ("DisableForwarding yes",)],
    ids=lambda lines: lines[0],
)
async def test_half_closes_pass(start_sshd: Callable[..., Sshd], path: Path, lines: tuple[str, ...]) -> None:
    """Whatever the host forbids, there is a way, and half-closes pass it both ways."""
    await _check_half_closes(start_sshd(*lines), path)


async def test_forced_command_may_say_nothing(
    start_sshd: Callable[..., Sshd], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that runs another command than ours is as good as none: forwarding needs no shell."""
    monkeypatch.setattr("backends.ssh.connecting.SHELL_SECONDS", 0.3)
    await _check_half_closes(start_sshd("ForceCommand cat >/dev/null"), path)


async def test_forced_command_may_be_the_relay(
    start_sshd: Callable[..., Sshd], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that may do nothing but reach the socket is enough: sessions need no command of ours."""
    monkeypatch.setattr("backends.ssh.connecting.SHELL_SECONDS", 0.3)
    relay = f"ForceCommand {RELAY.format(socket=path)}"
    await _check_half_closes(start_sshd(relay, FORBIDDEN), path)


async def _check_half_closes(sshd: Sshd, path: Path) -> None:
    async with serving(path, answer), opened(settings(sshd, path)) as tunnel:
        await tunnel.wait_up()
        async with await tunnel.dial() as stream:
            await stream.send_all(b"hello")
            await stream.send_eof()
            assert await read_to_end(stream) == b"you said 5 bytes"


async def test_one_session_only_is_made_free(
    start_sshd: Callable[..., Sshd], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where forwarding is forbidden, and one session is all there is, the probe does without it.

    A session that says late that it has begun does not say it in the stream.
    """
    monkeypatch.setattr("backends.ssh.sessions.OPEN_SECONDS", 0.0)
    sshd = start_sshd("MaxSessions 1", FORBIDDEN)
    async with serving(path, echo), opened(settings(sshd, path)) as tunnel:
        assert "it allows one session only, which is needed" in await tunnel.why_not()
        await tunnel.wait_up(2)
        async with await tunnel.dial() as stream:
            await stream.send_all(b"swarmd\nswarmd\n")
            await stream.send_eof()
            assert await read_to_end(stream) == b"swarmd\nswarmd\n"


async def test_dialler_beyond_the_sessions_is_told(
    start_sshd: Callable[..., Sshd], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many sessions a host allows is learnt; who finds all in use waits a little, then is told why."""
    monkeypatch.setattr("backends.ssh.sessions.WAIT_SECONDS", 0.5)
    sshd = start_sshd("MaxSessions 3", FORBIDDEN)
    async with serving(path, echo), opened(settings(sshd, path)) as tunnel:
        first, second = await tunnel.dial(), await tunnel.dial()  # and the third is the probe's
        with pytest.raises(BlockingIOError, match=r"all 2 sessions that 127.0.0.1 allows are in use: its sshd forbids"):
            await tunnel.dial()
        monkeypatch.setattr("backends.ssh.sessions.WAIT_SECONDS", 20.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.aclose)
            third = await tunnel.dial()
        await second.aclose()
        await third.aclose()


async def test_relay_that_is_missing_is_told(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """Without forwarding, and without the command that would stand in for it, the host must change."""
    made_of = fixed(settings(start_sshd(FORBIDDEN), path), relays=("no-such-command {socket}",))
    async with serving(path, echo), opened(made_of) as tunnel:
        assert await tunnel.why_not() == (
            f"127.0.0.1 gives no connection to {path}: nothing listens there, or its sshd forbids forwarding "
            "(AllowStreamLocalForwarding); and 127.0.0.1 has no command that could stand in for it"
        )


async def test_relay_that_fails_is_told(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """The last words of a command that ends badly are the reason for the stream's end."""
    made_of = fixed(settings(start_sshd(FORBIDDEN), path), relays=("ls /nowhere {socket}",))
    async with serving(path, echo), opened(made_of) as tunnel, await tunnel.dial() as stream:
        with pytest.raises(trio.BrokenResourceError, match=r"the socket on 127.0.0.1 ended with status 2"):
            await read_to_end(stream)


async def test_session_of_a_lost_connection_raises(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """A session that ends with its connection has not ended well."""
    sshd = start_sshd(FORBIDDEN)
    async with serving(path, echo), opened(settings(sshd, path)) as tunnel, await tunnel.dial() as stream:
        await stream.send_all(b"x")
        assert await stream.receive_some(1) == b"x"
        sshd.kill()
        with pytest.raises(trio.BrokenResourceError, match=r"the ssh session on 127.0.0.1 ended"):
            await read_to_end(stream)


async def test_end_without_a_probe(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """Without a probe, too, a peer's end is told from a socket that nobody listens on."""
    async with opened(settings(start_sshd(NOLOGIN), path)) as tunnel:
        async with serving(path, answer), await tunnel.dial() as stream:
            await stream.send_eof()
            assert await read_to_end(stream) == b"you said 0 bytes"
            assert await stream.receive_some(1) == b""
        async with await tunnel.dial() as stream:
            with pytest.raises(trio.BrokenResourceError, match="nothing listens there, or it is missing, or not al"):
                await stream.receive_some(1)
