"""What `/proc` tells of other processes: whether they are there, what they have open, whom they have started."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def descriptors(pid: int) -> list[str]:
    """Return what a process's open descriptors stand for, sorted, with the numbers of sockets and pipes left out."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            links.append(str(entry.readlink()).split(":[")[0])
    return sorted(links)


def children(pid: int) -> list[int]:
    """Return the process ids of its children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def peak_memory(pid: int) -> int:
    """Return the bytes of memory that a process has had at most."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def is_running(pid: int) -> bool:
    """Tell whether there is such a process; one that has ended and that nobody has waited for is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait until none of these processes is left, but not for ever; return those that are."""
    left = list(pids)
    deadline = time.monotonic() + seconds
    while left := [pid for pid in left if is_running(pid)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left
