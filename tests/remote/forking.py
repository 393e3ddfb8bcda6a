"""A far end on standard streams that starts at once: a process that has loaded swarmd already, and forks.

`python -m tests.remote.forking SOCKET` waits on a Unix socket for who asks. Each brings three descriptors, which become
the standard streams of a fork that runs `swarmd` with the words given. `command_for` makes the command that asks so and
ends as the fork does: a test can start a far end for each of a hundred checks, and pay for one interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from swarmkit import swarmd
from swarmkit.registry import Registry

_READY_WITHIN = 60.0
"""Seconds that an interpreter may take to load swarmd on a loaded machine."""

_ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    socket.send_fds(asking, [sys.argv[2].encode()], [0, 1, 2])
    sys.exit(int(asking.recv(8) or b"1"))
"""


def command_for(path: Path, *words: str) -> list[str]:
    """Return the command that runs `swarmd` with these words in a fork of the process on `path`."""
    return [sys.executable, "-I", "-S", "-c", _ASK, str(path), json.dumps(words)]


@contextmanager
def forking_on(path: Path) -> Iterator[None]:
    """Run the process that forks for the length of a block."""
    process = subprocess.Popen([sys.executable, "-m", __name__, str(path)], stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_WITHIN
        while not path.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


def main(path: str) -> None:
    """Fork for each command; what has ended is reaped by the kernel."""
    for part in ("listen", "aggregate", "docker", "fake", "debug", "hosts"):
        Registry().find(part)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # it is there only once it can be connected to
        while True:
            asking, _ = listener.accept()
            with asking:
                words, streams, _, _ = socket.recv_fds(asking, 65536, 3)
                if os.fork() == 0:
                    listener.close()
                    _become_swarmd(json.loads(words), streams, asking)
                for stream in streams:
                    os.close(stream)


def _become_swarmd(words: list[str], streams: list[int], asking: socket.socket) -> None:
    """Run swarmd in a fork, and tell its exit status to who asked for it, who may have gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv[1:] = words
    status = 1
    try:
        swarmd.main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    finally:
        with suppress(OSError):
            asking.sendall(b"%d" % status)
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
