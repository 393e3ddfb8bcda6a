"""A container's log in memory."""

from __future__ import annotations

import trio

from backends.fake.clock import Clock
from backends.fake.output import Log


async def test_what_follows_begins_with_the_call(autojump_clock: trio.testing.MockClock) -> None:
    """What is written, and a run that ends, between the call and the first entry asked for are not missed."""
    log = Log(Clock(0))
    log.write(1, b"before\n")
    news = log.follow()
    log.write(1, b"between\n")
    log.flush()
    with trio.fail_after(1):
        assert [entry.data async for entry in news] == [b"between\n"]
