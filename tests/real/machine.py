"""A test machine: network, host name, mounts and processes of its own, and a link that can be cut.

It is made of Linux namespaces and knows nothing of Docker. Its first process reads a pipe of ours and ends with it, and
the kernel ends all others with the first: whatever becomes of the tests, no process, mount or device stays.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .processes import wait_until_gone

NETWORK = "198.18.0.0/15"
"""Where the machines' addresses are, and ours on their links: RFC 2544 sets it aside for tests."""

_NOBODY = "02:00:00:00:00:01"

_ENDED_WITHIN = 20.0  # seconds; some milliseconds on a quiet machine

_serial = itertools.count(1)


class Machine:
    """Namespaces that live from `open` to `close`; may be opened again, as one switches a machine off and on."""

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        serial = next(_serial)
        self._device = f"sw{os.getpid()}n{serial}"  # at most 15 characters
        self.gateway, self.address = _free_pair(os.getpid() * 8 + serial)
        self._shell: subprocess.Popen[bytes] | None = None
        self.init = 0

    @property
    def is_open(self) -> bool:
        """Whether it is switched on."""
        return self._shell is not None

    @property
    def netns(self) -> Path:
        """The network namespace, for `nsenter --net=`."""
        return Path(f"/proc/{self.init}/ns/net")

    def open(self) -> None:
        """Make the namespaces and the link. The machine's only route is through us, and we forward nothing."""
        words = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]
        # Its own /run: containerd's shims keep sockets there, iptables its lock. docker-init (tini) reaps orphans.
        script = 'hostname "$0" && mount -t tmpfs none /run && ip link set lo up && echo up && exec docker-init -- cat'
        shell = subprocess.Popen([*words, script, self.hostname], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert shell.stdout is not None
        self._shell = shell
        if shell.stdout.readline() != b"up\n":
            raise RuntimeError(f"the namespaces of {self.hostname} could not be made (exit {shell.wait()})")
        self.init = only_child(shell.pid)
        _run(f"ip link add {self._device} type veth peer name eth0 netns {self.init}")
        _run(f"ip addr add {self.gateway}/30 dev {self._device}")
        _run(f"ip link set {self._device} up")
        for command in (
            f"ip addr add {self.address}/30 dev eth0",
            "ip link set eth0 up",
            f"ip route add default via {self.gateway}",
        ):
            _run(f"nsenter --net={self.netns} {command}")

    def close(self) -> None:
        """Switch it off: every process in it is killed at once, and gone afterwards. Idempotent."""
        shell, self._shell = self._shell, None
        if shell is None:
            return
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.kill()  # --kill-child takes the first process along, and that one all others
        shell.stdin.close()
        shell.stdout.close()
        shell.wait()
        if wait_until_gone([self.init], _ENDED_WITHIN):  # it ends after the shell, and after all others
            raise RuntimeError(f"the processes of {self.hostname} do not end")
        # The device goes with its namespace, but in its own time.
        subprocess.run(["ip", "link", "del", self._device], stderr=subprocess.DEVNULL, check=False)

    def cut(self) -> None:
        """Cut the link: packets are lost both ways without a word.

        Each side addresses the other by a station that is not there. A device set down would do it less well: its route
        goes with it, and packets take the machine's default route.
        """
        for prefix, address, device in self._ends():
            _run(f"{prefix}ip neigh replace {address} lladdr {_NOBODY} dev {device} nud permanent")

    def mend(self) -> None:
        """Mend the link. Idempotent."""
        for prefix, address, device in self._ends():
            if _NOBODY in _run(f"{prefix}ip neigh show {address} dev {device}"):
                _run(f"{prefix}ip neigh del {address} dev {device}")

    def narrow(self, rate: str, queue: str) -> None:
        """Let the link carry no more than `rate` (`2mbit`), each way; up to `queue` (`1mb`) waits for it."""
        for prefix, _, device in self._ends():
            _run(f"{prefix}tc qdisc replace dev {device} root tbf rate {rate} burst 32kb limit {queue}")

    def widen(self) -> None:
        """Let the link carry what it can again."""
        for prefix, _, device in self._ends():
            _run(f"{prefix}tc qdisc del dev {device} root")

    def _ends(self) -> tuple[tuple[str, str, str], ...]:
        inside = f"nsenter --net={self.netns} "
        return ("", self.address, self._device), (inside, self.gateway, "eth0")

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in the machine."""
        return ["nsenter", f"--target={self.init}", "--net", "--uts", "--mount", "--pid", "--", *command]


def only_child(pid: int) -> int:
    """Return the one child of a process, which is an `unshare` or `nsenter` that waits for it."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _free_pair(start: int) -> tuple[str, str]:
    """Return two addresses of a /30 of `NETWORK` that nobody here uses."""
    taken = _run("ip -brief addr")
    for offset in range(1 << 15):
        base = ((start + offset) % (1 << 15)) * 4
        first, second = (
            f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}" for number in (base + 1, base + 2)
        )
        if f"{first}/" not in taken:
            return first, second
    raise RuntimeError(f"no address is left in {NETWORK}")


def _run(command: str) -> str:
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
    return done.stdout
