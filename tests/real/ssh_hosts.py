"""The test engines as hosts that are reached through ssh: a real sshd on each one's machine.

What ssh itself does is tested in `tests/ssh`; here is what a whole virtual host makes of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ..ssh.sshd import Sshd
from .engines import Engine

_ESTABLISHED = "01"
"""How `/proc/net/tcp` says that a connection is open."""


class SshHost:
    """An engine, and an sshd on its machine; `lines` go into the configuration of the sshd."""

    def __init__(self, engine: Engine, folder: Path, *, port: int = 22, lines: Sequence[str] = ()) -> None:
        self.engine = engine
        self.sshd = Sshd(folder, (), engine.address, port, lines)

    @property
    def stage(self) -> str:
        """The words that reach the engine's socket through ssh."""
        at = f"root@{self.sshd.address}:{self.sshd.port}"
        return " ".join(["ssh", f"{at}{self.engine.socket}", *self.sshd.options()])

    def start(self) -> None:
        """Start the sshd, whatever has become of it; whoever is connected still has been forgotten by his ssh."""
        self.sshd.kill()
        self.sshd.prefix = tuple(self.engine.machine.inside(()))  # another, if the machine was switched on again
        self.sshd.start()

    def connections(self) -> int:
        """Count the TCP connections to the sshd."""
        local = f":{self.sshd.port:04X}"
        rows = (line.split() for line in Path(f"/proc/{self.engine.machine.init}/net/tcp").read_text().splitlines())
        return sum(row[1].endswith(local) and row[3] == _ESTABLISHED for row in rows)

    def wait_connections(self, expected: int, seconds: float) -> int:
        """Wait until there are so many, but not for ever; return how many there are."""
        deadline = time.monotonic() + seconds
        while (found := self.connections()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return found
