"""aiodocker, the client library of asyncio programs, works on a virtual host unchanged, as it does on an engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engines import Engine
from .swarm import Swarmd, over, serving

_SCRIPT = Path(__file__).parent / "with_aiodocker.py"

TOLD = """\
run: ['standard output\\n'] exit 3
refused: 409
logs: ['standard output\\n'] ['standard error\\n']
exec: [(1, b'inside\\n')] exit 0
stats: True
events: ['create', 'start', 'die', 'destroy']
listed: ['second', 'third']
copied: ['greeting'] b'hello'
gone: 404
images: ['busybox:latest']
volumes: ['data']
networks: ['net'] True
info: linux
"""


@pytest.fixture
def swarmd(clean_engines: list[Engine], tmp_path: Path) -> Iterator[Swarmd]:
    """Give a virtual host of two engines."""
    with serving(tmp_path / "swarm.sock", over(clean_engines[:2])) as swarmd:
        yield swarmd


@pytest.mark.parametrize("target", ["an engine", "the virtual host"])
def test_a_program_on_aiodocker(target: str, swarmd: Swarmd, clean_engines: list[Engine]) -> None:
    """It is told the same on both: containers, output, exec, statistics, events, archives, images, volumes, networks.

    A process of its own: what the library leaves to the garbage collector is not ours to complain of.
    """
    url = swarmd.url if target == "the virtual host" else clean_engines[2].url
    command = [sys.executable, str(_SCRIPT), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == TOLD
