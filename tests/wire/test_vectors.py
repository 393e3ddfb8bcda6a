"""The test vectors of docs/protocol.md, read from the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from attrs import frozen

from swarmkit.errors import Conflict, Unavailable
from swarmkit.message import Verb
from swarmkit.wire import payloads
from swarmkit.wire.connection import Connection, Side
from swarmkit.wire.events import Violated
from swarmkit.wire.frames import FrameReader, Type, header
from swarmkit.wire.hello import decode_hello
from swarmkit.wire.limits import Limits
from swarmkit.wire.messages import Ret, WireMessage

from .diagnostic import read
from .machines import PREFACE, Script, joined

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
LIMITS = Limits()
BYTES = {Type.DATA, Type.PART, Type.PING, Type.PONG}


@frozen
class Vector:
    """A frame in words, and in bytes; `sender` is `>`, `<` or nothing."""

    words: str
    bytes: bytes

    @property
    def sender(self) -> str:
        return self.words[0] if self.words[0] in "<>" else ""

    @property
    def parts(self) -> tuple[Type, int, Any]:
        """Its type, id and value."""
        kind, number, value = self.words.lstrip("<> ").removesuffix(", with the PART before it").split(" ", 2)
        return Type[kind], int(number), read(value)

    def __str__(self) -> str:
        return " ".join(self.words.split()[:3])[:30]


def section(title: str) -> list[Vector]:
    """Return the vectors of a section: lines of words are indented by four, or eight, and lines of hex by six."""
    text = PAGE.read_text().split(f"\n### {title}\n")[1].split("\n### ")[0]
    found = re.findall(r"^    (\S.*\n(?: {8}\S.*\n)*)((?: {6}[0-9a-f ]+\n)+)", text, re.MULTILINE)
    return [Vector(re.sub(r"\s+", " ", words).strip(), bytes.fromhex(digits)) for words, digits in found]


FRAMES, CONVERSATION, VIOLATIONS = map(section, ("Frames", "A conversation", "Violations"))


def test_each_type_has_a_vector() -> None:
    """The page leaves no frame out."""
    assert {vector.parts[0] for vector in FRAMES} == set(Type)
    assert len(CONVERSATION) > 20
    assert len(VIOLATIONS) == len(WRONG)


@pytest.mark.parametrize("vector", [*FRAMES, *CONVERSATION], ids=str)
def test_the_words_are_the_bytes(vector: Vector) -> None:
    """Another encoder makes of the words what the page says; a long message by the PART before it."""
    kind, number, value = vector.parts
    payload = value if kind in BYTES else cbor2.dumps(value)
    if "with the PART" in vector.words:
        [part] = [other.parts[2] for other in FRAMES if other.parts[0] is Type.PART]
        payload = payload.removeprefix(part)
    made = header(kind, number, len(payload), last="with the PART" in vector.words) + payload
    assert made.hex(" ") == vector.bytes.hex(" ")


CODECS: dict[Type, Callable[[bytes], bytes]] = {
    Type.GOAWAY: lambda data: payloads.encode_goaway(payloads.decode_goaway(data, LIMITS), LIMITS),
    Type.CALL: lambda data: payloads.encode_call(*payloads.decode_call(data, LIMITS), LIMITS),
    Type.REPLY: lambda data: payloads.encode_message(*payloads.decode_reply(data, LIMITS), LIMITS),
    Type.ITEM: lambda data: payloads.encode_message(*payloads.decode_item(data, LIMITS), LIMITS),
    Type.ERROR: lambda data: payloads.encode_error(payloads.decode_error(data, LIMITS), LIMITS, 9999),
    Type.RESET: lambda data: payloads.encode_error(payloads.decode_error(data, LIMITS), LIMITS, 9999),
    Type.GRANT: lambda data: payloads.encode_amounts(Type.GRANT, payloads.decode_grant(data, LIMITS)),
    Type.CREDIT: lambda data: payloads.encode_amounts(Type.CREDIT, (payloads.decode_credit(data, LIMITS),)),
}


@pytest.mark.parametrize(
    "vector", [one for one in FRAMES if one.parts[0] in CODECS and "PART" not in one.words], ids=str
)
def test_our_encoder_makes_what_our_decoder_reads(vector: Vector) -> None:
    """Each payload of the page, decoded and encoded, is itself."""
    kind, _, _ = vector.parts
    assert CODECS[kind](vector.bytes[9:]).hex(" ") == vector.bytes[9:].hex(" ")


def test_a_hello_is_read() -> None:
    """What it does not know it ignores."""
    assert decode_hello(FRAMES[0].bytes[9:]).limits == Limits(calls=16)


# What the program asks of the machine that sends a line; a line that is not here is sent by itself.
ACTS: dict[str, Callable[[Connection], object]] = {
    "> CALL 1": lambda machine: machine.call(0, WireMessage(Verb.WATCH, ("containers",))),
    "< REPLY 1": lambda machine: machine.reply(1, WireMessage(Verb.ACK, ret=Ret.CHANNEL)),
    "< ITEM 2": lambda machine: machine.send_item(2, WireMessage(Verb.WATCH, ("containers", "web"), {"event": "have"})),
    "> GRANT 2": lambda machine: machine.grant(2, 1, 42),
    "> CALL 3": lambda machine: machine.call(0, WireMessage(Verb.FILE, ("containers", "web"), {"put": "/"}, att=True)),
    "> DATA 1": lambda machine: machine.send_data(1, b"ustar"),
    "< CREDIT 1": lambda machine: machine.credit(1, 5),
    "> EOF 1": lambda machine: machine.send_eof(1),
    "< REPLY 3": lambda machine: machine.reply(3, WireMessage(Verb.ACK, ret=Ret.SERVICE)),
    "> CALL 5": lambda machine: machine.call(2, WireMessage(Verb.START)),
    "< ERROR 5": lambda machine: machine.fail(5, Conflict("it runs", status=409)),
    "> RELEASE 2": lambda machine: machine.release(2),
    "> CALL 7": lambda machine: machine.call(0, WireMessage(Verb.LOG, ("containers", "web"), {"follow": True})),
    "> CANCEL 7": lambda machine: machine.cancel(7),
    "< REPLY 7": lambda machine: machine.reply(7, WireMessage(Verb.ACK, att=True)),
    "> PING 0": lambda machine: machine.ping(),
    "> CLOSE 2": lambda machine: machine.close_channel(2),
    "< GOAWAY 7": lambda machine: machine.go_away(Unavailable("shutting down")),
}


def test_two_machines_hold_the_conversation() -> None:
    """Asked for the same things, they write the page's bytes, in its order, and take them."""
    sides = {
        ">": Connection(Side.INITIATOR, LIMITS, root=False, agent="example/1"),
        "<": Connection(Side.ACCEPTOR, LIMITS, root=True, agent="example/2"),
    }
    acts = dict(ACTS)
    for vector in CONVERSATION:
        sender, receiver = sides[vector.sender], sides["<" if vector.sender == ">" else ">"]
        act = acts.pop(" ".join(vector.words.split()[:3]), None)
        if act is not None:
            act(sender)
        preface = PREFACE if vector.parts[0] is Type.HELLO else b""
        assert (str(vector), joined(sender).hex(" ")) == (str(vector), (preface + vector.bytes).hex(" "))
        events = receiver.receive_data(preface + vector.bytes)
        assert [event for event in events if isinstance(event, Violated)] == []
    assert acts == {}
    assert [side.idle for side in sides.values()] == [True, True]


