"""A host behind ssh whose server, link or engine breaks, or whose swarmd: shown, never silent, and healed."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .cli import Cli, docker_binaries
from .looking import HEALED, check_shown_as_down, docker, down_reasons, wait_for_status, wait_up
from .processes import wait_until_gone
from .ssh_hosts import SshHost
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

PINGED = 5.0
"""Seconds in which a host that does not answer is shown as down: the ping's second of pause, its two, and a reserve."""

NOTICED = 20.0
"""Seconds in which ssh gives up a connection on which nothing comes: 15, and a reserve."""

KILLED = 2.0
"""Seconds in which the ssh of a swarmd that was killed is gone."""


@pytest.fixture
def swarm(ssh_hosts: list[SshHost], tmp_path: Path) -> Iterator[Swarmd]:
    """A virtual host over one and two through ssh and three at hand, each with a container that counts aloud."""
    engines = [host.engine for host in ssh_hosts]
    stages = {host.engine.name: host.stage for host in ssh_hosts[:2]}
    with serving(tmp_path / "swarm.sock", over(engines, **stages)) as swarmd:
        wait_up(swarmd)
        for engine in engines:
            name = f"{engine.name}/on-{engine.name}"
            script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done"
            done = docker(swarmd, "run", "-d", "--name", name, "busybox", "sh", "-c", script)
            assert done.returncode == 0, done.stderr
        yield swarmd


@contextmanager
def broken(host: SshHost, how: str) -> Iterator[None]:
    """Break the way to a host for the length of the block."""
    do, undo = {
        "killed": (host.sshd.kill, host.start),
        "frozen": (host.sshd.freeze, host.sshd.thaw),
        "cut": (host.engine.cut, host.engine.mend),
        "without its engine": (host.engine.kill, host.engine.start),
    }[how]
    do()
    try:
        yield
    finally:
        undo()


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("killed", "was lost|refused"),
        ("frozen", "no answer|still connecting"),
        ("cut", "no answer|timed out"),
        ("without its engine", "nothing listens there"),
    ],
)
def test_broken_way_is_shown_and_heals(swarm: Swarmd, ssh_hosts: list[SshHost], how: str, reason: str) -> None:
    """The host is down within seconds, with the reason; the others go on; it is up again without anybody's doing."""
    victim, *others = ssh_hosts
    with broken(victim, how):
        wait_for_status(swarm, f"on-{victim.engine.name}", "Host Down", PINGED)
        check_shown_as_down(swarm, victim.engine, [host.engine for host in others])
        ((host, said),) = down_reasons(swarm).items()
        assert host == victim.engine.name
        assert re.search(reason, said), said
    state = "Exited" if how == "without its engine" else "Up"
    wait_for_status(swarm, f"on-{victim.engine.name}", state, HEALED)
    assert docker(swarm, "start", f"on-{victim.engine.name}").returncode == 0
    assert docker(swarm, "exec", f"on-{victim.engine.name}", "echo", "back").stdout == "back\n"


@pytest.fixture
def cli(swarm: Swarmd) -> Iterator[Cli]:
    """Give a docker command on the virtual host."""
    cli = Cli(docker_binaries()[0], swarm.url)
    yield cli
    cli.close()


def _ended(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, bytes]:
    """Wait until a command ends by itself; return its exit code and what it said on its standard error."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still there after {seconds} s: {process.args!r}") from None
    assert process.stderr is not None
    return code, process.stderr.read()


STREAMS = (
    ("logs", "-f", "on-one"),
    ("attach", "--no-stdin", "on-one"),
    ("exec", "-i", "on-one", "sh", "-c", "echo here; cat"),
    ("run", "-i", "--name", "one/reader", "busybox", "sh", "-c", "echo here; cat"),
)
"""What goes on for ever, each with something to read at the beginning; standard input stays open."""


@pytest.mark.parametrize(("how", "seconds"), [("killed", PINGED), ("frozen", NOTICED), ("cut", NOTICED)])
def test_streams_end_with_an_error(swarm: Swarmd, cli: Cli, ssh_hosts: list[SshHost], how: str, seconds: float) -> None:
    """Logs, attach, exec and run on a host whose ssh breaks end in time, and none of them as if all had been well."""
    with ExitStack() as stack:
        streams = [stack.enter_context(cli.background(*words, code=None)) for words in STREAMS]
        undisturbed = stack.enter_context(cli.background("logs", "-f", "on-two", code=None))
        for stream in [*streams, undisturbed]:
            assert stream.stdout is not None
            assert stream.stdout.readline()
        with broken(ssh_hosts[0], how):
            deadline = time.monotonic() + seconds
            for stream in streams:
                code, said = _ended(stream, deadline - time.monotonic())
                assert code != 0, stream.args
                assert said.strip(), stream.args
            assert undisturbed.poll() is None
        undisturbed.kill()
    wait_for_status(swarm, "on-one", "Up", HEALED)


def test_killed_swarmd_leaves_no_ssh(ssh_hosts: list[SshHost], tmp_path: Path) -> None:
    """After SIGKILL of swarmd, with a log being followed, its ssh is gone within two seconds, here and there."""
    host = ssh_hosts[0]
    swarmd = Swarmd(tmp_path / "swarm.sock", over([host.engine], one=host.stage))
    cli = Cli(docker_binaries()[0], swarmd.url)
    try:
        swarmd.wait_ready()
        wait_up(swarmd)
        cli.quiet("run", "-d", "--name", "web", "busybox", "sh", "-c", "echo ready; sleep 600")
        with cli.background("logs", "-f", "web", code=None) as logs:
            assert logs.stdout is not None
            assert logs.stdout.readline() == b"ready\n"
            children = swarmd.children()
            assert len(children) == 1
            swarmd.kill()
            assert wait_until_gone(children, KILLED) == []
    finally:
        swarmd.kill()
        cli.close()
    assert host.wait_connections(0, KILLED) == 0
