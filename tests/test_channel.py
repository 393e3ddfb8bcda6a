from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from swarmkit.channel import EndOfChannel, Receiver, Sender, open_channel
from swarmkit.errors import NotFound, Unavailable
from swarmkit.message import Message, Verb


def note(number: int) -> Message:
    return Message(Verb.WATCH, args={"n": number})


async def drain(receiver: Receiver) -> list[int]:
    return [message["n"] async for message in receiver]


async def test_messages_arrive_in_order() -> None:
    """What is sent is received, in the order sent, and then the end."""
    sender, receiver = open_channel()
    for number in range(5):
        assert sender.offer(note(number))
    sender.end()
    assert await drain(receiver) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("bound", [0, -1])
def test_bound_is_one_at_least(bound: int) -> None:
    """A channel that could hold nothing is refused, since sending would wait for ever."""
    with pytest.raises(ValueError, match="one message at least"):
        open_channel(bound)


async def test_offer_beyond_the_bound_ends_the_channel() -> None:
    """A receiver that fell behind meets Unavailable, after all that it holds."""
    sender, receiver = open_channel(2)
    assert [sender.offer(note(number)) for number in range(4)] == [True, True, False, False]
    assert sender.closed
    assert [(await receiver.receive())["n"] for _ in range(2)] == [0, 1]
    with pytest.raises(Unavailable, match="2 messages behind"):
        await receiver.receive()


async def test_send_waits_for_room(autojump_clock: MockClock) -> None:
    """A sender waits while the channel is full and goes on when one message was taken."""
    sender, receiver = open_channel(1)
    await sender.send(note(0))
    with trio.move_on_after(5) as waited:
        await sender.send(note(1))
    assert waited.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.send, note(2))
        await wait_all_tasks_blocked()
        assert (await receiver.receive())["n"] == 0
    sender.end()
    assert await drain(receiver) == [2]


async def test_cancelled_send_sends_nothing() -> None:
    """A send in a cancelled scope raises before the message is in the channel."""
    sender, receiver = open_channel()
    with trio.CancelScope() as scope:
        scope.cancel()
        await sender.send(note(0))
    assert scope.cancelled_caught
    assert receiver.receive_nowait() is None


