"""The command lines of ssh: the one that holds the connection, and those that ask something of it.

ssh takes the first value that it meets: what must hold stands before the user's options, what is merely a default after
them; both stand before the user's configuration files.
"""

from __future__ import annotations

import functools
import shutil
import subprocess

from attrs import frozen

from .address import SshAddress
from .folder import CONTROL, FORWARDED
from .options import SshOptions

MUSTS = (
    "BatchMode=yes",  # it never asks anybody anything
    "ControlMaster=yes",
    "ControlPersist=no",
    "ClearAllForwardings=yes",  # those of the user's configuration are for the user's own connections
    "RemoteCommand=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "Tunnel=no",
    "LogLevel=INFO",  # it says why a channel could not be opened
)

NEWER_MUSTS = ("SessionType=default", "StdinNull=no", "ForkAfterAuthentication=no")
"""Options that OpenSSH knows since 8.7, and an older one has not in its files, either."""

DEFAULTS = ("ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=2")
"""A silent host is noticed after some 15 seconds: 10 without an answer, and the interval that they fall into."""


@frozen
class SshCommand:
    """What makes the command lines for one connection, whose control socket is in `folder`."""

    address: SshAddress
    options: SshOptions
    folder: str

    @property
    def control(self) -> str:
        """The control socket of the connection."""
        return f"{self.folder}/{CONTROL}"

    @property
    def local(self) -> str:
        """The socket that is forwarded."""
        return f"{self.folder}/{FORWARDED}"

    def connect(self, script: str | None) -> list[str]:
        """Hold a connection, with a session that runs `script` in a POSIX shell, or with no session at all.

        Raises OSError where there is no ssh.
        """
        musts = [*MUSTS, f"ControlPath={self.control}", *(NEWER_MUSTS if _knows_newer() else ())]
        if script is None:
            musts = [must for must in musts if not must.startswith("SessionType")]
        words = [*_ending_with_us(), _ssh(), "-T", *(["-N"] if script is None else []), *_set(musts)]
        words += [*self.options.arguments, *_set(DEFAULTS)]
        words += [] if self.address.port is None else ["-p", str(self.address.port)]
        words += [] if self.address.user is None else ["-l", self.address.user]
        return [*words, "--", self.address.host, *([] if script is None else [in_shell(script)])]

    def forward(self, remote: str) -> list[str]:
        """Have the connection forward `local` to a Unix socket of the host."""
        return [*self._over("-O", "forward", "-L", f"{self.local}:{remote}"), "--", self.address.host]

    def session(self, script: str) -> list[str]:
        """Open a further session of the connection, which runs `script`."""
        # Where the connection takes no more, ssh would make one of its own: the proxy that is none keeps it from that.
        return [*self._over("-T", *_set(["ProxyCommand=false"])), "--", self.address.host, in_shell(script)]

    def _over(self, *words: str) -> list[str]:
        # No configuration file: all forwardings that one has would be asked for, too.
        settings = ["BatchMode=yes", "ControlMaster=no", "LogLevel=INFO", f"ControlPath={self.control}"]
        return [_ssh(), "-F", "/dev/null", *_set(settings), *words]


def in_shell(script: str) -> str:
    """Return the command that runs a script in a POSIX shell, whatever the account's login shell is.

    The script is one line, with no single quote, no backslash and no `!`: fish and csh read them within quotes.
    """
    if any(char in script for char in "'\\!\n"):
        raise ValueError(f"not for every login shell: {script!r}")
    return f"sh -c '{script}'"


def _set(settings: list[str] | tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def _ssh() -> str:
    found = shutil.which("ssh")
    if found is None:
        raise OSError("there is no ssh on this machine: install the OpenSSH client")
    return found


@functools.cache
def _ending_with_us() -> tuple[str, ...]:
    """Return what has the kernel end a process when ours ends, whichever way it does; nothing where that is missing."""
    words = ("setpriv", "--pdeathsig", "TERM", "--")
    try:
        works = subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return ()
    return words if works else ()  # busybox's has no such option


@functools.cache
def _knows_newer() -> bool:
    """Tell whether ssh knows `NEWER_MUSTS`; it says so without connecting."""
    words = [_ssh(), "-G", "-F", "/dev/null", *_set(NEWER_MUSTS), "localhost"]
    quiet = subprocess.DEVNULL
    return subprocess.run(words, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode == 0
