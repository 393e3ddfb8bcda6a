import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from swarmkit.errors import Invalid, NotFound, Unavailable
from swarmkit.streams import BytesStream, HookedStream, PipeReceiver, PipeSender, copy_stream, open_pipe, read_whole


async def write(sender: PipeSender, *pieces: bytes) -> None:
    for piece in pieces:
        await sender.send_all(piece)
    sender.send_eof()


async def test_pipe_carries_bytes_to_their_end() -> None:
    """What is written is read, then the end of file, again each time."""
    sender, receiver = open_pipe()
    await write(sender, b"abc", b"", b"def")
    assert await receiver.receive_some() == b"abcdef"
    assert await receiver.receive_some() == b""
    assert await receiver.receive_some() == b""


@pytest.mark.parametrize("limit", [0, -1])
def test_pipe_holds_one_byte_at_least(limit: int) -> None:
    """A pipe that could hold nothing is refused, since writing would wait for ever."""
    with pytest.raises(ValueError, match="one byte at least"):
        open_pipe(limit)


async def test_reader_takes_no_more_than_it_asks_for() -> None:
    """`max_bytes` bounds one read, and the rest waits for the next."""
    sender, receiver = open_pipe()
    await write(sender, b"abcdef")
    assert [await receiver.receive_some(4), await receiver.receive_some(4)] == [b"abcd", b"ef"]


async def test_writer_waits_while_the_pipe_is_full(autojump_clock: MockClock) -> None:
    """A pipe holds its limit and no more, however much is written at once."""
    sender, receiver = open_pipe(10)
    with trio.move_on_after(60) as waited:
        await sender.send_all(b"x" * 25)
    assert waited.cancelled_caught
    assert await receiver.receive_some() == b"x" * 10


async def test_writer_goes_on_as_the_reader_reads() -> None:
    """A write larger than the pipe arrives whole and in order."""
    sender, receiver = open_pipe(10)
    data = bytes(range(256)) * 4
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, sender, data)
        assert await read_whole(receiver) == data


async def test_wait_for_room(autojump_clock: MockClock) -> None:
    """`wait_send_all_might_not_block` returns once something was read."""
    sender, receiver = open_pipe(4)
    await sender.wait_send_all_might_not_block()
    await sender.send_all(b"full")
    with trio.move_on_after(60) as waited:
        await sender.wait_send_all_might_not_block()
    assert waited.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.wait_send_all_might_not_block)
        await wait_all_tasks_blocked()
        assert await receiver.receive_some(1) == b"f"


async def test_cut_is_told_apart_from_the_end() -> None:
    """A writer that goes without an end of file leaves its bytes and then an error, never an end of file."""
    sender, receiver = open_pipe()
    await sender.send_all(b"half")
    await sender.aclose()
    assert await receiver.receive_some() == b"half"
    for _ in range(2):
        with pytest.raises(Unavailable, match="has gone"):
            await receiver.receive_some()


async def test_cut_says_why() -> None:
    """The reader meets the error that the stream was cut with, the first of several."""
    sender, receiver = open_pipe()
    sender.cut(NotFound("the container has gone"))
    sender.cut(Unavailable("late"))
    with pytest.raises(NotFound, match="the container has gone"):
        await receiver.receive_some()


async def test_closing_after_the_end_is_no_cut() -> None:
    """An end of file, once said, stands."""
    sender, receiver = open_pipe()
    await write(sender, b"all")
    await sender.aclose()
    sender.cut(Unavailable("late"))
    assert await read_whole(receiver) == b"all"


async def test_cut_counts_even_if_an_end_follows() -> None:
    """An end of file after a cut does not make a part look like the whole."""
    sender, receiver = open_pipe()
    sender.cut(Unavailable("cut"))
    sender.send_eof()
    with pytest.raises(Unavailable):
        await receiver.receive_some()


