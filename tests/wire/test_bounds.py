"""Nothing that a peer sends makes memory grow past the limits, whether or not it reads what it is answered."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from swarmkit.errors import SwarmError, Unavailable
from swarmkit.message import Verb
from swarmkit.wire.connection import Connection
from swarmkit.wire.frames import LAST, Type
from swarmkit.wire.limits import Limits
from swarmkit.wire.messages import Ret, WireMessage

from .hostile import Attack
from .machines import ACK, Script, message, raw

MANY = 5_000
NO = Unavailable("no")


@pytest.mark.parametrize("wild", [0, 3, 30])
@pytest.mark.parametrize("seed", range(60))
def test_a_hostile_peer_fills_nothing(seed: int, wild: int) -> None:
    """Whatever it sends and whenever it reads, what is held is bounded by the hello; a proper one is not cut off."""
    attack = attack_by_chance(seed, wild, 300)
    assert attack.host.over == bool(wild) or wild == 30
    if attack.host.over:
        assert isinstance(attack.host.error, SwarmError)
        assert attack.host.machine._inbound.held == 0


def test_the_attacks_get_far() -> None:
    """They are worth something: most live long, and everything is used."""
    attacks = [attack_by_chance(seed, 0, 300) for seed in range(20)]
    for used in ("outcomes", "answered", "written", "read", "sent", "received", "cancelled", "finished", "ended"):
        assert sum(len(getattr(attack.host, used)) for attack in attacks) > 5, used


def attack_by_chance(seed: int, wild: int, steps: int) -> Attack:
    """Let a peer of chance do so many things."""
    left = iter(range(steps))
    attack = Attack(random.Random(seed).randrange, wild)
    attack.run(lambda: next(left, None) is not None)
    return attack


def test_pings_without_reading() -> None:
    """One answer is kept."""
    script = Script()
    for number in range(MANY):
        script.send(raw(Type.PING, 0, number.to_bytes(8, "big")))
    assert len(script.sent()) == 1


def test_data_byte_by_byte_without_reading() -> None:
    """Credits are added up: a reader as fast as the writer keeps one frame for each stream."""
    script = Script()
    script.take_stream()
    for _ in range(MANY):
        script.send(raw(Type.DATA, 1, b"x"))
        script.machine.credit(1, 1)
    assert [frame.type for frame in script.sent()] == [Type.CREDIT]


GIVE_UP: dict[str, Callable[[Connection, int], None]] = {
    "stream": Connection.stop,
    "channel": Connection.close_channel,
    "service": Connection.release,
}


@pytest.mark.parametrize("kind", GIVE_UP)
def test_a_million_opens(kind: str) -> None:
    """Ends beyond the limit end the connection, however fast they are given up: nothing is read, so nothing is over."""
    script = Script(Limits(streams=10, channels=10, refs=10))
    for number in range(1, 2_000_000, 2):
        ends: list[Any] = [None, number] if kind == "stream" else [[kind, number], None]
        script.send(raw(Type.CALL, number, [0, message("get", *ends)]))
        if script.over:
            break
        script.machine.fail(number, NO)
        GIVE_UP[kind](script.machine, number)
    assert number == 21
    assert "10 that are taken" in script.violation


def test_calls_without_reading_the_answers() -> None:
    """An answer that is not written counts as none: the next call beyond the limit is one too many."""
    script = Script(Limits(calls=10))
    for number in range(1, 21, 2):
        script.take_call(number)
        script.machine.reply(number, ACK)
    assert not script.over
    script.take_call(21)
    assert "10 that are taken" in script.violation


def test_calls_after_a_goaway() -> None:
    """They are dropped, and no more of them than could have crossed it."""
    script = Script(Limits(calls=10))
    script.machine.go_away(NO)
    for number in range(1, 21, 2):
        assert script.send(raw(Type.CALL, number, [0, message("get", ["service", number], number)])) == []
    assert not script.over
    script.take_call(21)
    assert script.violation


def test_a_message_of_many_small_values() -> None:
    """It is refused before it takes its memory: seventy times its length, here 70 MB."""
    script = Script(Limits(values=1000))
    payload = b"\x82\x00\x9a\x00\x0f\x42\x40" + b"\xa0" * 1_000_000
    parts = [raw(Type.PART, 0, payload[at : at + 60_000]) for at in range(0, len(payload), 60_000)]
    script.send(*parts)
    tracemalloc.start()
    script.send(raw(Type.CALL | LAST, 1, b"\xa0"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 1000 values" in script.violation
    assert peak < 5_000_000


def test_many_parts_of_a_byte() -> None:
    """They take their bytes, not an object each."""
    script = Script()
    tracemalloc.start()
    for _ in range(MANY):
        script.send(raw(Type.PART, 0, b"xy"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert script.machine._inbound.held == 2 * MANY
    assert held < 10 * MANY


def test_long_messages_are_handed_out_piece_by_piece() -> None:
    """What is encoded once is not copied again: the pieces are views of it."""
    script = Script()
    script.machine.call(0, WireMessage(Verb.SET, (), {"x": b"y" * 10_000_000}, Ret.CHANNEL))
    tracemalloc.start()
    count = 0
    while out := script.machine.data_to_send():
        count += sum(map(len, out))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 10_000_000
    assert peak < 200_000
