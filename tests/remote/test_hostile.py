"""Peers that mean harm, against a `listen` of its own process: cut off with a reason, in little memory, and alone."""

from __future__ import annotations

import itertools
import logging
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2
import pytest
import trio

from backends.listen import listen
from backends.remote import remote
from swarmkit.channel import Sender, open_channel
from swarmkit.host import Host
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service
from swarmkit.wire import driver
from swarmkit.wire.frames import LAST, Frame, FrameReader, Type

from ..wire.machines import HELLO, PREFACE, message, raw
from .serving import Far, listening

MORE = 64 * 1024 * 1024
"""Bytes that the process may grow by, whatever they do: two of the longest messages."""

GREETING = PREFACE + raw(Type.HELLO, 0, HELLO)
GREEDY = PREFACE + raw(Type.HELLO, 0, {**HELLO, "limits": dict.fromkeys(("channels", "streams", "refs"), 2**31 - 1)})

Pieces = Iterator[bytes]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """Give a host behind a wire, in a process of its own."""
    with listening(tmp_path_factory.mktemp("hostile") / "wire.sock", "fake one") as far:
        yield far


@pytest.fixture
async def other(far: Far) -> AsyncIterator[Service]:
    """Give one who means no harm."""
    async with remote.parse([far.url]).open(None) as service:
        yield service


def calls(*values: Any) -> Pieces:
    """Make calls of these messages to the root, without end."""
    numbers = itertools.count(1, 2)
    while True:
        yield b"".join(raw(Type.CALL, next(numbers), [0, *values]) for _ in range(100))


def no_credit_respected() -> Pieces:
    """Give a stream that the service has no use for, and write into it."""
    yield raw(Type.CALL, 1, [0, message("ls", att=1)])
    while True:
        yield raw(Type.DATA, 1, bytes(60_000))


def a_message_without_end() -> Pieces:
    """Send parts, and never the last."""
    while True:
        yield raw(Type.PART, 0, bytes(60_000))


