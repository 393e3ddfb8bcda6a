"""What a fuzzer's bytes are made of, and what must hold for them: the same for `scripts/fuzz` and the kept corpus."""

from __future__ import annotations

import cbor2

from swarmkit.wire import events as ev
from swarmkit.wire.codec import decode, encode
from swarmkit.wire.violations import Violation

from .hostile import TIGHT, Attack
from .machines import Script
from .programs import Numbers


def fuzz(data: bytes) -> None:
    """Try what the first byte says with the rest; raise where something is wrong."""
    if len(data) > 1:  # nothing would be the end of the stream
        (as_cbor, as_bytes, as_attack)[data[0] % 3](data[1:])


def as_cbor(data: bytes) -> None:
    """Decode: a value, which can be sent on as it is, or a violation."""
    try:
        value = decode(data, TIGHT)
    except Violation:
        return
    again = encode(value, TIGHT)
    assert repr(cbor2.loads(again)) == repr(value)
    assert repr(decode(again, TIGHT)) == repr(value)


def as_bytes(data: bytes) -> None:
    """Receive, behind the HELLO, whole and byte by byte: the same events, and no more held than is allowed."""
    whole, pieces = Script(TIGHT), Script(TIGHT)
    whole.send(data)
    for at in range(len(data)):
        pieces.send(data[at : at + 1])
        assert pieces.machine._inbound.held <= TIGHT.frame + 9 + TIGHT.message
    assert list(map(repr, pieces.events)) == list(map(repr, whole.events))
    assert [type(event) for event in whole.events].count(ev.Ended) <= 1


def as_attack(data: bytes) -> None:
    """Let the bytes choose what a peer does, and what the program that it is let at does."""
    numbers = Numbers(data)
    Attack(numbers.choose, wild=4).run(numbers.more)
