import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from swarmkit import (
    BytesStream,
    EndOfChannel,
    Invalid,
    Message,
    NotFound,
    Receiver,
    Role,
    Service,
    Unavailable,
    Verb,
    ack,
    open_channel,
    open_pipe,
    read_whole,
)
from swarmkit.debug import DebugStage, debug
from tests.stages import Noted

Answer = Callable[[Message], Coroutine[Any, Any, Message]]

GET = Message(Verb.GET, ("x",))


@asynccontextmanager
async def debugged(answer: Answer, label: str = "") -> AsyncIterator[Service]:
    """Open the layer over a service of one function."""
    async with DebugStage(label).open(answer) as service:
        yield service


def answering(reply: Message) -> Answer:
    """Make a service that always answers the same."""

    async def answer(message: Message) -> Message:
        await trio.sleep(2)
        return reply

    return answer


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give what the layer has logged so far."""
    caplog.set_level(logging.DEBUG)
    return lambda: [record.getMessage() for record in caplog.records if record.name == "swarmkit.debug"]


Said = Callable[[], list[str]]
Clock = trio.testing.MockClock


async def test_each_message_and_its_reply_is_a_line(said: Said, autojump_clock: Clock) -> None:
    """A call has a number, its reply the time that it took."""
    async with debugged(answering(ack({"a": 1}))) as service:
        await service(GET)
        await service(GET)
    assert said() == [
        "#1 > GET x",
        "#1 < ACK . a=1 after 2.000 s",
        "#2 > GET x",
        "#2 < ACK . a=1 after 2.000 s",
    ]


async def test_a_label_stands_before_each_line(said: Said, autojump_clock: Clock) -> None:
    """Two layers of one pipeline can be told apart."""
    async with debugged(answering(ack()), "outer") as service:
        await service(GET)
    assert said() == ["outer #1 > GET x", "outer #1 < ACK . after 2.000 s"]


async def test_nothing_of_message_and_reply_is_changed(autojump_clock: Clock) -> None:
    """Verb, path and arguments pass as they are, both ways."""
    seen: list[Message] = []
    reply = ack({"a": [1]}, path=("y",))

    async def answer(message: Message) -> Message:
        seen.append(message)
        return reply

    async with debugged(answer) as service:
        assert await service(GET) == reply
    assert seen == [GET]


async def test_an_error_passes_as_it_is(said: Said, autojump_clock: Clock) -> None:
    """The same exception comes out, and its code and text are logged."""
    error = NotFound("No such container: x", host="a")

    async def answer(message: Message) -> Message:
        raise error

    async with debugged(answer) as service:
        with pytest.raises(NotFound) as raised:
            await service(GET)
    assert raised.value is error
    assert said()[-1] == "#1 < ERROR not_found: No such container: x after 0.000 s"


async def test_a_bug_passes_as_it_is(said: Said) -> None:
    """What is no error of the toolkit is named after its type."""

    async def answer(message: Message) -> Message:
        raise ZeroDivisionError("oh")

    async with debugged(answer) as service:
        with pytest.raises(ZeroDivisionError):
            await service(GET)
    assert said()[-1].startswith("#1 < ZeroDivisionError: oh after ")


async def test_cancelling_a_call_reaches_what_is_behind(said: Said, autojump_clock: Clock) -> None:
    """A call that is given up is given up behind the layer, and logged as that."""
    async with debugged(answering(ack())) as service:
        with trio.move_on_after(1) as scope:
            await service(GET)
    assert scope.cancelled_caught
    assert said()[-1] == "#1 < cancelled after 1.000 s"


# -- streams -----------------------------------------------------------------------------------------------------------


async def echo(message: Message) -> Message:
    """Answer with the stream that the message brings."""
    return ack(att=message.att)


async def test_bytes_pass_and_are_counted(said: Said) -> None:
    """A stream's bytes and end come through; either side of the call says how many there were."""
    async with debugged(echo) as service:
        reply = await service(Message(Verb.FILE, att=BytesStream(b"12345")))
        assert reply.att is not None
        assert await read_whole(reply.att) == b"12345"
    ends = [line.partition(" in ")[0] for line in said()[2:]]
    assert ends == ["#1 = stream of the request: 5 bytes", "#1 = stream of the reply: 5 bytes"]
    assert [line.endswith(" s, end of file") for line in said()[2:]] == [True, True]


async def test_a_cut_passes_as_a_cut(said: Said, autojump_clock: Clock) -> None:
    """A broken stream raises what it raised before, after the bytes that came."""
    error = Unavailable("the host is gone")
    sender, receiver = open_pipe()
    await sender.send_all(b"123")
    sender.cut(error)
    async with debugged(answering(ack(att=receiver))) as service:
        stream = (await service(GET)).att
        assert stream is not None
        assert await stream.receive_some() == b"123"
        with pytest.raises(Unavailable) as raised:
            await stream.receive_some()
        await stream.aclose()
    assert raised.value is error
    assert said()[2:] == ["#1 = stream of the reply: 3 bytes in 0.000 s, cut (the host is gone)"]


