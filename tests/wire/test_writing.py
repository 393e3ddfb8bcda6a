"""Turns: who may send next, and who waits."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from backends.fake.memory import Gate, GatedStream, memory_stream_pair
from swarmkit.wire.writing import BACKLOG, Writer


class Heap:
    """What a writer needs of a machine: something to take from."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.idle = False
        self.open_calls = 1

    @property
    def backlog(self) -> int:
        return sum(map(len, self.waiting))

    pressing = backlog

    def data_to_send(self) -> list[bytes]:
        return [self.waiting.pop(0)] if self.waiting else []


def writer_of(heap: Any, stream: trio.abc.HalfCloseableStream) -> Writer:
    """Make a writer."""
    return Writer(heap, stream)


async def send(writer: Writer, heap: Heap, data: bytes, done: list[bytes]) -> None:
    """Send as a pump does."""
    await writer.turn()
    heap.waiting.append(data)
    writer.wake()
    done.append(data[:1])


async def test_first_come_first_served(autojump_clock: MockClock) -> None:
    """While the transport stands still what fits is handed over; the others wait, and go in the order they came."""
    near, far = memory_stream_pair()
    gate = Gate()
    heap, done = Heap(), list[bytes]()
    writer = writer_of(heap, GatedStream(near, gate))
    async with trio.open_nursery() as nursery:
        gate.shut()
        nursery.start_soon(writer.run)
        for byte in b"abcdefgh":
            nursery.start_soon(send, writer, heap, bytes([byte]) * BACKLOG, done)
            await wait_all_tasks_blocked()
        assert done == [b"a", b"b"]  # one is being written, and one is as much as may wait
        gate.open()
        received = b""
        while len(received) < 8 * BACKLOG:
            received += await far.receive_some()
        assert bytes(received[::BACKLOG]) == b"abcdefgh"
        assert b"".join(done) == b"abcdefgh"
        nursery.cancel_scope.cancel()


async def test_one_that_gives_up_is_passed_over(autojump_clock: MockClock) -> None:
    """Those behind it are not."""
    near, far = memory_stream_pair()
    gate = Gate()
    heap, done = Heap(), list[bytes]()
    writer = writer_of(heap, GatedStream(near, gate))
    async with trio.open_nursery() as nursery:
        gate.shut()
        nursery.start_soon(writer.run)
        scopes = [trio.CancelScope() for _ in range(5)]

        async def try_to_send(byte: int, scope: trio.CancelScope) -> None:
            with scope:
                await send(writer, heap, bytes([byte]) * BACKLOG, done)

        for byte, scope in zip(b"abcde", scopes, strict=True):
            nursery.start_soon(try_to_send, byte, scope)
            await wait_all_tasks_blocked()
        scopes[2].cancel()
        gate.open()
        received = b""
        while len(received) < 4 * BACKLOG:
            received += await far.receive_some()
        assert b"".join(done) == b"abde"
        nursery.cancel_scope.cancel()


async def test_nobody_waits_for_a_turn_of_what_is_over(autojump_clock: MockClock) -> None:
    """All are let go at once, those who come later, too."""
    near, _far = memory_stream_pair()
    heap, done = Heap(), list[bytes]()
    writer = writer_of(heap, near)
    async with trio.open_nursery() as nursery:
        heap.waiting.append(bytes(BACKLOG))
        for byte in b"abc":
            nursery.start_soon(send, writer, heap, bytes([byte]), done)
        await wait_all_tasks_blocked()
        assert done == []
        writer.end()
    await send(writer, heap, b"d", done)
    assert sorted(done) == [b"a", b"b", b"c", b"d"]


async def test_a_pause_keeps_everybody_out_until_all_is_written(autojump_clock: MockClock) -> None:
    """So that a connection that is busy can be closed in an orderly way."""
    near, _far = memory_stream_pair()
    heap, done = Heap(), list[bytes]()
    writer = writer_of(heap, near)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        heap.waiting.append(b"last words")
        writer.pause()
        writer.wake()
        nursery.start_soon(send, writer, heap, b"a", done)
        await writer.wait_drained()
        assert (heap.waiting, done) == ([], [])
        writer.end()
        await wait_all_tasks_blocked()
        assert done == [b"a"]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def writing_to_a_socket(heap: Heap) -> AsyncIterator[tuple[Writer, socket.socket]]:
    """Run a writer that has nothing to do yet; yield the other end, too."""
    near, far = socket.socketpair()
    far.setblocking(False)
    async with trio.SocketStream(trio.socket.from_stdlib_socket(near)) as stream, trio.open_nursery() as nursery:
        with far:
            writer = writer_of(heap, stream)
            nursery.start_soon(writer.run)
            await wait_all_tasks_blocked()
            yield writer, far
            nursery.cancel_scope.cancel()


async def test_what_one_call_has_to_say_is_written_to_a_socket_at_once() -> None:
    """The task is not waited for."""
    heap = Heap()
    async with writing_to_a_socket(heap) as (writer, far):
        heap.waiting.append(b"a")
        writer.wake()
        assert far.recv(10) == b"a"
        await writer.wait_drained()


@pytest.mark.parametrize(("calls", "crowded"), [(2, False), (1, True)])
async def test_what_several_have_to_say_is_left_to_the_task(calls: int, crowded: bool) -> None:
    """For it writes that in one go: several calls are open, or several things have just come."""
    heap = Heap()
    heap.open_calls = calls
    async with writing_to_a_socket(heap) as (writer, far):
        writer.crowded = crowded
        heap.waiting.append(b"a")
        writer.wake()
        with pytest.raises(BlockingIOError):
            far.recv(10)
        await wait_all_tasks_blocked()
        assert far.recv(10) == b"a"


async def test_what_the_socket_does_not_take_at_once_is_written_by_the_task() -> None:
    """Nothing is lost, and what comes later stays behind it."""
    heap, size = Heap(), 10_000_000
    async with writing_to_a_socket(heap) as (writer, far):
        for byte in (b"a", b"b"):
            heap.waiting.append(byte * size)
            writer.wake()
        assert (writer.busy, heap.backlog) == (True, size)
        received = b""
        while len(received) < 2 * size:
            await trio.lowlevel.wait_readable(far)
            received += far.recv(size)
        assert received == b"a" * size + b"b" * size
        await writer.wait_drained()
        assert not writer.busy


async def test_the_task_says_that_a_socket_is_broken() -> None:
    """Whoever wrote first is not the one to be told."""
    heap = Heap()
    with pytest.RaisesGroup(trio.BrokenResourceError):
        async with writing_to_a_socket(heap) as (writer, far):
            far.close()
            heap.waiting.append(b"a")
            writer.wake()
            await trio.sleep_forever()
