"""Two peers over a byte stream: what is called, carried, cancelled and closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from backends.fake.memory import BUFFER, Gate, GatedStream, memory_stream_pair
from swarmkit.channel import EndOfChannel, Receiver, open_channel
from swarmkit.errors import Code, Conflict, Internal, Invalid, NotFound, SwarmError, Timeout, Unavailable, Unimplemented
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service, close_ends
from swarmkit.streams import CHUNK, BytesStream, open_pipe, read_whole
from swarmkit.wire import Limits, Side, open_peer
from swarmkit.wire.frames import Type
from swarmkit.wire.inlets import Inlets
from swarmkit.wire.pumps import AHEAD

from .machines import HELLO, PREFACE, message, raw
from .peers import Hub, echo, swallow, two_peers


async def test_a_call_is_answered(autojump_clock: MockClock) -> None:
    """Path, arguments and reply are those of a call in one process."""
    hub = Hub()
    args = {"a": [1, None, True, 2.5, b"\x00", "ü"], "b": {"c": {}}}
    async with two_peers(there=hub) as (peer, _):
        reply = await peer.root(Message(Verb.GET, ("containers", "web"), args))
    assert (reply.verb, reply.path, reply.args) == (Verb.ACK, ("containers", "web"), args)
    assert hub.asked == [Message(Verb.GET, ("containers", "web"), args)]


async def test_an_error_keeps_its_class_text_and_details(autojump_clock: MockClock) -> None:
    """An engine's status and body pass unchanged."""

    async def fail(message: Message) -> Message:
        raise Conflict("the name is in use", status=409, body=b'{"message": "x"}')

    async with two_peers(there=fail) as (peer, _):
        with pytest.raises(Conflict, match="the name is in use") as caught:
            await peer.root(Message(Verb.LS))
    assert caught.value.details == {"status": 409, "body": b'{"message": "x"}'}


async def test_a_fault_of_a_service_is_internal(caplog: pytest.LogCaptureFixture, autojump_clock: MockClock) -> None:
    """The other peer learns its kind, the log the rest, and the connection goes on."""

    async def fail(message: Message) -> Message:
        raise KeyError("oops")

    async with two_peers(there=fail) as (peer, _):
        for _ in range(2):
            with pytest.raises(Internal, match="KeyError"):
                await peer.root(Message(Verb.LS))
    assert "oops" in caplog.text


@pytest.mark.parametrize("verb", [Verb.ACK, Verb.ERROR])
async def test_replies_cannot_be_asked_for(verb: Verb, autojump_clock: MockClock) -> None:
    """They are refused here, and their ends closed."""
    sender, receiver = open_pipe()
    async with two_peers() as (peer, _):
        with pytest.raises(Unimplemented):
            await peer.root(Message(verb, att=receiver))
        await sender.wait_reader_gone()


async def test_a_peer_that_offers_nothing_cannot_be_called(autojump_clock: MockClock) -> None:
    """The connection goes on."""
    async with two_peers(here=echo, there=None) as (peer, back):
        with pytest.raises(NotFound):
            await peer.root(Message(Verb.LS))
        assert (await back.root(Message(Verb.LS))).verb is Verb.ACK


async def test_calls_are_independent(autojump_clock: MockClock) -> None:
    """One that waits holds up no other, in either direction."""
    gate = trio.Event()

    async def answer(message: Message) -> Message:
        if message.path == ("slow",):
            await gate.wait()
        return ack(path=message.path)

    async with two_peers(here=echo, there=answer) as (peer, back), trio.open_nursery() as nursery:
        nursery.start_soon(peer.root, Message(Verb.LS, ("slow",)))
        await wait_all_tasks_blocked()
        assert (await peer.root(Message(Verb.LS, ("quick",)))).path == ("quick",)
        assert (await back.root(Message(Verb.LS, ("quick",)))).path == ("quick",)
        gate.set()


async def test_more_calls_than_the_other_takes_wait(autojump_clock: MockClock) -> None:
    """None fails, and none is forgotten."""
    running = most = 0

    async def answer(message: Message) -> Message:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1
        return ack()

    async with two_peers(there=answer, limits=Limits(calls=3)) as (peer, _), trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(peer.root, Message(Verb.LS))
    assert most == 3


