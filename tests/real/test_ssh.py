"""A host behind ssh, as users and servers have them: named in a configuration, or with much of it forbidden."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .cli import Cli, docker_binaries
from .ssh_hosts import SshHost
from .swarm import serving

pytestmark = pytest.mark.engine

PORT = 2222
"""Where the further sshd of a test listens, beside the machine's own."""

BULK = 30_000_000
"""Bytes that go through `cat` and back."""


@contextmanager
def using(stage: str, folder: Path) -> Iterator[Cli]:
    """Give a docker command on a virtual host over one member, `one`."""
    with serving(folder / "swarm.sock", f'aggregate "one={stage}"') as swarmd:
        cli = Cli(docker_binaries()[0], swarmd.url)
        try:
            cli.until("info", gives="1 of 1 up")
            yield cli
        finally:
            cli.clear()
            cli.close()


def check_everyday(cli: Cli) -> None:
    """Run, look, execute and copy: half-closed both ways, with exit codes."""
    assert cli.run("run", "--name", "web", "-d", "busybox", "sh", "-c", "echo out; echo err >&2; sleep 60").code == 0
    cli.until("logs", "web", gives="out")
    assert cli.run("logs", "web").stderr == b"err\n"
    assert cli.run("exec", "-i", "web", "sh", "-c", "cat; exit 3", stdin=b"to and fro", code=3).text == "to and fro"
    assert cli.run("run", "--rm", "-i", "busybox", "cat", stdin=b"there and back").text == "there and back"
    assert cli.quiet("ps", "--format", "{{.Names}}") == "web"


def test_everyday_through_ssh(ssh_hosts: list[SshHost], tmp_path: Path) -> None:
    """Named by address, with options: everything that is done each day works, over one connection."""
    with using(ssh_hosts[0].stage, tmp_path) as cli:
        check_everyday(cli)
        assert ssh_hosts[0].connections() == 1
    assert ssh_hosts[0].wait_connections(0, 10) == 0


def test_bulk_both_ways(ssh_hosts: list[SshHost], tmp_path: Path) -> None:
    """Thirty megabytes go through a container's input and output and arrive as they were."""
    data = os.urandom(BULK)
    with using(ssh_hosts[0].stage, tmp_path) as cli:
        back = cli.run("run", "--rm", "-i", "busybox", "cat", stdin=data, tell=False).stdout
    assert hashlib.sha256(back).hexdigest() == hashlib.sha256(data).hexdigest()


def test_host_of_the_users_configuration(ssh_hosts: list[SshHost], tmp_path: Path) -> None:
    """A name is what the user's configuration says, keys and all; without a socket the standard one is used."""
    host = ssh_hosts[0]
    config = tmp_path / "config"
    config.write_text(
        f"Host box\n  HostName {host.engine.address}\n  User root\n  IdentityFile {host.sshd.key}\n"
        f"  UserKnownHostsFile {host.sshd.known_hosts}\n"
    )
    link = ["ln", "-sfn", str(host.engine.socket), "/run/docker.sock"]
    subprocess.run(host.engine.machine.inside(link), check=True)
    try:
        with using(f"ssh box -F {config}", tmp_path) as cli:
            check_everyday(cli)
    finally:
        subprocess.run(host.engine.machine.inside(["rm", "/run/docker.sock"]), check=True)


@pytest.mark.parametrize(
    "config",
    [
        "MaxSessions 1",
        "MaxSessions 0",
        "AllowStreamLocalForwarding no",
        "ForceCommand /bin/false",
        "ForceCommand cat",
        "AllowStreamLocalForwarding no\nForceCommand docker -H unix://{socket} system dial-stdio",
        "Banner {banner}",
    ],
    ids=["one-session", "no-session", "no-forwarding", "no-shell", "forced", "forced-dialling", "banner"],
)
def test_everyday_on_a_server_that_allows_little(ssh_hosts: list[SshHost], tmp_path: Path, config: str) -> None:
    """One session only, or none, no forwarding of sockets, no shell, another command: what is left is enough."""
    engine = ssh_hosts[0].engine
    banner = tmp_path / "banner"
    banner.write_text("NOTICE: swarmd ok\n" * 50)
    lines = config.format(socket=engine.socket, banner=banner).splitlines()
    host = SshHost(engine, tmp_path / "sshd", port=PORT, lines=lines)
    host.start()
    try:
        with using(host.stage, tmp_path) as cli:
            check_everyday(cli)
            assert host.connections() == 1
    finally:
        host.sshd.stop()
