"""The nursery that a stage's instance owns, and what comes out of nurseries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from .errors import SwarmError


@asynccontextmanager
async def open_instance() -> AsyncIterator[trio.Nursery]:
    """Open a nursery whose tasks are cancelled when the block ends.

    An exception of the block leaves as it is, not in a group: the block is the user's code, and they would otherwise
    meet one group for each stage of their pipeline. A failure of a task is still a group, as trio has it, and where
    both fail the block's exception is in that group.
    """
    caught: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except Exception as error:
                caught = error
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if caught is None:
            raise
        raise BaseExceptionGroup(group.message, [caught, *group.exceptions]) from None
    if caught is not None:
        try:
            raise caught
        finally:
            caught = None  # its traceback holds this frame: leave no cycle


def errors_within(error: BaseException) -> list[SwarmError]:
    """Return the `SwarmError`s that an exception is, or that a group holds, however nested.

    The list is empty where anything else is among them: that is a bug, and must not pass for what was foreseen.
    """
    if isinstance(error, SwarmError):
        return [error]
    if not isinstance(error, BaseExceptionGroup):
        return []
    found = [errors_within(each) for each in error.exceptions]
    return [each for some in found for each in some] if all(found) else []