def many_values() -> Pieces:
    """Send a message that takes many times its bytes when it is decoded: an array of empty maps."""
    count = 30_000_000
    yield raw(Type.PART, 0, b"\x82\x00\x85\x62ls\x80\xa1\x61x\x9a" + count.to_bytes(4, "big"))
    yield from itertools.repeat(raw(Type.PART, 0, b"\xa0" * 60_000), count // 60_000)
    yield raw(LAST | Type.CALL, 1, b"\xf6\xf6")


ATTACKS: dict[str, tuple[Callable[[], Pieces], str]] = {
    "data for no stream": (lambda: iter([raw(Type.DATA, 99, b"x")]), "DATA for stream 99, which"),
    "a ref never given": (lambda: iter([raw(Type.CALL, 1, [7, message("ls")])]), "ref 7"),
    "an answer to no call": (lambda: iter([raw(Type.REPLY, 2, message("ack"))]), "REPLY for call 2"),
    "a huge length": (lambda: iter([struct.pack(">IBI", 2**32 - 1, Type.CALL, 1)]), "4294967295"),
    "deep nesting": (lambda: iter([raw(Type.CALL, 1, b"\x81" * 60_000 + b"\xf6")]), "not the CBOR"),
    "no credit respected": (no_credit_respected, "which has credit for"),
    "a message without end": (a_message_without_end, "a message of more than 33554432 bytes"),
    "many values": (many_values, "a message of more than 1048576 values"),
    "opens without end": (
        lambda: calls(["ls", [], {}, ["channel", 1], None]),
        "channel 1",
    ),
}
"""What is sent after a proper hello, and what is said of it."""


async def talk(path: Path, greeting: bytes, pieces: Pieces, *, wanted: int | None = None) -> list[Frame]:
    """Send pieces until there are no more or the connection breaks; return the frames that came, up to so many."""
    frames: list[Frame] = []
    async with await trio.open_unix_socket(str(path)) as stream, trio.open_nursery() as nursery:

        async def send() -> None:
            with suppress(trio.BrokenResourceError):
                for piece in itertools.chain([greeting], pieces):
                    await stream.send_all(piece)

        nursery.start_soon(send)
        reader, missing = FrameReader(2**31), len(PREFACE)
        with suppress(trio.BrokenResourceError):
            while wanted is None or len(frames) < wanted:
                data = await stream.receive_some()
                if not data:
                    break
                reader.feed(data[missing:])
                missing = max(0, missing - len(data))
                frames += iter(reader.next, None)
    return frames


async def talk_deaf(path: Path, pieces: Pieces) -> None:
    """Send pieces until there are no more or the connection breaks, and read nothing."""
    async with await trio.open_unix_socket(str(path)) as stream:
        with suppress(trio.BrokenResourceError):
            for piece in itertools.chain([GREETING], pieces):
                await stream.send_all(piece)


def farewell(frames: list[Frame]) -> str:
    """Return the text of the GOAWAY, which comes last."""
    assert frames[-1].type is Type.GOAWAY
    code, text = cbor2.loads(frames[-1].payload)
    assert code == "invalid"
    return str(text)


async def cut_off(far: Far, size: int) -> str:
    """Wait until the log, which was so long, says that somebody was cut off; return what it says."""
    with trio.fail_after(10):
        while "was cut off: the other peer broke the protocol" not in (told := far.log[size:]):
            await trio.sleep(0.02)
    return told


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_violation_is_told_and_logged_and_ends_one_connection(attack: str, far: Far, other: Service) -> None:
    """Memory stays where it was, and others are served meanwhile."""
    await Host(other).ls()
    make, reason = ATTACKS[attack]
    before, size = far.resident, len(far.log)
    with trio.fail_after(60):
        said = farewell(await talk(far.socket, GREETING, make()))
    assert reason in said
    assert reason in await cut_off(far, size)
    assert far.resident - before < MORE
    await Host(other).ls()
    assert far.log[size:].count("was cut off") == 1


async def test_who_reads_nothing_is_cut_off(far: Far, other: Service) -> None:
    """There are no more calls than may be unanswered, and their answers are not heaped up."""
    await Host(other).ls()
    before, size = far.resident, len(far.log)
    with trio.fail_after(60):
        await talk_deaf(far.socket, calls(message("ls")))
    await Host(other).ls()
    await cut_off(far, size)
    assert far.resident - before < MORE


async def test_pings_without_end_take_no_memory(far: Far, other: Service) -> None:
    """Of who reads no answer."""
    before = far.resident
    pings = itertools.repeat(raw(Type.PING, 0, b"12345678") * 1000, 300)
    with trio.fail_after(60):
        await talk_deaf(far.socket, pings)
    await Host(other).ls()
    assert far.resident - before < MORE


async def test_who_takes_everything_is_not_given_everything(tmp_path: Path) -> None:
    """Channels without end, for one whose hello says that it takes them: no more are open than we would take."""
    given: list[Sender] = []

    async def watched(message: Message, /) -> Message:
        sender, receiver = open_channel()
        given.append(sender)
        return ack(ret=receiver)

    async with listen.parse([f"unix://{tmp_path}/wire.sock"]).open(watched):
        watches = itertools.islice(calls(message("watch")), 30)
        frames = await talk(tmp_path / "wire.sock", GREEDY, watches, wanted=1 + 3000)
        answers = Counter(frame.type for frame in frames)
        assert answers == {Type.HELLO: 1, Type.REPLY: 1024, Type.ERROR: 3000 - 1024}
        assert len(given) == 3000
        with trio.fail_after(10):
            for sender in given:
                await sender.wait_closed()  # also those that were not given: they have no other owner


async def nothing(message: Message, /) -> Message:
    """Answer."""
    return ack()


# -- silence, which is told by the clock -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (b"", "nothing was heard from it"),
        (struct.pack(">IBI", 60_000, Type.CALL, 1) + b"\x82\x00", "nothing was heard from it"),
    ],
    ids=["silence", "half a frame for ever"],
)
async def test_silence_ends_a_connection(
    last: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After twice ten seconds, here less, and not that of others."""
    monkeypatch.setattr(driver, "QUIET_SECONDS", 0.2)
    caplog.set_level(logging.INFO, "backends.listen")
    async with (
        listen.parse([f"unix://{tmp_path}/x"]).open(nothing) as front,
        remote.parse([front.addresses[0]]).open(None) as other,  # type: ignore[attr-defined]  # it is a front
        await trio.open_unix_socket(f"{tmp_path}/x") as stream,
    ):
        await other(Message(Verb.LS))
        await stream.send_all(GREETING + last)
        with trio.fail_after(10):
            async for _ in stream:
                pass
        await other(Message(Verb.LS))
    assert [says in record.getMessage() for record in caplog.records].count(True) == 1
