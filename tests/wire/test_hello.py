"""The first bytes of a connection: what is said, what is taken, and what is no peer at all."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.errors import Unimplemented
from swarmkit.wire.connection import Connection, Side
from swarmkit.wire.events import Ended, HelloReceived, Violated
from swarmkit.wire.frames import Type
from swarmkit.wire.hello import MAX_AGENT
from swarmkit.wire.limits import MOST, Limits
from swarmkit.wire.violations import Misuse

from .machines import GET, HELLO, PREFACE, Script, joined, raw


def greet(**said: Any) -> Script:
    """Return what happens with a HELLO that says this."""
    return Script(hello=PREFACE + raw(Type.HELLO, 0, {**HELLO, **said}))


def test_each_peer_greets_at_once() -> None:
    """The preface and HELLO are sent without waiting, and fit the smallest frame."""
    limits = Limits(**dict.fromkeys(Limits().as_map(), MOST))
    machine = Connection(Side.INITIATOR, limits, root=True, agent="ä" * (MAX_AGENT // 2))
    first = joined(machine)
    assert first.startswith(b"SWMKIT\r\n\x00\x00")
    assert len(first) <= len(PREFACE) + 9 + 1024


def test_an_agent_that_is_too_long_is_refused() -> None:
    """A HELLO has 1,024 bytes at most, so its words are bounded."""
    with pytest.raises(ValueError, match="256 bytes"):
        Connection(Side.INITIATOR, Limits(), root=True, agent="x" * 257)


def test_what_the_other_says_is_told() -> None:
    """Version, agent, root, and the limits with their defaults."""
    script = greet(limits={"calls": 3, "unheard of": "x"}, root=False, more=1)
    assert script.events == [HelloReceived(1, "script", False, Limits(calls=3))]


def test_a_limit_that_is_missing_grows_with_another() -> None:
    """The default of `message` is a frame where frames are longer."""
    script = greet(limits={"frame": 2**26})
    assert script.events == [HelloReceived(1, "script", True, Limits(frame=2**26, message=2**26))]


@pytest.mark.parametrize(
    "said",
    [
        {"versions": [1]},
        {"versions": [2, 1]},
        {"versions": [0, 1]},
        {"versions": [True, True]},
        {"agent": 1},
        {"agent": "x" * 257},
        {"root": 1},
        {"features": "none"},
        {"features": [1]},
        {"limits": []},
        {"limits": {"frame": 1023}},
        {"limits": {"frame": 2**31}},
        {"limits": {"frame": 4096, "message": 4095}},
        {"limits": {"depth": 15}},
        {"limits": {"calls": 0}},
        {"limits": {"calls": -1}},
        {"limits": {"calls": True}},
        {"limits": {"calls": 1.0}},
        {"limits": {"refs": "1"}},
        {"filler": "x" * 1024},
        {"limits": {"message": 2**31}},
    ],
    ids=str,
)
def test_a_hello_that_is_wrong_ends_the_connection(said: dict[str, Any]) -> None:
    """Each of these is a violation, and is answered with a GOAWAY that says so."""
    script = greet(**said)
    assert script.violation
    assert [frame.type for frame in script.sent()] == [Type.GOAWAY]


@pytest.mark.parametrize("missing", ["versions", "agent", "root", "features", "limits"])
def test_each_word_of_a_hello_is_needed(missing: str) -> None:
    """What a peer does not say is not guessed."""
    said = {name: value for name, value in HELLO.items() if name != missing}
    assert Script(hello=PREFACE + raw(Type.HELLO, 0, said)).violation


@pytest.mark.parametrize(("versions", "spoken"), [([1, 1], 1), ([1, 9], 1), ([2, 9], None)])
def test_the_version_is_the_highest_of_both(versions: list[int], spoken: int | None) -> None:
    """The lower of the two highest is spoken; where one does not speak it, nobody speaks."""
    script = greet(versions=versions)
    if spoken is None:
        assert isinstance(script.events[0], Violated)
        assert isinstance(script.events[0].error, Unimplemented)
        assert script.sent()[0].payload[:17] == b"\x82\x6fnot_implemented"
    else:
        assert [event.version for event in script.events if isinstance(event, HelloReceived)] == [spoken]


def test_a_second_hello_is_a_violation() -> None:
    """It is sent once."""
    script = Script()
    script.send(raw(Type.HELLO, 0, HELLO))
    assert script.violation == "the other peer broke the protocol: a second HELLO"


def test_a_hello_has_no_number() -> None:
    """0 is the connection itself."""
    assert Script(hello=PREFACE + raw(Type.HELLO, 1, HELLO)).violation


def test_what_is_no_peer_is_told_apart() -> None:
    """Eight bytes decide, however they come; they are told, and nothing is written to a stranger."""
    script = Script(hello=b"GET /")
    assert script.events == []
    [violated, ended] = script.send(b" HTTP/1.1\r\n")
    assert isinstance(violated, Violated)
    assert violated.foreign == b"GET / HT"
    assert str(violated.error) == "what is there does not speak the wire protocol: it said 'GET / HTTP/1.1'"
    assert isinstance(ended, Ended)
    assert script.sent() == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it ended the connection without a hello"),
        (b"SSH-2", "it said 'SSH-2', and it ended the connection without a hello"),
        (PREFACE + b"\0", "it ended the connection without a hello"),
    ],
)
def test_an_end_before_the_hello_is_told_as_one(data: bytes, reason: str) -> None:
    """As of a port that another program listens on, or a command that has nothing to say."""
    script = Script(hello=data)
    [ended] = script.send(b"")
    assert isinstance(ended, Ended)
    assert str(ended.error) == reason


def test_a_greeting_not_yet_written_is_kept_from_a_stranger() -> None:
    """An acceptor that waited for the eight bytes can answer in the stranger's own way."""
    machine = Connection(Side.ACCEPTOR, Limits(), root=True, agent="x")
    machine.receive_data(b"GET / HTTP/1.1\r\n\r\n")
    assert joined(machine) == b""


def test_nothing_is_sent_before_the_other_has_come() -> None:
    """To ask for it is a fault of the program."""
    machine = Connection(Side.INITIATOR, Limits(), root=True, agent="x")
    assert not machine.can_call
    with pytest.raises(Misuse):
        machine.call(0, GET)
    with pytest.raises(Misuse):
        machine.ping()


@pytest.mark.parametrize(("name", "value"), [("frame", 1023), ("calls", 0), ("depth", MOST + 1), ("message", 2048)])
def test_limits_have_a_range(name: str, value: int) -> None:
    """Our own limits, too; a message may be as long as a frame."""
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})
