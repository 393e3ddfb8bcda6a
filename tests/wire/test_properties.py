"""Any fragmentation, any interleaving, any stop: what must hold for two machines that are joined."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmkit.wire import events as ev
from swarmkit.wire.connection import Connection, Side

from .hostile import TIGHT, Attack
from .machines import Script, joined
from .programs import NO, Numbers, Program

# Bytes that hypothesis makes are short and shrink well; those of chance are long and lead far.
chance = st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 2**32), st.integers(0, 4000))
numbers = (st.binary(max_size=1500) | chance).map(Numbers)


def cut(data: bytes, numbers: Numbers) -> list[bytes]:
    """Cut bytes into pieces, also of one byte."""
    pieces, at = [], 0
    while at < len(data):
        size = 1 + (numbers.choose(4) if numbers.choose(2) else numbers.choose(3000))
        pieces.append(data[at : at + size])
        at += size
    return pieces


def told(events: list[ev.Event]) -> list[str]:
    """Return what can be compared of events: their errors have no equality."""
    return list(map(repr, events))


@given(numbers, numbers, st.booleans())
@settings(max_examples=60)
def test_any_fragmentation_gives_the_same_events(numbers: Numbers, cuts: Numbers, wild: bool) -> None:
    """However what one peer sends is cut, the other is told the same, up to the violation if there is one."""
    attack = Attack(numbers.choose)
    program = attack.peer
    data = joined(program.machine)
    program.act(program.machine.receive_data(joined(fresh())))
    while numbers.more():
        program.wish()
        data += joined(program.machine)
        if wild and not numbers.choose(20):
            data += attack.frame()
    whole = fresh().receive_data(data)
    machine = fresh()
    assert told([event for piece in cut(data, cuts) for event in machine.receive_data(piece)]) == told(whole)


def fresh() -> Connection:
    return Connection(Side.ACCEPTOR, TIGHT, root=True, agent="x")


class Network:
    """Two programs, and what is on the way between them."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        sides = (Side.INITIATOR, Side.ACCEPTOR)
        self.ends = [Program(Connection(side, TIGHT, root=True, agent=side.name), numbers.choose) for side in sides]
        self.wires = [b"", b""]

    def step(self) -> None:
        """Let one end do something, or write something, or a few bytes arrive."""
        choose = self.numbers.choose
        end, what = choose(2), choose(3)
        if what == 0:
            self.ends[end].wish()
        elif what == 1:
            self.wires[1 - end] += b"".join(self.ends[end].machine.data_to_send())
        else:
            self.arrive(end, 1 + choose(2000))

    def arrive(self, end: int, size: int) -> None:
        data, self.wires[end] = self.wires[end][:size], self.wires[end][size:]
        if data:
            events = self.ends[end].machine.receive_data(data)
            assert [event for event in events if isinstance(event, ev.Violated)] == []
            self.ends[end].act(events)

    def settle(self) -> None:
        """Let all bytes arrive, and both answer, grant and go on, until nothing changes any more."""
        while True:
            for end in self.ends:
                end.settle()
            for number, end in enumerate(self.ends):
                self.wires[1 - number] += joined(end.machine)
            if not any(self.wires):
                return
            for number in (0, 1):
                self.arrive(number, len(self.wires[number]))


@given(numbers)
@settings(max_examples=60)
def test_any_interleaving_delivers_everything_once(numbers: Numbers) -> None:
    """No violation; each call is answered once; streams and channels that ended well have arrived whole."""
    network = Network(numbers)
    while numbers.more():
        network.step()
    network.settle()
    for end, other in (network.ends, network.ends[::-1]):
        assert_calls_are_over(end, other)
        assert_streams_are_whole(end, other)
        assert_channels_are_whole(end, other)
        assert end.machine.backlog == 0


def assert_calls_are_over(end: Program, other: Program) -> None:
    """Each is answered exactly once, but for those that nobody waited for."""
    assert end.made == set()
    assert set(end.outcomes.values()) <= {1}
    assert set(end.outcomes) & end.cancelled == set()
    assert set(end.outcomes) | end.cancelled == other.answered
    assert other.taken == set()


def assert_streams_are_whole(writer: Program, reader: Program) -> None:
    for stream, read in reader.read.items():
        assert writer.written[stream].startswith(read)
    for stream in reader.finished:
        assert reader.read[stream] == writer.written[stream]


def assert_channels_are_whole(sender: Program, receiver: Program) -> None:
    for channel in receiver.ended:
        assert receiver.received[channel] == sender.sent[channel]


@given(numbers)
@settings(max_examples=60)
def test_any_stop_ends_everything_once(numbers: Numbers) -> None:
    """Wherever the connection breaks, each call is over once, and one that is known not to have been taken was not."""
    network = Network(numbers)
    while numbers.more():
        network.step()
    for program in network.ends:
        program.act(program.machine.lost(NO))
        assert program.over
    for end, other in (network.ends, network.ends[::-1]):
        assert set(end.outcomes.values()) <= {1}
        not_sent = {call for call, error in end.failures.items() if "before the call was sent" in error.message}
        assert not_sent & (other.taken | other.answered) == set()
        assert_streams_are_whole(end, other)
        assert_channels_are_prefixes(end, other)


def assert_channels_are_prefixes(sender: Program, receiver: Program) -> None:
    for channel, count in receiver.received.items():
        assert count <= sender.sent[channel]


@given(st.binary(max_size=300), st.booleans())
def test_bytes_of_chance_raise_nothing(data: bytes, greeted: bool) -> None:
    """Whatever comes, `receive_data` gives events, and the last is `Ended` if one was `Violated`."""
    script = Script() if greeted else Script(hello=b"")
    events: list[Any] = script.send(data) if data else []
    assert any(isinstance(event, ev.Violated) for event in events) == script.over
    assert not script.over or isinstance(events[-1], ev.Ended)
