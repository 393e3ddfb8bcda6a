"""Nothing is left: neither by a tunnel that ends, nor by a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from ..real.processes import wait_until_gone
from .peers import echo, opened, serving, settings
from .sshd import Sshd


@pytest.fixture
def runtime(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory in which the tunnels of the test keep their sockets."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path.parent))
    return path.parent


def left(runtime: Path) -> tuple[set[str], list[str], list[str]]:
    """Return our open descriptors, our children, and the directories of tunnels."""
    descriptors = {name for name in os.listdir("/proc/self/fd") if _is_open(name)}
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return descriptors, children, [entry.name for entry in runtime.iterdir() if entry.name.startswith("swarmd-")]


def _is_open(name: str) -> bool:
    return os.path.exists(f"/proc/self/fd/{name}") or os.path.islink(f"/proc/self/fd/{name}")


@pytest.mark.parametrize("lines", [(), ("AllowStreamLocalForwarding no",)], ids=["forwarding", "sessions"])
async def test_tunnel_leaves_nothing(
    start_sshd: Callable[..., Sshd], path: Path, runtime: Path, lines: tuple[str, ...]
) -> None:
    """With the block end its processes, descriptors and directory, streams that are still open included."""
    sshd = start_sshd(*lines)
    before = left(runtime)
    async with serving(path, echo):
        async with opened(settings(sshd, path)) as tunnel:
            streams = [await tunnel.dial() for _ in range(3)]
            assert len(left(runtime)[2]) == 1
        for stream in streams:
            await stream.aclose()
    assert left(runtime) == before


async def test_open_stream_of_a_closed_tunnel_raises(shared_sshd: Sshd, path: Path) -> None:
    """A stream does not outlive its tunnel, and its end is none of the peer's."""
    async with serving(path, echo):
        async with opened(settings(shared_sshd, path)) as tunnel:
            stream = await tunnel.dial()
        with pytest.raises(trio.BrokenResourceError, match=r"127.0.0.1 was closed: its tunnel has ended"):
            await stream.receive_some(1)
        await stream.aclose()


@pytest.mark.parametrize("seconds", [0, 0.02, 0.2])
async def test_tunnel_that_ends_while_it_connects_leaves_nothing(
    shared_sshd: Sshd, path: Path, runtime: Path, seconds: float
) -> None:
    """Cancelled at any moment, it has ended what it began."""
    before = left(runtime)
    with trio.move_on_after(seconds):
        async with opened(settings(shared_sshd, path)):
            await trio.sleep_forever()
    assert left(runtime) == before


async def test_cancelled_dialling_leaves_nothing(start_sshd: Callable[..., Sshd], path: Path, runtime: Path) -> None:
    """A dialler that gives up has not kept a session."""
    sshd = start_sshd("AllowStreamLocalForwarding no")
    async with serving(path, echo), opened(settings(sshd, path)) as tunnel:
        await (await tunnel.dial()).aclose()
        for seconds in (0, 0.01, 0.1):
            with trio.move_on_after(seconds):
                await (await tunnel.dial()).aclose()
        streams = [await tunnel.dial() for _ in range(8)]
        for stream in streams:
            await stream.aclose()


PROGRAM = """
import sys, trio
from backends.ssh import SshOptions, transport
async def main():
    tunnel = transport(sys.argv[1], SshOptions((sys.argv[2],), "/dev/null", None, tuple(sys.argv[3:])))
    async with tunnel.open("web", lambda: print("up", flush=True)):
        await trio.sleep_forever()
trio.run(main)
"""


def test_ssh_ends_with_a_killed_process(shared_sshd: Sshd, path: Path) -> None:
    """After SIGKILL of ours the kernel ends ssh, which needs `setpriv`."""
    options = [f"UserKnownHostsFile={shared_sshd.known_hosts}", "IdentitiesOnly=yes"]
    words = [f"ssh://{shared_sshd.address}:{shared_sshd.port}{path}", str(shared_sshd.key), *options]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(path.parent)}  # its directory stays, and goes with the test's
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        (ssh,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGKILL)
    assert wait_until_gone([int(ssh)], 5) == []
