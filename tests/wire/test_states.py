"""Every state of every thing, with every frame that could come for it: the tables are what the machine does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from swarmkit.wire.connection import Side
from swarmkit.wire.frames import Type
from swarmkit.wire.limits import Limits
from swarmkit.wire.state import tables
from swarmkit.wire.state.core import Core
from swarmkit.wire.state.numbers import Numbered
from swarmkit.wire.state.tables import CONNECTION, Phase, State, Step
from swarmkit.wire.violations import Misuse

from .machines import ACK, PREFACE, Script, message, raw

FRAMES: dict[Type, Callable[[int], bytes]] = {
    Type.CALL: lambda number: raw(Type.CALL, number, [0, message("get")]),
    Type.REPLY: lambda number: raw(Type.REPLY, number, message("ack")),
    Type.ERROR: lambda number: raw(Type.ERROR, number, ["internal", "no", {}]),
    Type.CANCEL: lambda number: raw(Type.CANCEL, number),
    Type.RELEASE: lambda number: raw(Type.RELEASE, number),
    Type.ITEM: lambda number: raw(Type.ITEM, number, message("get")),
    Type.END: lambda number: raw(Type.END, number),
    Type.CLOSE: lambda number: raw(Type.CLOSE, number),
    Type.GRANT: lambda number: raw(Type.GRANT, number, [1, 1]),
    Type.DATA: lambda number: raw(Type.DATA, number, b"x"),
    Type.EOF: lambda number: raw(Type.EOF, number),
    Type.RESET: lambda number: raw(Type.RESET, number, ["internal", "no", {}]),
    Type.STOP: lambda number: raw(Type.STOP, number),
    Type.CREDIT: lambda number: raw(Type.CREDIT, number, 1),
}


@frozen
class End:
    """One end of a kind of thing: its table, what the other peer sends about it, and the ways into its states."""

    name: str
    table: tables.Table
    types: tuple[Type, ...]
    received: tuple[Type, ...]
    things: Callable[[Any], Numbered[Any]]
    states: dict[State, Callable[[Script], int]]


def then(make: Callable[[Script], int], *acts: Callable[[Script, int], object]) -> Callable[[Script], int]:
    """Make a thing and do something with it."""

    def do(script: Script) -> int:
        number = make(script)
        for act in acts:
            act(script, number)
        return number

    return do


def comes(kind: Type) -> Callable[[Script, int], object]:
    return lambda script, number: script.send(FRAMES[kind](number))


def answered(script: Script, number: int) -> None:
    script.machine.reply(number, ACK)
    script.sent()


def released(script: Script, number: int) -> None:
    script.machine.release(number)
    script.sent()


CALLS = (Type.CALL, Type.REPLY, Type.ERROR, Type.CANCEL)
CHANNELS = (Type.ITEM, Type.END, Type.CLOSE, Type.GRANT)
STREAMS = (Type.DATA, Type.EOF, Type.RESET, Type.STOP, Type.CREDIT)

ENDS = [
    End(
        "a call made",
        tables.CALL,
        CALLS,
        (Type.REPLY, Type.ERROR),
        lambda machine: machine._calls.made,
        {
            State.UNKNOWN: lambda script: 2,
            State.OPEN: Script.make_call,
            State.GIVEN_UP: then(Script.make_call, lambda script, number: script.machine.cancel(number)),
            State.OVER: then(Script.make_call, comes(Type.REPLY)),
        },
    ),
    End(
        "a call taken",
        tables.CALL,
        CALLS,
        (Type.CALL, Type.CANCEL),
        lambda machine: machine._calls.taken,
        {
            State.UNKNOWN: lambda script: 1,
            State.OPEN: Script.take_call,
            State.GIVEN_UP: then(Script.take_call, comes(Type.CANCEL)),
            State.OVER: then(
                Script.take_call,
                lambda script, number: script.machine.reply(number, ACK),
                lambda script, _: script.sent(),
            ),
        },
    ),
    End(
        "a ref given",
        tables.REF,
        (Type.RELEASE,),
        (Type.RELEASE,),
        lambda machine: machine._refs.given,
        {
            State.UNKNOWN: lambda script: 2,
            State.OPEN: Script.give_ref,
            State.OVER: then(Script.give_ref, comes(Type.RELEASE)),
        },
    ),
    End(
        "a ref held",
        tables.REF,
        (Type.RELEASE,),
        (),
        lambda machine: machine._refs.held,
        {
            State.UNKNOWN: lambda script: 1,
            State.OPEN: Script.take_ref,
            State.OVER: then(Script.take_ref, released),
        },
    ),
    End(
        "a channel given",
        tables.CHANNEL,
        CHANNELS,
        (Type.CLOSE, Type.GRANT),
        lambda machine: machine._channels.given,
        {
            State.UNKNOWN: lambda script: 2,
            State.OPEN: Script.give_channel,
            State.OVER: then(Script.give_channel, lambda script, number: script.machine.end_channel(number)),
        },
    ),
    End(
        "a channel taken",
        tables.CHANNEL,
        CHANNELS,
        (Type.ITEM, Type.END),
        lambda machine: machine._channels.taken,
        {
            State.UNKNOWN: lambda script: 1,
            State.OPEN: Script.take_channel,
            State.GIVEN_UP: then(Script.take_channel, lambda script, number: script.machine.close_channel(number)),
            State.OVER: then(Script.take_channel, comes(Type.END)),
        },
    ),
    End(
        "a stream written",
        tables.STREAM,
        STREAMS,
        (Type.CREDIT, Type.STOP),
        lambda machine: machine._streams.written,
        {
            State.UNKNOWN: lambda script: 2,
            State.OPEN: Script.give_stream,
            State.OVER: then(Script.give_stream, lambda script, number: script.machine.send_eof(number)),
        },
    ),
    End(
        "a stream read",
        tables.STREAM,
        STREAMS,
        (Type.DATA, Type.EOF, Type.RESET),
        lambda machine: machine._streams.read,
        {
            State.UNKNOWN: lambda script: 1,
            State.OPEN: Script.take_stream,
            State.GIVEN_UP: then(Script.take_stream, lambda script, number: script.machine.stop(number)),
            State.OVER: then(Script.take_stream, comes(Type.EOF)),
        },
    ),
]
PAIRS = [(end, state, kind) for end in ENDS for state in end.states for kind in end.types]


def name(value: object) -> str:
    return value.name if isinstance(value, (End, State, Type)) else ""


@pytest.mark.parametrize(("end", "state", "kind"), PAIRS, ids=name)
def test_every_frame_in_every_state(end: End, state: State, kind: Type) -> None:
    """A frame leads where the table says; one that is not in it, or that this end sends itself, is a violation."""
    script = Script()
    number = end.states[state](script)
    assert (script.violation, state_of(end, script, number)) == ("", state)
    allowed = kind in end.table[state] and kind in end.received
    script.send(FRAMES[kind](number))
    if allowed:
        after = end.table[state][kind]
        ended_at_once = after is State.GIVEN_UP and kind in (Type.CLOSE, Type.STOP)
        assert (script.violation, state_of(end, script, number)) == ("", State.OVER if ended_at_once else after)
    else:
        assert script.violation
        assert script.over
        assert [frame.type for frame in script.sent()][-1] is Type.GOAWAY


def state_of(end: End, script: Script, number: int) -> State:
    things = end.things(script.machine)
    thing = things.live.get(number)
    found: State = things.state_without(number) if thing is None else thing.state
    return found


def test_every_state_of_a_table_is_walked() -> None:
    """What one end of a thing cannot be in, the other end is: no row of a table is left out."""
    for table in (tables.CALL, tables.REF, tables.CHANNEL, tables.STREAM):
        assert {state for end in ENDS if end.table is table for state in end.states} == set(table)


@pytest.mark.parametrize("ref", [1, 2, 3, 4])
def test_only_what_was_given_can_be_called(ref: int) -> None:
    """A CALL reaches the root and refs that live: no other number, not even one of the caller's own."""
    script = Script()
    script.give_ref()
    script.send(raw(Type.CALL, 1, [ref, message("get")]))
    assert bool(script.violation) == (ref != 2)


@pytest.mark.parametrize("step", Step, ids=name)
@pytest.mark.parametrize("phase", Phase, ids=name)
def test_every_step_in_every_phase(phase: Phase, step: Step) -> None:
    """A connection goes to the phase that the table says; a step that is not in it is a fault of the program."""
    core = Core(Side.ACCEPTOR, Limits())
    core.phase = phase
    expected = CONNECTION[phase].get(step)
    if expected is None:
        with pytest.raises(Misuse):
            core.step(step)
    else:
        core.step(step)
        assert core.phase is expected


@pytest.mark.parametrize("kind", FRAMES, ids=name)
def test_nothing_comes_before_the_hello(kind: Type) -> None:
    """Each frame but HELLO is a violation as the first."""
    script = Script(hello=PREFACE)
    script.send(FRAMES[kind](1))
    assert "before HELLO" in script.violation


@pytest.mark.parametrize("kind", FRAMES, ids=name)
def test_nothing_is_said_after_the_end(kind: Type) -> None:
    """What comes after the end is ignored."""
    script = Script()
    script.send(b"")
    assert script.over
    assert script.send(FRAMES[kind](1)) == []
