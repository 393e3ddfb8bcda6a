"""`swarmd` as a process of its own: started over stages, looked into, ended with SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import processes
from .engines import Engine

_READY_WITHIN = 20.0  # seconds; well under one on a quiet machine
_ENDED_WITHIN = 10.0


class Swarmd:
    """One running `swarmd`, serving on the Unix socket `socket`; `front` are further words for its front."""

    def __init__(self, socket: Path, *stages: str, front: str = "") -> None:
        self.socket = socket
        self.output = socket.with_suffix(".out")
        self.log_file = socket.with_suffix(".log")
        command = [sys.executable, "-m", "swarmkit.swarmd", f"dockerserver {self.url} {front}", *stages]
        with self.output.open("wb") as output, self.log_file.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_file.read_text()

    def wait_ready(self) -> None:
        """Wait until it says that it is ready, and where."""
        line = f"ready on {self.url}"
        deadline = time.monotonic() + _READY_WITHIN
        while line not in self.output.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"swarmd did not say {line!r} (exit {self._process.returncode}):\n{self.log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Send SIGTERM; it must exit with 0, having removed its socket."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"swarmd did not end within {_ENDED_WITHIN} s of SIGTERM:\n{self.log}") from None
        assert code == 0, f"swarmd ended with {code}:\n{self.log}"
        assert not self.socket.exists(), "swarmd left its socket behind"

    def kill(self) -> None:
        """End it in any case."""
        self._process.kill()
        self._process.wait()

    def descriptors(self) -> list[str]:
        """Return what its open descriptors stand for, sorted, with the numbers of sockets and pipes left out."""
        return processes.descriptors(self.pid)

    def children(self) -> list[int]:
        """Return the process ids of its children."""
        return processes.children(self.pid)

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


def over(engines: Sequence[Engine], **stages: str) -> str:
    """Return the stage that makes one host of these engines, each a member with the engine's name.

    `stages` has, by name, those that are reached otherwise than by their Unix sockets.
    """
    members = (f'"{engine.name}={stages.get(engine.name, f"docker {engine.url}")}"' for engine in engines)
    return f"aggregate {' '.join(members)}"


@contextmanager
def serving(socket: Path, *stages: str, front: str = "") -> Iterator[Swarmd]:
    """Run swarmd over `stages` for the length of a block; its end must be clean."""
    swarmd = Swarmd(socket, *stages, front=front)
    try:
        swarmd.wait_ready()
        yield swarmd
    except BaseException:
        swarmd.kill()
        raise
    swarmd.stop()
