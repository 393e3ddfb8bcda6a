"""`swarmd 'listen …'` as a process of its own: started over stages, looked into, killed and started again."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READY_WITHIN = 30.0
_ENDED_WITHIN = 10.0


class Far:
    """The back half of a pipeline, served on the Unix socket `socket`."""

    def __init__(self, socket: Path, *stages: str) -> None:
        self.socket = socket
        self.log_file = socket.with_suffix(".log")
        self._command = [sys.executable, "-m", "swarmkit.swarmd", f"listen {self.url}", *stages]
        self.start()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        size = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_WITHIN
        while "ready on" not in self.log[size:]:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """What it has said."""
        return self.log_file.read_text()

    @property
    def resident(self) -> int:
        """Bytes of memory that it has."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def kill(self) -> None:
        """End it as a machine ends whose power fails."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Have it end, which must be clean."""
        self._process.terminate()
        assert self._process.wait(_ENDED_WITHIN) == 0, self.log


@contextmanager
def listening(socket: Path, *stages: str) -> Iterator[Far]:
    """Serve stages for the length of a block."""
    far = Far(socket, *stages)
    try:
        yield far
    except BaseException:
        far.kill()
        raise
    far.stop()