async def test_a_cancelled_call_is_cancelled_there(autojump_clock: MockClock) -> None:
    """The service is given up, the connection goes on, and ends that were brought are closed."""
    started, ended = trio.Event(), trio.Event()

    async def answer(message: Message) -> Message:
        if message.verb is not Verb.LOG:
            return ack()
        try:
            started.set()
            await trio.sleep_forever()
        finally:
            ended.set()
            with trio.CancelScope(shield=True):
                await close_ends(message)
        raise AssertionError

    sender, receiver = open_pipe()
    async with two_peers(there=answer) as (peer, _), trio.open_nursery() as nursery:
        nursery.start_soon(peer.root, Message(Verb.LOG, att=receiver))
        await started.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await ended.wait()
            await sender.wait_reader_gone()
            await peer.root(Message(Verb.LS))


async def test_the_ends_of_an_answer_that_nobody_waits_for_are_closed(autojump_clock: MockClock) -> None:
    """The answer and the cancellation may cross."""
    gate = trio.Event()
    pipe, channel, service = open_pipe(), open_channel(), Hub()

    async def answer(message: Message) -> Message:
        if message.verb is Verb.LS:
            return ack()
        with trio.CancelScope(shield=True):
            await gate.wait()
        return ack(ret=channel[1] if message.verb is Verb.WATCH else service, att=pipe[1])

    for verb in (Verb.WATCH, Verb.SPAWN):
        pipe, gate = open_pipe(), trio.Event()
        async with two_peers(there=answer) as (peer, _):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.root, Message(verb))
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            gate.set()
            await peer.root(Message(Verb.LS))
            await pipe[0].wait_reader_gone()
            if verb is Verb.WATCH:
                await channel[0].wait_closed()
            else:
                await service.closed.wait()


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_000])
async def test_a_stream_comes_whole_both_ways(size: int, autojump_clock: MockClock) -> None:
    """To the byte, with its end."""
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    async with two_peers() as (peer, _):
        reply = await peer.root(Message(Verb.FILE, att=BytesStream(data)))
        assert reply.att is not None
        assert await read_whole(reply.att) == data


async def test_a_half_close_is_the_end_of_one_stream(autojump_clock: MockClock) -> None:
    """What is read goes on after the end of what is written."""
    async with two_peers() as (peer, _):
        sender, receiver = open_pipe()
        reply = await peer.root(Message(Verb.CONNECT, att=receiver))
        assert reply.att is not None
        await sender.send_all(b"ping")
        assert await reply.att.receive_some() == b"ping"
        await sender.send_all(b"last")
        sender.send_eof()
        assert await read_whole(reply.att) == b"last"


async def test_a_cut_raises_and_says_why(autojump_clock: MockClock) -> None:
    """After all that was written before it."""
    async with two_peers() as (peer, _):
        sender, receiver = open_pipe()
        reply = await peer.root(Message(Verb.CONNECT, att=receiver))
        assert reply.att is not None
        await sender.send_all(b"half")
        sender.cut(Conflict("torn"))
        assert await reply.att.receive_some() == b"half"
        with pytest.raises(Conflict, match="torn"):
            await reply.att.receive_some()


async def test_closing_a_stream_stops_its_writer(autojump_clock: MockClock) -> None:
    """Through both peers."""
    async with two_peers() as (peer, _):
        sender, receiver = open_pipe()
        reply = await peer.root(Message(Verb.CONNECT, att=receiver))
        assert reply.att is not None
        await reply.att.aclose()
        await sender.wait_reader_gone()
        with pytest.raises(trio.ClosedResourceError):
            await reply.att.receive_some()


async def test_a_stalled_stream_holds_up_nobody(autojump_clock: MockClock) -> None:
    """Of a thousand streams on one connection one is not read: the others flow, and its writer waits."""
    sent = 0

    async def flood(sender: trio.abc.SendStream) -> None:
        nonlocal sent
        while True:
            await sender.send_all(bytes(4096))
            sent += 4096

    async def carry(size: int) -> None:
        reply = await peer.root(Message(Verb.FILE, att=BytesStream(bytes(size))))
        assert reply.att is not None
        assert len(await read_whole(reply.att)) == size

    async with two_peers() as (peer, _), trio.open_nursery() as nursery:
        sender, receiver = open_pipe()
        stalled = await peer.root(Message(Verb.FILE, att=receiver))
        nursery.start_soon(flood, sender)
        async with trio.open_nursery() as others:
            for _ in range(999):
                others.start_soon(carry, 80_000)
        # What fits: a pipe here, a window on the way there and one on the way back, and what the pumps hold.
        assert sent <= 65536 * 6
        assert stalled.att is not None
        await stalled.att.aclose()
        nursery.cancel_scope.cancel()


