"""The standard streams of this process as one byte stream, for the far end of a pipe or of ssh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import trio

_IN, _OUT, _ERR = 0, 1, 2

StandardStream = trio.StapledStream[trio.lowlevel.FdStream, trio.lowlevel.FdStream]
"""Half-closeable: its output ends alone."""


@contextmanager
def standard_stream() -> Iterator[StandardStream]:
    """Take over standard input and output for the length of the block.

    Meanwhile whatever else reads standard input finds its end, and what is printed goes to standard error: one line of
    somebody's `print` would break the protocol. Others may share the descriptors: blocking or not, they are left as
    they were found.
    """
    with ExitStack() as stack:
        reading, writing = (_taken(number, stack) for number in (_IN, _OUT))
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), _IN)
        os.dup2(_ERR, _OUT)
        # trio's streams close their descriptors; these copies are theirs.
        yield trio.StapledStream(trio.lowlevel.FdStream(os.dup(writing)), trio.lowlevel.FdStream(os.dup(reading)))


def _taken(number: int, stack: ExitStack) -> int:
    """Return a copy of a descriptor, from which `stack` restores it."""
    copy, blocking = os.dup(number), os.get_blocking(number)
    stack.callback(os.close, copy)
    stack.callback(os.dup2, copy, number)
    stack.callback(os.set_blocking, copy, blocking)
    return copy
