"""A connection that is lost: what its streams say, and how it comes back."""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from .peers import Opened, echo, opened, serving, settings
from .sshd import Sshd

LOST = "the ssh connection to 127.0.0.1 was lost: "


async def talking(tunnel: Opened) -> trio.abc.HalfCloseableStream:
    """Dial a stream on which something has come already."""
    stream = await tunnel.dial()
    await stream.send_all(b"x")
    assert await stream.receive_some(1) == b"x"
    return stream


async def test_killed_ssh_breaks_streams_and_is_made_again(shared_sshd: Sshd, path: Path) -> None:
    """A stream of a lost connection raises, and does not end; a second later there is another connection."""
    async with serving(path, echo), opened(settings(shared_sshd, path)) as tunnel:
        async with await talking(tunnel) as reading, await talking(tunnel) as idle:
            os.kill(tunnel.child(), signal.SIGKILL)
            with pytest.raises(trio.BrokenResourceError, match=LOST + "ssh was ended by SIGKILL"):
                await reading.receive_some(1)
            with pytest.raises(trio.BrokenResourceError, match=LOST):
                await idle.receive_some(1)
            with pytest.raises(trio.BrokenResourceError, match=LOST):
                await idle.send_all(b"x")
        await tunnel.wait_up(2)
        await (await talking(tunnel)).aclose()


async def test_killed_and_restarted_sshd_is_reached_again(
    start_sshd: Callable[..., Sshd], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the host is away dialling says so at once, and until when; the log says it once."""
    sshd = start_sshd()
    async with serving(path, echo), opened(settings(sshd, path)) as tunnel:
        async with await talking(tunnel) as stream:
            sshd.kill()
            with pytest.raises(trio.BrokenResourceError, match=LOST + "the host closed it"):
                await stream.receive_some(1)
        refused = (
            rf"connection refused at port {sshd.port}: does an sshd listen there\?; (tried again in \d s|being .*)"
        )
        with trio.fail_after(10):
            while not re.fullmatch(refused, await tunnel.why_not()):
                await trio.sleep(0.1)
        sshd.start()
        await tunnel.wait_up(2)
        await (await talking(tunnel)).aclose()
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        f"web: {LOST}the host closed it",
        f"web: connection refused at port {sshd.port}: does an sshd listen there?",
    ]


async def test_frozen_host_is_noticed(start_sshd: Callable[..., Sshd], path: Path) -> None:
    """A host that is silent, and refuses nothing, is given up; here after two seconds instead of fifteen."""
    sshd = start_sshd()
    impatient = settings(sshd, path, "ServerAliveInterval=1", "ServerAliveCountMax=1", "ConnectTimeout=1")
    async with serving(path, echo), opened(impatient) as tunnel:
        async with await talking(tunnel) as stream:
            sshd.freeze()
            with trio.fail_after(10), pytest.raises(trio.BrokenResourceError, match=LOST + "it does not answer any mo"):
                await stream.receive_some(1)
        with trio.fail_after(10):
            while "does not answer as an sshd does" not in await tunnel.why_not():
                await trio.sleep(0.1)
        sshd.thaw()
        await tunnel.wait_up(2)


async def test_lost_probe_is_a_lost_connection(shared_sshd: Sshd, path: Path) -> None:
    """Without its session a connection would end at any moment: it is made again."""
    async with serving(path, echo), opened(settings(shared_sshd, path)) as tunnel, await talking(tunnel) as stream:
        (probe,) = [pid for pid in _shells(shared_sshd) if str(path) in _command(pid)]
        os.kill(probe, signal.SIGKILL)
        with pytest.raises(trio.BrokenResourceError, match=LOST):
            await stream.receive_some(1)
        await tunnel.wait_up(2)


def _shells(sshd: Sshd) -> list[int]:
    found: list[int] = []
    for pid in sshd.pids():
        found += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
