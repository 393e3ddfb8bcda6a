"""The nursery that a stage's instance owns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_instance() -> AsyncIterator[trio.Nursery]:
    """Open a nursery whose tasks are cancelled when the block ends.

    An exception of the block leaves as it is, not in a group: the block is the user's code, and they would otherwise
    meet one group for each stage of their pipeline. A failure of a task is still a group, as trio has it.
    """
    caught: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield nursery
        except Exception as error:
            caught = error
        nursery.cancel_scope.cancel()
    if caught is not None:
        raise caught