@pytest.mark.parametrize("end", ["eof", "cut", "close"])
async def test_end_wakes_a_waiting_reader(end: str) -> None:
    """A reader that waits meets the end at once, whichever it is."""
    sender, receiver = open_pipe()
    met: list[object] = []

    async def read() -> None:
        try:
            met.append(await receiver.receive_some())
        except (Unavailable, trio.ClosedResourceError) as error:
            met.append(type(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        if end == "eof":
            sender.send_eof()
        elif end == "cut":
            sender.cut(Unavailable("cut"))
        else:
            await receiver.aclose()
    assert met == [{"eof": b"", "cut": Unavailable, "close": trio.ClosedResourceError}[end]]


async def test_nothing_is_written_after_the_end() -> None:
    """Writing to a stream that one has ended oneself is a mistake of the writer."""
    sender, _ = open_pipe()
    sender.send_eof()
    with pytest.raises(trio.ClosedResourceError):
        await sender.send_all(b"more")


async def expect_broken(sender: PipeSender, data: bytes) -> None:
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(data)


async def test_reader_that_goes_wakes_the_writer() -> None:
    """Closing the reading end fails a pending write and any other, and wakes whoever waits for it."""
    sender, receiver = open_pipe(4)
    await sender.send_all(b"full")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_broken, sender, b"more")
        nursery.start_soon(sender.wait_reader_gone)
        await wait_all_tasks_blocked()
        await receiver.aclose()
    await expect_broken(sender, b"")
    with pytest.raises(trio.BrokenResourceError):
        await sender.wait_send_all_might_not_block()


async def test_wait_reader_gone_sleeps_through_traffic(autojump_clock: MockClock) -> None:
    """Reading is not going."""
    sender, receiver = open_pipe(4)
    with trio.move_on_after(60) as waited:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.wait_reader_gone)
            await sender.send_all(b"full")
            await receiver.receive_some()
            sender.send_eof()
    assert waited.cancelled_caught


async def test_closed_reader_cannot_read() -> None:
    """What waits in a closed stream is dropped, and reading raises."""
    sender, receiver = open_pipe()
    await sender.send_all(b"dropped")
    await receiver.aclose()
    await receiver.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await receiver.receive_some()


async def test_cancelled_read_takes_nothing() -> None:
    """Bytes that a cancelled read might have taken are there for the next."""
    sender, receiver = open_pipe()
    await sender.send_all(b"kept")
    with trio.CancelScope() as scope:
        scope.cancel()
        await receiver.receive_some()
    assert scope.cancelled_caught
    assert await receiver.receive_some() == b"kept"


async def test_bytes_for_a_read_just_cancelled_are_kept() -> None:
    """A reader that was woken and cancelled in one step neither loses nor doubles the bytes."""
    sender, receiver = open_pipe()
    got: list[bytes] = []

    async def read() -> None:
        got.append(await receiver.receive_some())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await sender.send_all(b"once")
        nursery.cancel_scope.cancel()
    sender.send_eof()
    assert b"".join(got) + await read_whole(receiver) == b"once"


async def test_cancelled_write_has_not_begun() -> None:
    """A write that is cancelled before it may wait writes nothing."""
    sender, receiver = open_pipe()
    with trio.CancelScope() as scope:
        scope.cancel()
        await sender.send_all(b"never")
    assert scope.cancelled_caught
    sender.send_eof()
    assert await receiver.receive_some() == b""