WRONG = {
    "a frame longer than the receiver takes": "65537 bytes, where 65536 are taken",
    "a type that is none": "type 0x7f",
    "a null that is an empty payload": "a payload that is not null",
    "a tag": "tag 2",
    "bytes behind the item": "1 bytes behind the CBOR",
    "a call to a ref that was never given": "CALL for ref 4, which never was",
    "a call with a number of the other's": "call 2 is no new one",
    "an answer to no call": "REPLY for call 2, which never was",
    "data for no stream": "DATA for stream 1, which never was",
    "a second HELLO": "a second HELLO",
    "a map with a key twice": "Duplicate map key",
    "an array of indefinite length": "indefinite length",
}


@pytest.mark.parametrize("vector", VIOLATIONS, ids=str)
def test_each_violation_is_one(vector: Vector) -> None:
    """For the reason that the page gives."""
    script = Script()
    script.send(vector.bytes)
    assert WRONG[vector.words] in script.violation


def test_the_hex_of_the_page_is_whole_frames() -> None:
    """Nothing is left over in any vector."""
    for vector in [*FRAMES, *CONVERSATION, *VIOLATIONS[2:]]:
        assert list(whole(vector.bytes)) == [vector.bytes[9:]]


def whole(data: bytes) -> Iterator[bytes]:
    reader = FrameReader(len(data))
    reader.feed(data)
    while (one := reader.next()) is not None:
        yield one.payload
    assert reader.held == 0