async def test_closing_a_stream_reaches_its_writer(said: Said, autojump_clock: Clock) -> None:
    """A reader that stops stops the writer behind the layer."""
    sender, receiver = open_pipe()
    async with debugged(answering(ack(att=receiver))) as service:
        stream = (await service(GET)).att
        assert stream is not None
        await stream.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(b"x")
    assert said()[-1].endswith("0 bytes in 0.000 s, closed by its reader")


async def test_a_cancelled_read_ends_nothing(said: Said, autojump_clock: Clock) -> None:
    """A read may be given up and tried again, as without the layer."""
    sender, receiver = open_pipe()
    async with debugged(answering(ack(att=receiver))) as service:
        stream = (await service(GET)).att
        assert stream is not None
        with trio.move_on_after(1):
            await stream.receive_some()
        await sender.send_all(b"x")
        assert await stream.receive_some() == b"x"
    assert not any("=" in line for line in said())


async def test_a_stream_is_read_at_its_readers_pace(autojump_clock: Clock) -> None:
    """The layer reads nothing ahead: the writer waits for the reader behind it."""
    sender, receiver = open_pipe(limit=4)
    async with debugged(answering(ack(att=receiver))) as service:
        assert (await service(GET)).att is not None
        with trio.move_on_after(1) as scope:
            await sender.send_all(b"12345")
    assert scope.cancelled_caught


# -- channels and services ---------------------------------------------------------------------------------------------


async def test_what_a_channel_brings_is_logged(said: Said, autojump_clock: Clock) -> None:
    """Each message of a watch is a line when it is taken, and so is the end."""
    sender, receiver = open_channel()
    sender.offer(Message(Verb.WATCH, (), {"kind": "synced"}))
    sender.offer(Message(Verb.WATCH, ("containers", "1"), {"kind": "gone"}))
    sender.end()
    async with debugged(answering(ack(ret=receiver))) as service:
        channel = (await service(Message(Verb.WATCH))).ret
        assert isinstance(channel, Receiver)
        async with channel:
            assert [message["kind"] async for message in channel] == ["synced", "gone"]
            with pytest.raises(EndOfChannel):
                await channel.receive()
    assert said()[2:] == ["#1 - WATCH . kind=synced", "#1 - WATCH containers/1 kind=gone", "#1 = channel ended"]


async def test_a_channels_error_passes(said: Said, autojump_clock: Clock) -> None:
    """A watcher that is ended with an error meets it."""
    sender, receiver = open_channel()
    sender.end(Unavailable("too slow"))
    async with debugged(answering(ack(ret=receiver))) as service:
        channel = (await service(Message(Verb.WATCH))).ret
        assert isinstance(channel, Receiver)
        with pytest.raises(Unavailable, match="too slow"):
            await channel.receive()
    assert said()[-1] == "#1 = channel ended with unavailable: too slow"


@pytest.mark.parametrize("close", ["close", "aclose", "block"])
async def test_closing_a_channel_reaches_its_sender(said: Said, autojump_clock: Clock, close: str) -> None:
    """However the receiver gives it up, the sender behind the layer is told."""
    sender, receiver = open_channel()
    async with debugged(answering(ack(ret=receiver))) as service:
        channel = (await service(Message(Verb.WATCH))).ret
        assert isinstance(channel, Receiver)
        if close == "close":
            channel.close()
        elif close == "aclose":
            await channel.aclose()
        else:
            async with channel:
                assert channel.receive_nowait() is None
    assert (sender.closed, said()[-1]) == (True, "#1 = channel closed by its receiver")


async def test_a_message_that_is_there_is_taken_at_once(said: Said, autojump_clock: Clock) -> None:
    """`receive_nowait` passes, too."""
    sender, receiver = open_channel()
    sender.offer(GET)
    async with debugged(answering(ack(ret=receiver))) as service:
        channel = (await service(Message(Verb.WATCH))).ret
        assert isinstance(channel, Receiver)
        assert (channel.receive_nowait(), said()[-1]) == (GET, "#1 - GET x")


async def test_a_service_that_is_handed_over_is_logged_and_closed(said: Said, autojump_clock: Clock) -> None:
    """Calls of a service in a reply pass through the layer as well; its owner can close it."""
    closed: list[str] = []

    class Handed(Noted):
        async def aclose(self) -> None:
            closed.append(self.name)

    async with debugged(answering(ack(ret=Handed("h", None)))) as service:
        handed = (await service(GET)).ret
        assert isinstance(handed, Service)
        assert (await handed(GET))["names"] == ["h"]
        await handed.aclose()  # type: ignore[attr-defined]
    assert closed == ["h"]
    assert said()[2] == "#2 > GET x"


# -- the part ----------------------------------------------------------------------------------------------------------


def test_the_words_of_a_stage() -> None:
    """`debug` is a layer with a label and a level."""
    assert debug.parse(["--name", "a", "--level", "debug"]) == DebugStage("a", logging.DEBUG)
    assert (debug.parse([]), debug.role) == (DebugStage("", logging.INFO), Role.LAYER)


def test_an_unknown_level_is_refused() -> None:
    """The levels are those of the log."""
    with pytest.raises(Invalid, match="debug: Invalid value for '--level'"):
        debug.parse(["--level", "loud"])
