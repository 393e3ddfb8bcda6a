"""The tasks that write streamed answers, beside the requests that asked for them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

import trio

log = logging.getLogger(__name__)

Ts = TypeVarTuple("Ts")


class Background:
    """Start tasks in a nursery. A fault in one is logged and ends that one: a strange host must not end the front.

    A task is expected to own its stream, whose reader then meets a cut.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def start_soon(self, run: Callable[[*Ts], Awaitable[None]], *args: *Ts) -> None:
        """Start a task."""

        async def guarded() -> None:
            try:
                await run(*args)
            except Exception:
                log.exception("a streamed answer failed")

        self._nursery.start_soon(guarded)