async def test_cancelled_receive_takes_nothing() -> None:
    """A receive in a cancelled scope leaves the message where it is."""
    sender, receiver = open_channel()
    sender.offer(note(0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await receiver.receive()
    assert scope.cancelled_caught
    assert (await receiver.receive())["n"] == 0


async def test_message_sent_to_a_receive_just_cancelled_is_kept() -> None:
    """A waiter that was woken by a message and cancelled in one step does not lose it."""
    sender, receiver = open_channel()
    got: list[int] = []
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def receive() -> None:
                got.append((await receiver.receive())["n"])

            nursery.start_soon(receive)
            await wait_all_tasks_blocked()
            sender.offer(note(0))
            scope.cancel()
    left = receiver.receive_nowait()
    assert got == [0] or (left is not None and left["n"] == 0)
    assert not (got and left)


async def test_receivers_share_the_messages() -> None:
    """Of several waiters each gets other messages, none is lost, and the end reaches all."""
    sender, receiver = open_channel(3)
    got: list[int] = []

    async def collect() -> None:
        got.extend(await drain(receiver))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(collect)
        for number in range(20):
            await sender.send(note(number))
        sender.end()
    assert list(range(20)) == sorted(got)


async def test_senders_share_the_room() -> None:
    """Several senders that wait for room all get their messages in, each in its own order."""
    sender, receiver = open_channel(1)

    async def send(numbers: range) -> None:
        for number in numbers:
            await sender.send(note(number))

    async def send_all() -> None:
        async with trio.open_nursery() as nursery:
            for start in (0, 100, 200):
                nursery.start_soon(send, range(start, start + 10))
        sender.end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all)
        got = await drain(receiver)
    assert sorted(got) == [start + n for start in (0, 100, 200) for n in range(10)]
    for start in (0, 100, 200):
        own = [number for number in got if start <= number < start + 100]
        assert all(first < second for first, second in pairwise(own))


async def test_end_wakes_a_waiting_receiver() -> None:
    """A receiver that waits meets the end at once, and again each time it asks."""
    sender, receiver = open_channel()
    async with trio.open_nursery() as nursery:

        async def expect_end() -> None:
            with pytest.raises(EndOfChannel):
                await receiver.receive()

        nursery.start_soon(expect_end)
        await wait_all_tasks_blocked()
        sender.end()
    with pytest.raises(EndOfChannel):
        await receiver.receive()


async def test_end_with_an_error_comes_after_what_was_sent() -> None:
    """The error that a channel ends with is met after the messages, by iteration, too."""
    sender, receiver = open_channel()
    sender.offer(note(0))
    sender.end(NotFound("the container has gone"))
    got: list[int] = []

    async def collect() -> None:
        async for message in receiver:
            got.append(message["n"])

    with pytest.raises(NotFound, match="the container has gone"):
        await collect()
    assert got == [0]


async def test_an_end_is_seen_before_it_is_reached() -> None:
    """The receiver can tell that the channel has been ended while messages wait in it."""
    sender, receiver = open_channel()
    sender.offer(note(1))
    assert not receiver.ended
    sender.end()
    assert (receiver.ended, await drain(receiver)) == (True, [1])


async def test_first_end_counts() -> None:
    """Ending again changes nothing."""
    sender, receiver = open_channel()
    sender.end()
    sender.end(NotFound("late"))
    with pytest.raises(EndOfChannel):
        await receiver.receive()


async def test_nothing_is_sent_after_the_end() -> None:
    """An ended channel takes no more: `offer` says so, `send` raises."""
    sender, receiver = open_channel()
    sender.end()
    assert not sender.offer(note(0))
    with pytest.raises(trio.BrokenResourceError):
        await sender.send(note(1))
    assert receiver.receive_nowait() is None


async def wait_for_room(sender: Sender) -> None:
    with pytest.raises(trio.BrokenResourceError):
        await sender.send(note(9))


@pytest.mark.parametrize("who", ["sender", "receiver"])
async def test_end_and_close_wake_whoever_waits_to_send(who: str) -> None:
    """A sender that waits for room is told when the channel is over, whichever side ended it."""
    sender, receiver = open_channel(1)
    sender.offer(note(0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_room, sender)
        nursery.start_soon(sender.wait_closed)
        await wait_all_tasks_blocked()
        if who == "sender":
            sender.end()
        else:
            receiver.close()


async def test_wait_closed_does_not_end_while_messages_pass(autojump_clock: MockClock) -> None:
    """`wait_closed` sleeps through ordinary traffic."""
    sender, receiver = open_channel()
    with trio.move_on_after(5) as waited:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.wait_closed)
            sender.offer(note(0))
            await receiver.receive()
    assert waited.cancelled_caught


async def test_closed_receiver_raises_for_whoever_waits() -> None:
    """Closing drops what waits, ends a pending receive, and refuses another."""
    sender, receiver = open_channel()
    async with trio.open_nursery() as nursery:

        async def expect_closed() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await receiver.receive()

        nursery.start_soon(expect_closed)
        await wait_all_tasks_blocked()
        receiver.close()
        receiver.close()
    assert sender.closed
    assert receiver.receive_nowait() is None
    with pytest.raises(trio.ClosedResourceError):
        await receiver.receive()


async def test_leaving_the_block_closes_the_receiver() -> None:
    """A receiver used as a context manager tells the sender when its block ends."""
    sender, receiver = open_channel()
    async with receiver:
        assert not sender.closed
    assert sender.closed


async def test_every_wait_is_a_checkpoint() -> None:
    """What need not wait still lets others run."""
    sender, receiver = open_channel()
    with trio.testing.assert_checkpoints():
        await sender.send(note(0))
    with trio.testing.assert_checkpoints():
        await receiver.receive()
    receiver.close()
    with trio.testing.assert_checkpoints():
        await sender.wait_closed()
    with trio.testing.assert_checkpoints():
        await receiver.aclose()
