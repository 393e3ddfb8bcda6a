"""A real sshd with a configuration, keys and a port of its own: as any user, on loopback or on a test's machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..real.processes import wait_until_gone

SSHD = Path("/usr/sbin/sshd")

DEADLINE = 20.0
"""Seconds for starting it; a machine that is busy with other tests takes some."""


def why_no_sshd() -> str | None:
    """Return why no sshd can be started here, or None."""
    if not SSHD.exists():
        return f"needs {SSHD} (Debian: openssh-server)"
    if shutil.which("ssh") is None:
        return "needs ssh (Debian: openssh-client)"
    return None


class Sshd:
    """An sshd that lets in, by one key, the user who runs it. Files are in `folder`; `port` 0 stands for a free one.

    `prefix` is put in front of its command line (to start it on another machine), `lines` in front of its
    configuration, where the first value of a keyword is the one that holds. Its log is the file `log`.
    """

    def __init__(
        self,
        folder: Path,
        prefix: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int = 0,
        lines: Sequence[str] = (),
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.prefix = tuple(prefix)
        self.address = address
        self.port = port or _free_port(address)
        self.lines = tuple(lines)
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self._config = folder / "config"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files()

    def _write_files(self) -> None:
        for key in (self.key, self.folder / "host"):
            if not key.exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        kind, data = (self.folder / "host.pub").read_text().split()[:2]
        at = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        self.known_hosts.write_text(f"{at} {kind} {data}\n")
        (self.folder / "authorized").write_text((self.folder / "key.pub").read_text())
        ours = [
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/authorized",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
        ]
        self._config.write_text("\n".join([*self.lines, *ours]) + "\n")

    # -- running --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, and wait until it listens."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        command = ["sh", "-c", f"mkdir -p /run/sshd 2>/dev/null; exec {SSHD} -D -e -f {self._config}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*self.prefix, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE
        while b"Server listening" not in (said := self.log.read_bytes()[begin:]):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"sshd does not start: {said.decode(errors='replace')}")
            time.sleep(0.01)

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def pids(self) -> list[int]:
        """Return the numbers of its processes: the one that listens, and those of the connections."""
        found = [] if self._process is None else [self._process.pid]
        for pid in found:
            found += _children(pid)
        return [pid for pid in found if _name(pid).startswith("sshd")]

    def kill(self) -> None:
        """End it and all its connections without a word. Idempotent."""
        self.freeze()  # the one that listens could start another one meanwhile, which would keep the port
        process, pids = self._process, self.pids()
        self._process = None
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        if process is not None:
            process.kill()
            process.wait()
        if left := wait_until_gone(pids, DEADLINE):  # they keep the port until then
            raise RuntimeError(f"sshd does not end: {left}")

    stop = kill

    def freeze(self) -> None:
        """Stop its processes: it answers nothing more, and refuses nothing."""
        for pid in self.pids():
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its processes go on."""
        process = [] if self._process is None else [self._process.pid]  # an nsenter, which stops with its child
        for pid in [*process, *self.pids()]:
            _signal(pid, signal.SIGCONT)

    def options(self) -> list[str]:
        """Return ssh's options that reach it, whatever the user's own configuration and agent are."""
        known = f"UserKnownHostsFile={self.known_hosts}"
        return ["-F", "/dev/null", "-i", str(self.key), "-o", known, "-o", "IdentitiesOnly=yes"]


def _free_port(address: str) -> int:
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        return int(server.getsockname()[1])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return ""


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(pid, number)
