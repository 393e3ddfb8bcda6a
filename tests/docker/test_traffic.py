"""A host that is hung is told from one behind a way that is full: by the bytes that come, and by those that wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from backends.docker.traffic import CROWDED, MUCH, STALLED, Traffic

Clock = trio.testing.MockClock

PATIENCE = 2.0


class Way(trio.abc.HalfCloseableStream):
    """A way to a host that takes so many seconds for each write, and gives what a test puts in."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.put, self._given = trio.open_memory_channel[bytes](10)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(self.seconds)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._given.receive()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def given_up_after(traffic: Traffic, *, most: float = 1000) -> float:
    """Take a step that is never answered; return after how long it was given up."""
    began = trio.current_time()
    with pytest.raises(trio.TooSlowError):
        await traffic.patiently(PATIENCE, trio.sleep_forever, most=most)
    return round(trio.current_time() - began, 3)


async def while_running(work: Callable[[trio.abc.HalfCloseableStream], object], way: Way, **options: float) -> float:
    """Return how long a step has while a task works on a watched way."""
    traffic = Traffic()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, traffic.watched(way))  # type: ignore[arg-type]
        await trio.testing.wait_all_tasks_blocked()
        try:
            return await given_up_after(traffic, **options)
        finally:
            nursery.cancel_scope.cancel()


async def test_silent_host_is_given_up_in_time(autojump_clock: Clock) -> None:
    """Where nothing comes and nothing waits, a step has its seconds and no more."""
    assert await given_up_after(Traffic()) == PATIENCE


async def test_answer_ends_the_step(autojump_clock: Clock) -> None:
    """What it returns is returned at once, and what it fails with is raised as it is."""

    async def answer() -> str:
        await trio.sleep(1)
        return "pong"

    async def fail() -> str:
        raise OSError("refused")

    assert await Traffic().patiently(PATIENCE, answer) == "pong"
    assert trio.current_time() == 1
    with pytest.raises(OSError, match="refused"):
        await Traffic().patiently(PATIENCE, fail)


async def test_what_comes_as_the_caller_is_cancelled_is_not_lost(autojump_clock: Clock) -> None:
    """A connection that is made at that moment has nobody else to close it."""
    with trio.CancelScope() as scope:

        async def dial() -> str:
            scope.cancel()
            return "a connection"

        assert await Traffic().patiently(PATIENCE, dial) == "a connection"


async def test_bytes_that_come_give_more_time(autojump_clock: Clock) -> None:
    """While a host is heard it is not given up, and then the seconds begin anew."""
    way = Way()

    async def read(stream: trio.abc.HalfCloseableStream) -> None:
        for _ in range(10):
            await trio.sleep(1)
            await way.put.send(b"x")
            await stream.receive_some()

    assert await while_running(read, way) == 10 + PATIENCE


async def test_there_is_a_most(autojump_clock: Clock) -> None:
    """However much comes, a step that has a bound ends there."""
    way = Way()

    async def read(stream: trio.abc.HalfCloseableStream) -> None:
        while True:
            await trio.sleep(1)
            await way.put.send(b"x")
            await stream.receive_some()

    assert await while_running(read, way, most=5) == 5


async def test_end_of_a_stream_is_no_byte(autojump_clock: Clock) -> None:
    """A connection that ends says nothing of the host."""
    way = Way()

    async def read(stream: trio.abc.HalfCloseableStream) -> None:
        await trio.sleep(1)
        await way.put.send(b"")
        await stream.receive_some()

    assert await while_running(read, way) == PATIENCE


async def test_upload_that_goes_on_gives_more_time_but_not_for_ever(autojump_clock: Clock) -> None:
    """A way that takes bytes slowly is full, and may be so for a while without an answer."""

    async def write(stream: trio.abc.HalfCloseableStream) -> None:
        while True:
            await stream.send_all(b"x")

    assert await while_running(write, Way(seconds=4)) == CROWDED


async def test_upload_that_stalls_is_soon_given_up(autojump_clock: Clock) -> None:
    """A frozen host takes nothing more once its buffers are full."""

    async def write(stream: trio.abc.HalfCloseableStream) -> None:
        await stream.send_all(b"x")

    assert await while_running(write, Way(seconds=1000)) == STALLED


async def test_much_that_found_room_may_lie_in_buffers(autojump_clock: Clock) -> None:
    """What was sent last of an upload is on its way for a while after nothing waits any more."""

    async def write(stream: trio.abc.HalfCloseableStream) -> None:
        await stream.send_all(bytes(MUCH))

    assert await while_running(write, Way()) == STALLED


async def test_bytes_that_find_room_prove_nothing(autojump_clock: Clock) -> None:
    """What the kernel takes at once may lie there: requests to a frozen host give it no more time."""

    async def write(stream: trio.abc.HalfCloseableStream) -> None:
        while True:
            await stream.send_all(b"x")
            await trio.sleep(0.1)

    assert await while_running(write, Way()) == PATIENCE
