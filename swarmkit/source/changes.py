"""Noticing that files have changed, by looking at them now and then: where they are does not matter, nor how many."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable

import trio

LOOK_SECONDS = 0.5
"""Seconds between two looks. A change is taken up at the second look that sees it: within twice this time."""

Mark = tuple[int, int, int] | None


def mark_of(path: str | os.PathLike[str]) -> Mark:
    """Return what another content of a file changes: its time, its size, its inode; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


async def follow_changes(look: Callable[[], Hashable], take: Callable[[], None]) -> None:
    """Call `take` each time that what `look` sees is another, until cancelled; and once after the first looks.

    Two looks must see the same: what is being written is not read half, for which an empty file could pass. inotify
    would be quicker, but sees nothing on network file systems, and follows no file that is replaced by its name.
    """
    taken: tuple[Hashable, ...] = ()
    seen: tuple[Hashable, ...] = ()
    while True:
        before, seen = seen, (look(),)
        if before == seen != taken:
            take()
            taken = seen
        await trio.sleep(LOOK_SECONDS)