async def test_waits_of_a_pipe_are_checkpoints() -> None:
    """What need not wait still lets others run."""
    sender, receiver = open_pipe()
    with assert_checkpoints():
        await sender.send_all(b"")
    await sender.send_all(b"x")
    with assert_checkpoints():
        await receiver.receive_some()
    with assert_checkpoints():
        await receiver.aclose()
    with assert_checkpoints():
        await sender.wait_reader_gone()
    with assert_checkpoints():
        await sender.aclose()


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30), st.integers(1, 30))
def test_pipe_keeps_every_byte(pieces: list[bytes], limit: int, read_size: int) -> None:
    """However writes, reads and the bound fall, the bytes read are those written, and no read exceeds its bound."""

    async def run() -> None:
        sender, receiver = open_pipe(limit)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, sender, *pieces)
            got = await in_reads_of(receiver, read_size)
        assert b"".join(got) == b"".join(pieces)
        assert all(len(part) <= min(limit, read_size) for part in got)

    trio.run(run)


async def in_reads_of(receiver: trio.abc.ReceiveStream, size: int) -> list[bytes]:
    parts = []
    while data := await receiver.receive_some(size):
        parts.append(bytes(data))
    return parts


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_bytes_stream_gives_its_bytes(size: int) -> None:
    """Bytes at hand are read in pieces as asked for, then the end of file."""
    stream = BytesStream(b"abcdefg")
    assert b"".join(await in_reads_of(stream, size)) == b"abcdefg"
    assert await stream.receive_some() == b""


async def test_closed_bytes_stream_cannot_read() -> None:
    """A closed stream does not pass for one that was read to its end."""
    stream = BytesStream(b"abc")
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()


async def test_read_whole_takes_up_to_its_limit() -> None:
    """Exactly the limit is taken; the stream is closed."""
    sender, receiver = open_pipe()
    await write(sender, b"x" * 10)
    assert await read_whole(receiver, 10) == b"x" * 10
    await sender.wait_reader_gone()


async def test_read_whole_refuses_more_than_its_limit() -> None:
    """One byte more is refused, and the stream is closed without being read on."""
    sender, receiver = open_pipe()
    await write(sender, b"x" * 11)
    with pytest.raises(Invalid, match="10 bytes"):
        await read_whole(receiver, 10)
    await sender.wait_reader_gone()


async def test_read_whole_raises_what_cuts_the_stream() -> None:
    """Half of a document is not a document."""
    sender, receiver = open_pipe()
    await sender.send_all(b"half")
    sender.cut(Unavailable("cut"))
    with pytest.raises(Unavailable):
        await read_whole(receiver)


async def test_copy_stream_leaves_both_ends_open() -> None:
    """A copy ends with the source's end of file; what the sink's end means is the caller's to say."""
    sender, receiver = open_pipe()
    await copy_stream(BytesStream(b"abc"), sender)
    await sender.send_all(b"def")
    sender.send_eof()
    assert await read_whole(receiver) == b"abcdef"


async def hooked(sender_ends: str) -> tuple[PipeSender, PipeReceiver, HookedStream, list[str]]:
    calls: list[str] = []
    sender, receiver = open_pipe()
    await sender.send_all(b"abc")
    if sender_ends == "eof":
        sender.send_eof()
    elif sender_ends == "cut":
        sender.cut(Unavailable("cut"))
    return sender, receiver, HookedStream(receiver, lambda: calls.append("ended")), calls


async def test_hook_is_called_at_the_end_of_file() -> None:
    """The hook is called once, at the end and not before."""
    _, _, stream, calls = await hooked("eof")
    assert (await stream.receive_some(), calls) == (b"abc", [])
    assert (await stream.receive_some(), calls) == (b"", ["ended"])
    await stream.aclose()
    assert calls == ["ended"]


async def test_hook_is_called_when_the_stream_breaks() -> None:
    """A cut calls the hook and is still a cut."""
    _, _, stream, calls = await hooked("cut")
    await stream.receive_some()
    with pytest.raises(Unavailable):
        await stream.receive_some()
    assert calls == ["ended"]


async def test_hook_is_called_on_closing() -> None:
    """Closing calls the hook and closes the stream beneath."""
    sender, _, stream, calls = await hooked("open")
    await stream.aclose()
    await stream.aclose()
    assert calls == ["ended"]
    await sender.wait_reader_gone()