async def ask_for_a_log(source: trio.abc.ReceiveStream, check: Callable[[bytes], Awaitable[None]]) -> None:
    """Ask a peer for a stream that is not credited; check with what came of it."""
    near, far = memory_stream_pair()
    await far.send_all(PREFACE + raw(Type.HELLO, 0, HELLO) + raw(Type.CALL, 1, [0, message("log")]))
    async with open_peer(near, Side.ACCEPTOR, offers=partial(_give, att=source)):
        await wait_all_tasks_blocked()
        await check(await far.receive_some(BUFFER))


async def test_of_the_source_of_a_stalled_stream_little_is_read(autojump_clock: MockClock) -> None:
    """What was credited, and a little: each of thousands would hold it."""
    source = BytesStream(bytes(100_000))

    async def check(_: bytes) -> None:
        assert 100_000 - len(await source.receive_some(100_000)) == 65_536 + AHEAD

    await ask_for_a_log(source, check)


async def test_that_a_source_ends_takes_no_credit(autojump_clock: MockClock) -> None:
    """It is told where all that was credited has been sent."""

    async def check(came: bytes) -> None:
        assert came.endswith(raw(Type.EOF, 2, None))

    await ask_for_a_log(BytesStream(bytes(65_536)), check)


# -- channels ----------------------------------------------------------------------------------------------------------


def channel_of(reply: Message) -> Receiver:
    """Return the channel that a reply carries."""
    assert isinstance(reply.ret, Receiver)
    return reply.ret


async def test_a_channel_comes_whole_and_ends(autojump_clock: MockClock) -> None:
    """In order, with what its messages carry."""

    async def answer(message: Message) -> Message:
        sender, receiver = open_channel(5000)
        for number in range(3000):
            sender.offer(Message(Verb.WATCH, (), {"n": number}, att=BytesStream(b"x" * number) if number < 3 else None))
        sender.end()
        return ack(ret=receiver)

    async with two_peers(there=answer) as (peer, _):
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        numbers, carried = [], []
        async for message in channel:
            numbers.append(message["n"])
            if message.att is not None:
                carried.append(await read_whole(message.att))
    assert numbers == list(range(3000))
    assert carried == [b"", b"x", b"xx"]


async def test_a_channel_that_overflows_ends_with_its_error(autojump_clock: MockClock) -> None:
    """A watcher that falls behind hears so, after what was kept for it."""
    sender, receiver = open_channel(10)
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _):
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        await wait_all_tasks_blocked()
        while sender.offer(Message(Verb.WATCH)):
            pass
        with pytest.raises(Unavailable, match="10 messages behind"):
            async for _message in channel:
                pass


async def _give(message: Message, /, **ends: object) -> Message:
    return ack(**ends)  # type: ignore[arg-type]


async def test_a_slow_reader_of_a_channel_holds_up_its_sender_alone(autojump_clock: MockClock) -> None:
    """`send` waits once the window is full; calls go on."""
    sender, receiver = open_channel(1)
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _), trio.open_nursery() as nursery:
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await sender.send(Message(Verb.WATCH))
                sent += 1

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert 64 <= sent <= 66
        before = sent
        for _ in range(64):
            await channel.receive()
        await wait_all_tasks_blocked()
        assert sent > before
        nursery.cancel_scope.cancel()


async def test_closing_a_channel_tells_its_sender_and_closes_what_waits_there(autojump_clock: MockClock) -> None:
    """Streams carried by messages that nobody has read, too."""
    sender, receiver = open_channel()
    pipe, inner = open_pipe()
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _):
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        sender.offer(Message(Verb.WATCH, att=inner))
        await wait_all_tasks_blocked()
        channel.close()
        channel.close()
        await sender.wait_closed()
        await pipe.wait_reader_gone()
        with pytest.raises(trio.ClosedResourceError):
            await channel.receive()


async def test_long_messages_pass_a_channel(autojump_clock: MockClock) -> None:
    """Longer than its window, and one behind the other."""
    sender, receiver = open_channel()
    for _ in range(3):
        sender.offer(Message(Verb.WATCH, (), {"data": bytes(1_000_000)}))
    sender.end()
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _):
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        assert [len(message["data"]) async for message in channel] == [1_000_000] * 3


