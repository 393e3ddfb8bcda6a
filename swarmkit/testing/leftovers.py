"""What a block left behind: tasks of this trio run, and file descriptors of this process."""

from __future__ import annotations

import os
from collections import Counter

import trio
from attrs import frozen

_DESCRIPTORS = "/proc/self/fd"  # Linux; elsewhere descriptors are not looked at


@frozen
class Leftovers:
    """The tasks and descriptors at one moment, to be compared with a later one."""

    tasks: Counter[str]
    descriptors: int

    @classmethod
    def now(cls) -> Leftovers:
        """Count them."""
        root = trio.lowlevel.current_root_task()
        return cls(_tasks(root) if root is not None else Counter(), _descriptors())

    def excess(self) -> str:
        """Say what there is more now than there was, naming the tasks; an empty string where there is not."""
        later = Leftovers.now()
        texts: list[str] = []
        if more := later.tasks - self.tasks:
            texts.append(f"tasks are left: {', '.join(sorted(more.elements()))}")
        if later.descriptors > self.descriptors:
            texts.append(f"{later.descriptors - self.descriptors} file descriptors are left open")
        return "; ".join(texts)


def _tasks(task: trio.lowlevel.Task) -> Counter[str]:
    found = Counter([task.name])
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            found += _tasks(child)
    return found


def _descriptors() -> int:
    return len(os.listdir(_DESCRIPTORS)) if os.path.isdir(_DESCRIPTORS) else 0
