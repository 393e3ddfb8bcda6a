"""Running a pipeline, or a command's work, as a process: until a signal comes, with an exit code for how it ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from types import FrameType

import trio

from .errors import SwarmError
from .instance import errors_within
from .notify import notify
from .pipeline import Pipeline
from .service import Service

log = logging.getLogger("swarmkit.swarmd")  # what the command says, wherever it is written

EXIT_FAILED, EXIT_USAGE, EXIT_BUG = 1, 2, 70
"""Exit codes: a stage could not be opened or gave up; the words make no pipeline; a fault of the program
(`EX_SOFTWARE`)."""

Greet = Callable[[Service], Awaitable[None]]
"""Says, once all is open, what else there is to say; it is given the front."""

Locate = Callable[[SwarmError], SwarmError]
"""Adds to an error where the stage that it names is written."""

_STOPPING = (signal.SIGINT, signal.SIGTERM)


async def hint_at(front: Service) -> None:
    """Log how the front may be used."""
    if hint := getattr(front, "hint", ""):
        log.info("try: %s", hint)


def run(pipeline: Pipeline, *, greet: Greet = hint_at, locate: Locate = lambda error: error) -> int:
    """Run a pipeline until a signal comes; return the exit code, as `run_until_signal` does.

    A service manager is told when it is ready.
    """

    async def serve() -> int:
        async with pipeline.open() as front:
            _say_ready(getattr(front, "addresses", ()))
            await greet(front)
            # A front whose clients cannot come again (those of the standard streams) ends the program with them.
            await getattr(front, "wait_ended", trio.sleep_forever)()
        return 0

    return run_until_signal(serve, locate=locate)


def run_until_signal(work: Callable[[], Awaitable[int]], *, locate: Locate = lambda error: error) -> int:
    """Run `work` until it returns an exit code, or a signal ends it; return the code, having logged what went wrong.

    A second signal ends the process at once. A service manager is told when it stops.
    """
    try:
        return trio.run(_run, work)
    except KeyboardInterrupt:  # before the signals were ours
        return 128 + signal.SIGINT
    except Exception as error:
        errors = errors_within(error)
        if not errors:
            log.exception("a fault of the program")
            return EXIT_BUG
        for each in errors:
            log.error("%s", locate(each))
            log.debug("raised here:", exc_info=each)
        return EXIT_FAILED


async def _run(work: Callable[[], Awaitable[int]]) -> int:
    code = 0  # where a signal ends it
    with trio.open_signal_receiver(*_STOPPING) as signals:
        async with trio.open_nursery() as nursery:

            async def heed() -> None:
                async for number in signals:
                    log.info("%s: closing", signal.Signals(number).name)
                    notify("STOPPING=1")
                    for each in _STOPPING:
                        signal.signal(each, _exit_at_once)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(heed)
            code = await work()
            nursery.cancel_scope.cancel()
    return code


def _exit_at_once(number: int, _: FrameType | None) -> None:
    """Leave at a second signal, whatever the first one's closing waits for."""
    # The default action of a signal would not do: the kernel ignores it for the first process of a container.
    os._exit(128 + number)


def _say_ready(addresses: tuple[str, ...]) -> None:
    """Say where a front listens: a line for each address, and all of them to a service manager."""
    notify("READY=1", f"STATUS=ready on {', '.join(addresses)}" if addresses else "STATUS=ready")
    lines = [f"swarmd: ready on {address}" for address in addresses]
    say(*(lines or ["swarmd: ready"]))


def say(*lines: str) -> bool:
    """Print lines on standard output, at once; return whether anybody can read them."""
    try:
        for line in lines:
            print(line, flush=True)
    except OSError as error:
        # Whoever wanted to know has gone, or his disk is full. We may be there to serve others.
        if not isinstance(error, BrokenPipeError):
            log.warning("nothing more can be said on standard output: %s", error.strerror)
        drop_output()
        return False
    return True


def drop_output() -> None:
    """Have standard output go nowhere, with what is not flushed yet: it would fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