class SlowStream(GatedStream):
    """A stream that takes a second for each write."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(1)
        await super().send_all(data)


async def test_a_long_answer_over_a_slow_transport_holds_up_no_short_one(autojump_clock: MockClock) -> None:
    """What is asked while it is on its way is answered before it is through."""

    async def answer(message: Message) -> Message:
        return ack({"x": b"x" * (1_000_000 if message.path == ("long",) else 1)})

    near, far = memory_stream_pair()
    answered: dict[str, float] = {}

    async def serve() -> None:
        async with open_peer(SlowStream(far, Gate()), Side.ACCEPTOR, offers=answer) as peer:
            await peer.wait_ended()

    async def ask(root: Service, name: str) -> None:
        began = trio.current_time()
        await root(Message(Verb.GET, (name,)))
        answered[name] = trio.current_time() - began

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        async with open_peer(near, Side.INITIATOR) as peer, trio.open_nursery() as asking:
            asking.start_soon(ask, peer.root, "long")
            await wait_all_tasks_blocked()
            asking.start_soon(ask, peer.root, "short")
    assert answered["long"] > 10
    assert answered["short"] <= 3


async def test_what_cannot_be_sent_in_a_channel_ends_it(autojump_clock: MockClock) -> None:
    """With the reason, and its ends closed."""
    sender, receiver = open_channel()
    pipe, inner = open_pipe()
    sender.offer(Message(Verb.WATCH, (), {"object": object()}, att=inner))
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _):
        channel = channel_of(await peer.root(Message(Verb.WATCH)))
        with pytest.raises(Invalid):
            await channel.receive()
        await pipe.wait_reader_gone()


# -- services ----------------------------------------------------------------------------------------------------------


async def test_a_service_is_handed_over_called_and_given_back(autojump_clock: MockClock) -> None:
    """It is closed once its calls have been answered."""
    service, gate = Hub(), trio.Event()

    async def slow(message: Message) -> Message:
        await gate.wait()
        return ack({"slow": True})

    async with two_peers(there=partial(_give, ret=service)) as (peer, _), trio.open_nursery() as nursery:
        proxy = (await peer.root(Message(Verb.SPAWN))).ret
        assert callable(proxy)
        assert (await proxy(Message(Verb.GET, ("x",)))).path == ("x",)
        service.answer = slow
        nursery.start_soon(proxy, Message(Verb.GET))
        await wait_all_tasks_blocked()
        await close_ends(ack(ret=proxy))
        await close_ends(ack(ret=proxy))
        await wait_all_tasks_blocked()
        assert not service.closed.is_set()
        with pytest.raises(NotFound):
            await proxy(Message(Verb.GET))
        gate.set()
        await service.closed.wait()


async def test_a_service_is_handed_over_in_a_request_and_called_back(autojump_clock: MockClock) -> None:
    """The other peer reaches that, and nothing else of ours."""
    mine = Hub()

    async def answer(message: Message) -> Message:
        assert callable(message.ret)
        reply = await message.ret(Message(Verb.GET, ("called", "back")))
        await close_ends(message)
        return ack(path=reply.path)

    async with two_peers(there=answer) as (peer, _):
        assert (await peer.root(Message(Verb.SPAWN, ret=mine))).path == ("called", "back")
        await mine.closed.wait()


async def test_a_service_that_passes_twice_is_called_through_both(autojump_clock: MockClock) -> None:
    """What was handed over can be handed on; the ends go all the way."""
    service = Hub()
    async with two_peers() as (peer, _):
        proxy = (await peer.root(Message(Verb.SPAWN, ret=service))).ret
        assert callable(proxy)
        reply = await proxy(Message(Verb.FILE, att=BytesStream(b"through")))
        assert reply.att is not None
        assert await read_whole(reply.att) == b"through"
        await close_ends(ack(ret=proxy))
        await service.closed.wait()


# -- what is refused ---------------------------------------------------------------------------------------------------


async def test_a_call_that_cannot_be_sent_is_refused_here(autojump_clock: MockClock) -> None:
    """What is not plain or too long is invalid, its ends are closed, and the connection goes on."""
    async with two_peers() as (peer, _):
        for value in (object(), bytes(40_000_000)):
            sender, receiver = open_pipe()
            with pytest.raises(Invalid):
                await peer.root(Message(Verb.GET, (), {"value": value}, att=receiver))
            await sender.wait_reader_gone()
        assert (await peer.root(Message(Verb.LS))).verb is Verb.ACK


async def test_a_reply_that_cannot_be_sent_is_an_error(autojump_clock: MockClock) -> None:
    """Its ends are closed, and the caller learns why."""
    sender, receiver = open_pipe()
    async with two_peers(there=partial(_give_args, {"object": object()}, receiver)) as (peer, _):
        with pytest.raises(Invalid):
            await peer.root(Message(Verb.GET))
        await sender.wait_reader_gone()


async def _give_args(args: dict[str, object], att: trio.abc.ReceiveStream, message: Message, /) -> Message:
    return ack(args, att=att)


# -- the end -----------------------------------------------------------------------------------------------------------


async def test_closing_ends_everything(autojump_clock: MockClock) -> None:
    """Calls, streams, channels, services: none ends as if it were whole, and the sources are closed."""
    outcomes: dict[str, SwarmError] = {}
    sender, receiver = open_channel()
    pipe, inner = open_pipe()
    given, mine = Hub(), Hub()
    uploads = open_pipe()

    async def answer(message: Message) -> Message:
        if message.verb is Verb.LOG:
            await trio.sleep_forever()
        if message.verb is Verb.SPAWN:
            return ack(ret=given)
        return ack(ret=receiver, att=inner)

    async def call() -> None:
        try:
            await peer.root(Message(Verb.LOG, ret=mine, att=uploads[1]))
        except SwarmError as error:
            outcomes["call"] = error

    async with trio.open_nursery() as nursery:
        async with two_peers(there=answer) as (peer, _):
            nursery.start_soon(call)
            reply = await peer.root(Message(Verb.WATCH))
            proxy = (await peer.root(Message(Verb.SPAWN))).ret
            await wait_all_tasks_blocked()
        assert reply.att is not None
        with pytest.raises(Unavailable):
            await reply.att.receive_some()
        with pytest.raises(Unavailable):
            await channel_of(reply).receive()
        assert callable(proxy)
        with pytest.raises(Unavailable):
            await proxy(Message(Verb.GET))
    assert outcomes["call"].code is Code.TIMEOUT
    for event in (given.closed, mine.closed):
        assert event.is_set()
    await sender.wait_closed()
    await pipe.wait_reader_gone()
    await uploads[0].wait_reader_gone()


async def test_a_broken_transport_ends_everything(autojump_clock: MockClock) -> None:
    """A call that was sent is `timeout`, later ones are `unavailable`, and both peers know that it is over."""

    near, far = memory_stream_pair()

    async def hang(message: Message) -> Message:
        await trio.sleep_forever()
        raise AssertionError

    async with two_peers(there=hang, streams=(near, far)) as (peer, back), trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(Timeout):
                await peer.root(Message(Verb.START))

        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        await near.reset()
        await peer.wait_ended()
        await back.wait_ended()
        with pytest.raises(Unavailable):
            await peer.root(Message(Verb.START))


async def test_what_waits_for_its_turn_when_the_connection_ends_was_not_sent(autojump_clock: MockClock) -> None:
    """It is `unavailable`, and may be tried elsewhere; what had left is `timeout`."""

    near, far = memory_stream_pair()
    gate = Gate()
    codes: list[Code] = []

    async with two_peers(streams=(GatedStream(near, gate), far)) as (peer, _), trio.open_nursery() as nursery:

        async def call() -> None:
            try:
                await peer.root(Message(Verb.SET, (), {"data": bytes(50_000)}))
            except SwarmError as error:
                codes.append(error.code)

        gate.shut()
        for _ in range(5):
            nursery.start_soon(call)
            await wait_all_tasks_blocked()
        await near.reset()
        gate.open()
    assert sorted(code.value for code in codes) == ["timeout", *["unavailable"] * 4]


async def test_leaving_lets_what_goes_on_come_to_its_end(autojump_clock: MockClock) -> None:
    """New calls are refused at both ends; when the last stream has ended, so has the connection, and well."""
    sender, receiver = open_pipe()
    async with two_peers(here=echo, there=partial(_give, att=receiver)) as (peer, back):
        reply = await peer.root(Message(Verb.LOG))
        back.leave(Unavailable("going down for maintenance"))
        await peer.wait_leaving()
        assert "maintenance" in str(peer.error)
        for each in (peer, back):
            with pytest.raises(Unavailable):
                await each.root(Message(Verb.LS))
        await sender.send_all(b"the end")
        sender.send_eof()
        assert reply.att is not None
        assert await read_whole(reply.att) == b"the end"
        await peer.wait_ended()
        await back.wait_ended()


async def test_a_silent_peer_is_asked_and_then_given_up(autojump_clock: MockClock) -> None:
    """After 10 s a question, after 10 more the end; one that answers lives on."""

    near, far = memory_stream_pair()
    gate = Gate()
    async with two_peers(streams=(near, GatedStream(far, gate))) as (peer, _):
        await trio.sleep(100)
        assert not peer.ended
        gate.shut()
        began = trio.current_time()
        await peer.wait_ended()
        assert 10 <= trio.current_time() - began <= 20
        assert "nothing was heard" in str(peer.error)
        gate.open()


async def test_a_peer_that_pings_and_never_reads_is_given_up(autojump_clock: MockClock) -> None:
    """After 30 s to 60 s, though it is heard all the time; as long as it reads a little, it is borne with."""
    near, far = memory_stream_pair()
    hello = {**HELLO, "limits": {"stream_bytes": 2**31 - 1}}
    await far.send_all(PREFACE + raw(Type.HELLO, 0, hello) + raw(Type.CALL, 1, [0, message("log")]))
    async with (
        open_peer(near, Side.ACCEPTOR, offers=partial(_give, att=BytesStream(bytes(4_000_000)))) as peer,
        trio.open_nursery() as nursery,
    ):

        async def ping() -> None:
            while True:
                await trio.sleep(5)
                await far.send_all(raw(Type.PING, 0, b"12345678"))

        nursery.start_soon(ping)
        for _ in range(20):
            await trio.sleep(20)
            await far.receive_some(CHUNK)
        assert not peer.ended
        began = trio.current_time()
        with trio.fail_after(60):
            await peer.wait_ended()
        assert trio.current_time() - began >= 30
        assert str(peer.error) == "it has not read what was written to it for 30 s"
        nursery.cancel_scope.cancel()


async def test_a_fault_of_ours_is_raised_and_nothing_hangs(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """What acts on an event fails: the block ends with that, and so does the other peer's connection."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Inlets, "put_data", fail)

    async def use() -> None:
        async with two_peers() as (peer, _):
            await peer.root(Message(Verb.FILE, att=BytesStream(b"x")))
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await use()
    assert caught.group_contains(ZeroDivisionError)


