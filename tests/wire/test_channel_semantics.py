"""Channels, streams and services mean the same within a process and through a wire: each rule is tested on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from swarmkit.channel import EndOfChannel, Receiver, Sender, open_channel
from swarmkit.errors import NotFound, Unavailable
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service, close_ends
from swarmkit.streams import BytesStream, PipeSender, open_pipe, read_whole
from swarmkit.wire.limits import Limits

from .peers import Hub, two_peers

SMALL = Limits(frame=1024, message=65536, channel_messages=2, channel_bytes=2048, stream_bytes=1024)
"""Windows that a test can fill."""

BOUND = 4
"""Messages that a channel of these tests holds by itself."""

Carry = Callable[[Message], Awaitable[Message]]
"""Hand a message over; return it as whoever it was handed to has it."""


@pytest.fixture(params=["here", "wire"])
async def carry(request: pytest.FixtureRequest, autojump_clock: MockClock) -> AsyncIterator[Carry]:
    """Give the way in which ends change hands: by themselves, or in the reply of another peer."""

    async def hand_over(message: Message) -> Message:
        return message

    if request.param == "here":
        yield hand_over
        return
    hub = Hub()
    async with two_peers(there=hub, limits=SMALL) as (peer, _):

        async def through_the_wire(message: Message) -> Message:
            hub.answer = lambda _: hand_over(message)
            return await peer.root(Message(Verb.ATTACH))

        yield through_the_wire


async def channel(carry: Carry, bound: int = BOUND) -> tuple[Sender, Receiver]:
    """Make a channel, and hand its receiving end over."""
    sender, receiver = open_channel(bound)
    there = (await carry(ack(ret=receiver))).ret
    assert isinstance(there, Receiver)
    return sender, there


async def stream(carry: Carry, limit: int = 65536) -> tuple[PipeSender, trio.abc.ReceiveStream]:
    """Make a byte stream, and hand its reading end over."""
    sender, receiver = open_pipe(limit)
    there = (await carry(ack(att=receiver))).att
    assert there is not None
    return sender, there


def note(number: int, att: trio.abc.ReceiveStream | None = None) -> Message:
    """Make a message that can be told from others."""
    return Message(Verb.WATCH, args={"n": number}, att=att)


async def drain(receiver: Receiver) -> list[int]:
    """Return the numbers of all messages up to the end."""
    return [message["n"] async for message in receiver]


# -- channels ----------------------------------------------------------------------------------------------------------


async def test_messages_arrive_whole_and_in_order(carry: Carry, autojump_clock: MockClock) -> None:
    """A hundred, sent as there is room; then the end, each time it is asked for."""
    sender, receiver = await channel(carry)

    async def send() -> None:
        for number in range(100):
            await sender.send(note(number))
        sender.end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        assert await drain(receiver) == list(range(100))
    for _ in range(2):
        with pytest.raises(EndOfChannel):
            await receiver.receive()


async def test_a_message_is_what_was_sent(carry: Carry, autojump_clock: MockClock) -> None:
    """Verb, path and arguments."""
    sender, receiver = await channel(carry)
    sent = Message(Verb.LOG, ("a", "ü"), {"x": [1, None, {"y": b"\x00"}], "z": -(2**64)})
    await sender.send(sent)
    assert await receiver.receive() == sent


async def test_a_sender_waits_for_a_receiver_that_does_not_read(carry: Carry, autojump_clock: MockClock) -> None:
    """However long: what is under way is bounded. One message taken in the end lets others in, and none is lost."""
    sender, receiver = await channel(carry)
    sent: list[int] = []

    async def send() -> None:
        for number in range(50):
            await sender.send(note(number))
            sent.append(number)
        sender.end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.sleep(5)
        assert BOUND <= len(sent) <= BOUND + SMALL.channel_messages + 1
        assert await drain(receiver) == list(range(50))


async def test_an_offer_that_finds_no_room_ends_the_channel(carry: Carry, autojump_clock: MockClock) -> None:
    """The receiver meets Unavailable, after all that was sent before."""
    sender, receiver = await channel(carry)
    taken = 0
    while sender.offer(note(taken)):
        taken += 1
        await trio.sleep(1)
    assert sender.closed
    assert [(await receiver.receive())["n"] for _ in range(taken)] == list(range(taken))
    with pytest.raises(Unavailable, match="4 messages behind"):
        await receiver.receive()


async def test_an_error_comes_after_what_was_sent(carry: Carry, autojump_clock: MockClock) -> None:
    """And again each time, as its own class, with its details."""
    sender, receiver = await channel(carry)
    await sender.send(note(0))
    sender.end(NotFound("it has gone", status=404))
    assert (await receiver.receive())["n"] == 0
    for _ in range(2):
        with pytest.raises(NotFound, match="it has gone") as caught:
            await receiver.receive()
        assert caught.value.details == {"status": 404}


async def test_closing_tells_the_sender(carry: Carry, autojump_clock: MockClock) -> None:
    """One that waits for room, and one that waits for nothing else."""
    sender, receiver = await channel(carry)

    async def send() -> None:
        while True:
            await sender.send(note(0))

    async def expect_broken() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await send()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_broken)
        nursery.start_soon(sender.wait_closed)
        await wait_all_tasks_blocked()
        receiver.close()
        receiver.close()
    assert not sender.offer(note(1))


async def test_a_closed_receiver_receives_nothing(carry: Carry, autojump_clock: MockClock) -> None:
    """Whoever waits there is told, and so is who asks later, even of what had come."""
    sender, receiver = await channel(carry)
    async with trio.open_nursery() as nursery:

        async def expect_closed() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await receiver.receive()

        nursery.start_soon(expect_closed)
        await wait_all_tasks_blocked()
        receiver.close()
    await expect_closed()
    sender, receiver = await channel(carry)
    await sender.send(note(0))
    await trio.sleep(1)
    receiver.close()
    await expect_closed()


async def test_a_cancelled_receive_takes_nothing(carry: Carry, autojump_clock: MockClock) -> None:
    """Cancelled before, or in the moment in which the message comes."""
    sender, receiver = await channel(carry)
    with trio.move_on_after(1):
        await receiver.receive()
    await sender.send(note(0))
    await trio.sleep(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await receiver.receive()
    assert (await receiver.receive())["n"] == 0
    got = []
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            got.append((await receiver.receive())["n"])

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        sender.offer(note(1))
        nursery.cancel_scope.cancel()
    sender.end()
    assert got + await drain(receiver) == [1]


async def test_receivers_share_the_messages(carry: Carry, autojump_clock: MockClock) -> None:
    """Of several that wait each gets other messages, and all meet the end."""
    sender, receiver = await channel(carry)
    got: list[int] = []

    async def collect() -> None:
        got.extend(await drain(receiver))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(collect)
        for number in range(30):
            await sender.send(note(number))
        sender.end()
    assert sorted(got) == list(range(30))


async def test_what_a_message_carries_is_its_receivers(carry: Carry, autojump_clock: MockClock) -> None:
    """It is read there to its end, also after that of the channel."""
    sender, receiver = await channel(carry)
    await sender.send(note(0, att=BytesStream(b"x" * 5000)))
    sender.end()
    message = await receiver.receive()
    with pytest.raises(EndOfChannel):
        await receiver.receive()
    assert message.att is not None
    assert await read_whole(message.att) == b"x" * 5000


async def test_what_nobody_will_receive_is_closed(carry: Carry, autojump_clock: MockClock) -> None:
    """The ends in messages that wait when the receiver goes, wherever they wait."""
    sender, receiver = await channel(carry)
    pipes = [open_pipe() for _ in range(BOUND)]
    for number, (_, reading) in enumerate(pipes):
        await sender.send(note(number, att=reading))
    await trio.sleep(1)
    await receiver.aclose()
    for writing, _ in pipes:
        await writing.wait_reader_gone()


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 300_000])
async def test_a_stream_arrives_whole(size: int, carry: Carry, autojump_clock: MockClock) -> None:
    """To the byte; then its end, each time it is asked for."""
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    sender, receiver = await stream(carry)

    async def send() -> None:
        await sender.send_all(data)
        sender.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        received = b""
        while piece := await receiver.receive_some():
            received += piece
    assert received == data
    assert await receiver.receive_some() == b""


@pytest.mark.parametrize("how", ["cut", "closed"])
async def test_a_cut_is_no_end(how: str, carry: Carry, autojump_clock: MockClock) -> None:
    """It raises, each time, after all that was written; a writer that just goes has cut it."""
    sender, receiver = await stream(carry)
    await sender.send_all(b"half")
    await trio.sleep(1)
    if how == "cut":
        sender.cut(Unavailable("the writer of this stream has gone wrong"))
    await sender.aclose()
    assert await receiver.receive_some() == b"half"
    for _ in range(2):
        with pytest.raises(Unavailable, match="the writer of this stream has gone"):
            await receiver.receive_some()


async def test_a_writer_waits_for_a_reader_that_does_not_read(carry: Carry, autojump_clock: MockClock) -> None:
    """However long: what is under way is bounded, and all of it is there in the end."""
    sender, receiver = await stream(carry, 1024)
    written = 0

    async def send() -> None:
        nonlocal written
        for _ in range(300):
            await sender.send_all(b"x" * 100)
            written += 100
        sender.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.sleep(5)
        # what the pipe holds, what its pump has taken out of it, and the window
        assert 1000 <= written <= 1024 + 1024 + SMALL.stream_bytes
        assert len(await read_whole(receiver)) == 30_000


async def test_closing_tells_the_writer(carry: Carry, autojump_clock: MockClock) -> None:
    """One that waits for room, and one that waits for nothing else."""
    sender, receiver = await stream(carry)

    async def expect_broken() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await sender.send_all(b"x" * 1_000_000)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_broken)
        nursery.start_soon(sender.wait_reader_gone)
        await wait_all_tasks_blocked()
        await receiver.aclose()
        await receiver.aclose()


async def test_a_closed_stream_gives_nothing(carry: Carry, autojump_clock: MockClock) -> None:
    """Whoever waits there is told, and so is who asks later."""
    _, receiver = await stream(carry)

    async def expect_closed() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await receiver.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_closed)
        await wait_all_tasks_blocked()
        await receiver.aclose()
    await expect_closed()


async def test_a_cancelled_read_takes_nothing(carry: Carry, autojump_clock: MockClock) -> None:
    """Cancelled before, or in the moment in which the bytes come."""
    sender, receiver = await stream(carry)
    await sender.send_all(b"one")
    await trio.sleep(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await receiver.receive_some()
    assert await receiver.receive_some() == b"one"
    got = b""
    async with trio.open_nursery() as nursery:

        async def receive() -> None:
            nonlocal got
            got += await receiver.receive_some()

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        await sender.send_all(b"two")
        nursery.cancel_scope.cancel()
    sender.send_eof()
    assert got + await read_whole(receiver) == b"two"


async def test_no_more_is_read_than_asked_for(carry: Carry, autojump_clock: MockClock) -> None:
    """The rest stays."""
    sender, receiver = await stream(carry)
    await sender.send_all(b"abcdef")
    await trio.sleep(1)
    assert [await receiver.receive_some(2) for _ in range(3)] == [b"ab", b"cd", b"ef"]


async def test_a_half_close_ends_one_of_two(carry: Carry, autojump_clock: MockClock) -> None:
    """The other direction goes on for as long as it likes."""
    there, here = await stream(carry), await stream(carry)
    there[0].send_eof()
    assert await there[1].receive_some() == b""
    await there[1].aclose()
    await here[0].send_all(b"still")
    assert await here[1].receive_some() == b"still"


async def test_one_that_is_not_read_holds_up_no_other(carry: Carry, autojump_clock: MockClock) -> None:
    """Nor does a channel."""
    stalled, flowing, quiet = await stream(carry), await stream(carry), await channel(carry)
    data = b"x" * 200_000
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stalled[0].send_all, data)
        for number in range(BOUND):
            await quiet[0].send(note(number))
        nursery.start_soon(flowing[0].send_all, data)
        received = 0
        while received < len(data):
            received += len(await flowing[1].receive_some())
        nursery.cancel_scope.cancel()


# -- services ----------------------------------------------------------------------------------------------------------


async def test_a_service_that_was_handed_over_is_called_and_closed(carry: Carry, autojump_clock: MockClock) -> None:
    """It answers and refuses as it does at home; its owner closes it, once."""

    async def answer(message: Message) -> Message:
        if message.verb is Verb.GET:
            raise NotFound("no such thing", status=404)
        return ack(path=message.path)

    hub = Hub(answer)
    handed = await carry(ack(ret=hub))
    assert isinstance(handed.ret, Service)
    assert (await handed.ret(Message(Verb.LS, ("a",)))).path == ("a",)
    with pytest.raises(NotFound, match="no such thing"):
        await handed.ret(Message(Verb.GET))
    assert not hub.closed.is_set()
    await close_ends(handed)
    with trio.fail_after(1):
        await hub.closed.wait()


async def test_a_cancelled_call_of_such_a_service_is_given_up(carry: Carry, autojump_clock: MockClock) -> None:
    """The work ends; the next call is answered."""
    ended = trio.Event()

    async def answer(message: Message) -> Message:
        if message.verb is Verb.GET:
            return ack()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    handed = await carry(ack(ret=Hub(answer)))
    assert isinstance(handed.ret, Service)
    with trio.move_on_after(1):
        await handed.ret(Message(Verb.LOG))
    with trio.fail_after(1):
        await ended.wait()
    assert (await handed.ret(Message(Verb.GET))).verb is Verb.ACK
    await close_ends(handed)
