"""A link that one upload or download fills for seconds: the host behind it is slow, and not taken for hung."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .looking import docker, wait_up
from .ssh_hosts import SshHost
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

RATE, QUEUE, SIZE = "2mbit", "2mb", 1_500_000
"""Six seconds are copied each way, through ssh: all waits for all there, and a ping for seconds."""


@pytest.fixture
def far(ssh_hosts: list[SshHost], tmp_path: Path) -> Iterator[Swarmd]:
    """A virtual host over one engine near by, and one behind a narrow link, with a container called `there`."""
    near, far = (host.engine for host in ssh_hosts[:2])
    far.docker("create", "--name", "there", "busybox")
    with serving(tmp_path / "swarm.sock", over([near, far], **{far.name: ssh_hosts[1].stage})) as swarmd:
        wait_up(swarmd)
        far.machine.narrow(RATE, QUEUE)
        try:
            yield swarmd
        finally:
            far.machine.widen()


def test_host_is_not_hung_behind_its_own_upload_and_download(far: Swarmd, tmp_path: Path) -> None:
    """A copy that fills the link comes through, each way, and the host is healthy all the time."""
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(SIZE))
    before = far.log
    for done in (docker(far, "cp", str(source), "there:/file"), docker(far, "cp", "there:/file", str(back))):
        assert done.returncode == 0, done.stderr
    assert back.read_bytes() == source.read_bytes()
    assert "unhealthy" not in far.log.removeprefix(before)
