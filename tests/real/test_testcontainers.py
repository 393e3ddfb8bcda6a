"""testcontainers, with which test suites start what they need, works on a virtual host unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engines import Engine
from .swarm import Swarmd, over, serving

_SCRIPT = Path(__file__).parent / "with_testcontainers.py"

_SETTINGS = {
    "TESTCONTAINERS_CONNECTION_MODE": "docker_host",  # else it looks whether it is in a container itself
    "TESTCONTAINERS_RYUK_DISABLED": "true",  # what cleans up after a killed suite is an image to pull
}

TOLD = """\
log: b'ready\\n'
exec: BytesExecResult(exit_code=0, output=b'hello\\n')
fails: 7
port: True
left: []
networks: []
"""


@pytest.fixture
def swarmd(clean_engines: list[Engine], tmp_path: Path) -> Iterator[Swarmd]:
    """Give a virtual host of two engines."""
    with serving(tmp_path / "swarm.sock", over(clean_engines[:2])) as swarmd:
        yield swarmd


def test_a_suite_on_testcontainers(swarmd: Swarmd) -> None:
    """A server and its client meet in the network that they name: both are on its host; nothing is left of them.

    A process of its own: what the library leaves to the garbage collector is not ours to complain of.
    """
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": swarmd.url, **_SETTINGS}
    command = [sys.executable, str(_SCRIPT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == TOLD