async def test_nothing_is_said_for_ten_seconds(autojump_clock: MockClock) -> None:
    """Who does not say hello is given up."""

    near, _far = memory_stream_pair()
    with pytest.raises(Unavailable, match="did not say hello in 10 s"):
        async with open_peer(near, Side.ACCEPTOR):
            raise AssertionError


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SWMKIT\r\n\xff\xff\xff\xff\xff", b""])
async def test_no_peer_at_all_is_told_so(data: bytes, autojump_clock: MockClock) -> None:
    """Rubbish, and an end, are reasons."""

    near, far = memory_stream_pair()
    await far.send_all(data)
    await far.send_eof()
    with pytest.raises(Unavailable):
        async with open_peer(near, Side.INITIATOR):
            raise AssertionError


async def test_swallowed_ends_are_closed_at_the_caller(autojump_clock: MockClock) -> None:
    """A service there that closes what it is brought closes it here."""
    pipe, channel, service = open_pipe(), open_channel(), Hub()
    async with two_peers(there=swallow) as (peer, _):
        await peer.root(Message(Verb.FILE, ret=channel[1], att=pipe[1]))
        await peer.root(Message(Verb.FILE, ret=service))
        await pipe[0].wait_reader_gone()
        await channel[0].wait_closed()
        await service.closed.wait()


async def test_the_end_of_a_channel_is_told_from_a_break(autojump_clock: MockClock) -> None:
    """Ended well is `EndOfChannel`."""
    sender, receiver = open_channel()
    sender.end()
    async with two_peers(there=partial(_give, ret=receiver)) as (peer, _):
        with pytest.raises(EndOfChannel):
            await channel_of(await peer.root(Message(Verb.WATCH))).receive()
