"""The sshd that the tests of this folder share, and places for sockets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .sshd import Sshd, why_no_sshd


@pytest.fixture(scope="session")
def shared_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Give an sshd as it comes, which no test harms."""
    if reason := why_no_sshd():
        pytest.skip(reason)
    sshd = Sshd(tmp_path_factory.mktemp("sshd"))
    sshd.start()
    yield sshd
    sshd.stop()


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Give a function that starts an sshd with further lines in its configuration, for the test alone."""
    if reason := why_no_sshd():
        pytest.skip(reason)
    started: list[Sshd] = []

    def start(*lines: str) -> Sshd:
        sshd = Sshd(tmp_path / f"sshd{len(started)}", lines=lines)
        sshd.start()
        started.append(sshd)
        return sshd

    yield start
    for sshd in started:
        sshd.kill()


@pytest.fixture
def path() -> Iterator[Path]:
    """Give a path for a Unix socket, short enough for one."""
    with tempfile.TemporaryDirectory(prefix="ssh-", dir="/tmp") as folder:
        yield Path(folder) / "s"
