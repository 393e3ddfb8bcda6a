"""What two machines, or one and a scripted peer, say to each other: one rule each."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest

from swarmkit.errors import Code, Internal, Invalid, NotFound, SwarmError, Timeout, Unavailable
from swarmkit.message import Verb
from swarmkit.wire import events as ev
from swarmkit.wire.connection import Connection
from swarmkit.wire.frames import LAST, Frame, Type
from swarmkit.wire.limits import MOST, Limits
from swarmkit.wire.messages import NO_ENDS, Ends, Ret, WireMessage
from swarmkit.wire.state.outbox import CHUNK
from swarmkit.wire.violations import Misuse

from .machines import ACK, GET, Script, exchange, joined, message, open_pair, raw

NO = Unavailable("no")


def types(frames: list[Frame]) -> list[Type]:
    return [frame.type for frame in frames]


def described(events: list[ev.Event]) -> list[tuple[Any, ...]]:
    """Return events with errors as their class, which have no equality."""
    found = []
    for event in events:
        parts = [getattr(event, name.name) for name in type(event).__attrs_attrs__]
        found.append((type(event), *(type(part) if isinstance(part, SwarmError) else part for part in parts)))
    return found


# --- calls


def test_a_call_and_its_answer() -> None:
    """A message arrives as it was sent, its ends as numbers of their chooser's kind."""
    one, other = open_pair()
    asked = WireMessage(Verb.SET, ("a", "b"), {"n": 1, "data": b"\x00"}, Ret.CHANNEL, True)
    sent = one.call(0, asked)
    assert (sent.call, sent.ends) == (1, Ends(1, 1))
    assert exchange(one, other) == ([], [ev.Called(1, 0, asked, Ends(1, 1))])
    answer = WireMessage(Verb.ACK, (), {"x": [None, True, 1.5]}, Ret.SERVICE)
    assert other.reply(1, answer) == Ends(2, None)
    assert exchange(one, other) == ([ev.Replied(1, answer, Ends(2, None))], [])


def test_both_may_call() -> None:
    """The peers are equals: numbers are odd and even, and nothing is mixed up."""
    one, other = open_pair()
    assert [machine.call(0, GET).call for machine in (one, other, one, other)] == [1, 2, 3, 4]
    to_one, to_other = exchange(one, other)
    assert [event.call for event in to_one if isinstance(event, ev.Called)] == [2, 4]
    assert [event.call for event in to_other if isinstance(event, ev.Called)] == [1, 3]


def test_an_error_arrives_with_its_code_and_details() -> None:
    """Text, code and plain details go through; the names of details are anybody's."""
    one, other = open_pair()
    one.call(0, GET)
    exchange(one, other)
    error = NotFound("no such thing: ä", status=404, body=b"{}")
    error.details["self"] = error.details["message"] = error.details["code"] = "x"
    other.fail(1, error)
    [failed], _ = exchange(one, other)
    assert isinstance(failed, ev.Failed)
    assert (type(failed.error), failed.error.message, failed.error.details) == (NotFound, error.message, error.details)


@pytest.mark.parametrize(
    ("details", "arrive"),
    [
        ({"status": 404, "why": object()}, {"status": 404}),
        ({"status": 404, "body": b"x" * 5000}, {"status": 404}),
        ({f"n{number}": number for number in range(500)}, {}),
        ({"status": 2**70}, {}),
    ],
    ids=["no plain value", "too long", "too many", "too large"],
)
def test_an_error_is_told_whatever_it_has(details: dict[str, Any], arrive: dict[str, Any]) -> None:
    """Details that cannot be sent are left out, a text without end is cut: an answer there must be."""
    limits = Limits(frame=1024, message=1024)
    one, other = open_pair(limits)
    one.call(0, GET)
    exchange(one, other)
    other.fail(1, Internal("\ud800" + "x" * 10_000, **details))
    [failed], _ = exchange(one, other)
    assert isinstance(failed, ev.Failed)
    assert (failed.error.message, failed.error.details) == ("?" + "x" * 99, arrive)


def test_a_code_that_is_not_known_is_internal() -> None:
    """A newer peer may know more."""
    script = Script()
    script.make_call()
    [failed] = script.send(raw(Type.ERROR, 2, ["teapot", "short and stout", {}]))
    assert isinstance(failed, ev.Failed)
    assert failed.error.code is Code.INTERNAL


def test_a_cancelled_call_is_answered_all_the_same() -> None:
    """The callee learns of it and answers; the caller is told nothing, and closes what the answer brings."""
    one, other = open_pair()
    one.call(0, GET)
    exchange(one, other)
    one.cancel(1)
    one.cancel(1)
    assert exchange(one, other) == ([], [ev.Cancelled(1)])
    assert not other.idle
    assert other.reply(1, WireMessage(Verb.ACK, ret=Ret.SERVICE, att=True)) == Ends(2, 2)
    assert exchange(one, other) == ([], [ev.Stopped(2), ev.Released(2)])
    one.call(0, GET)
    exchange(one, other)
    one.cancel(3)
    exchange(one, other)
    other.reply(3, WireMessage(Verb.ACK, ret=Ret.CHANNEL))
    assert exchange(one, other) == ([], [ev.ChannelClosed(2)])
    other.fail(3, NO)  # a second answer is none
    assert exchange(one, other) == ([], [])
    assert one.idle
    assert other.idle


def test_a_cancel_that_crosses_the_answer_is_ignored() -> None:
    """The callee has answered already."""
    one, other = open_pair()
    one.call(0, GET)
    exchange(one, other)
    other.reply(1, ACK)
    one.cancel(1)
    assert exchange(one, other) == ([], [])
    assert one.idle
    assert other.idle


def test_an_answer_to_what_has_not_been_sent_is_a_violation() -> None:
    """A peer that guesses numbers gets nothing."""
    script = Script()
    script.machine.call(0, GET)
    script.send(raw(Type.REPLY, 2, message("ack")))
    assert "has not been sent" in script.violation


def test_only_a_root_that_is_offered_is_called() -> None:
    """The caller learns it without a round trip; a caller that tries breaks the protocol."""
    script = Script()
    script.machine._core.root_offered = False
    with pytest.raises(NotFound):
        script.machine.call(0, GET)
    script.machine._core.root_given = False
    script.send(raw(Type.CALL, 1, [0, message("get")]))
    assert script.violation


@pytest.mark.parametrize(
    "value",
    [
        None,
        [0],
        [0, None],
        [-1, message("get")],
        [True, message("get")],
        [0, message("ack")],
        [0, message("error")],
        [0, message("fly")],
        [0, ["get", [], {}, None]],
        [0, ["get", [1], {}, None, None]],
        [0, ["get", {}, {}, None, None]],
        [0, ["get", [], [], None, None]],
        [0, message("get", ret=1)],
        [0, message("get", ret=["thing", 1])],
        [0, message("get", ret=["service"])],
        [0, message("get", ret=["service", True])],
        [0, message("get", ret=["service", 2])],
        [0, message("get", ret=["channel", 0])],
        [0, message("get", ret=["channel", 2**32 + 1])],
        [0, ["get", [], {}, None, "x"]],
        [0, message("get", att=2)],
        [0, message("get", att=-1)],
    ],
    ids=str,
)
def test_a_call_that_is_none_is_a_violation(value: Any) -> None:
    """What does not have the form of section 4 ends the connection."""
    script = Script()
    script.send(raw(Type.CALL, 1, value))
    assert script.violation


@pytest.mark.parametrize("number", [1, 3, 4, 2**32 - 2])
def test_numbers_rise(number: int) -> None:
    """Not one twice, none below, none of the other's; gaps are allowed."""
    script = Script()
    script.take_call(3)
    script.send(raw(Type.CALL, number, [0, message("get")]))
    assert script.violation
    other = Script()
    other.take_call(2**32 - 1)
    assert not other.violation


@pytest.mark.parametrize(
    "frame",
    [
        raw(Type.REPLY, 2, None),
        raw(Type.REPLY, 2, message("get")),
        raw(Type.REPLY, 2, message("ack", ret=["channel", 1], att=2)),
        raw(Type.ERROR, 2, ["internal"]),
        raw(Type.ERROR, 2, ["internal", "x", None]),
    ],
)
def test_a_call_with_an_answer_that_is_none_fails(frame: bytes) -> None:
    """The violation ends the connection, and the call with it; of one end nothing is told if the other is wrong."""
    script = Script()
    script.make_call()
    assert [type(event) for event in script.send(frame)] == [ev.Violated, ev.Failed, ev.Ended]


def test_numbers_are_used_up() -> None:
    """The last is taken; then nothing is sent any more, and the connection ends, to be made anew."""
    script = Script()
    script.machine._calls.made.highest = 2**32 - 4
    assert script.machine.call(0, GET).call == 2**32 - 2
    with pytest.raises(Unavailable, match="no number left"):
        script.machine.call(0, GET)
    assert described(script.send(raw(Type.PING, 0, b"01234567"))) == [
        (ev.Failed, 2**32 - 2, Unavailable),
        (ev.Ended, Unavailable),
    ]


# --- refs


def test_a_service_is_called_and_released() -> None:
    """Calls before the release are answered; after it there is nothing to call."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, ret=Ret.SERVICE))
    exchange(one, other)
    call = other.call(1, GET).call
    other.release(1)
    other.release(1)
    to_one, _ = exchange(one, other)
    assert to_one == [ev.Called(call, 1, GET, NO_ENDS), ev.Released(1)]
    one.reply(call, ACK)
    assert exchange(one, other)[1] == [ev.Replied(call, ACK, NO_ENDS)]
    with pytest.raises(Unavailable, match="released"):
        other.call(1, GET)
    with pytest.raises(Misuse):
        other.call(3, GET)


# --- channels


def test_items_go_within_what_is_granted() -> None:
    """One message may overdraw the bytes, and the next grants pay for it."""
    one, other = open_pair(Limits(channel_messages=3, channel_bytes=100))
    one.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL))
    exchange(one, other)
    long = WireMessage(Verb.GET, (), {"x": "y" * 500})
    assert one.channel_room(1)
    one.send_item(1, long)
    assert not one.channel_room(1)
    with pytest.raises(Misuse):
        one.send_item(1, GET)
    [item] = exchange(one, other)[1]
    assert isinstance(item, ev.ItemReceived)
    assert item == ev.ItemReceived(1, long, NO_ENDS, item.size)
    other.grant(1, 0, item.size - 101 + 1)
    assert exchange(one, other) == ([ev.Granted(1)], [])
    assert not one.channel_room(1)
    other.grant(1, 1, 100)
    exchange(one, other)
    assert one.channel_room(1)


def test_messages_are_granted_apart_from_bytes() -> None:
    """A channel with bytes and no message left takes none."""
    one, other = open_pair(Limits(channel_messages=1))
    one.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL))
    one.send_item(1, GET)
    assert not one.channel_room(1)
    exchange(one, other)
    other.grant(1, 1, 0)
    exchange(one, other)
    assert one.channel_room(1)


def test_grants_and_credits_are_added_up() -> None:
    """However many are asked for before they are written, there is one frame for each thing."""
    script = Script()
    script.send(raw(Type.CALL, 1, [0, message("get", ret=["channel", 1], att=1)]))
    for _ in range(3):
        script.machine.grant(1, 1, 20)
        script.machine.credit(1, 7)
    assert [(frame.type, cbor2.loads(frame.payload)) for frame in script.sent()] == [
        (Type.GRANT, [3, 60]),
        (Type.CREDIT, 21),
    ]


def test_the_end_of_a_channel_brings_its_error() -> None:
    """Well, or with an error; once."""
    for error in (None, Unavailable("fell behind", host="a")):
        one, other = open_pair()
        one.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL))
        one.end_channel(1, error)
        one.end_channel(1, NO)
        assert one.send_item(1, GET) is None
        assert not one.channel_room(1)
        ended = exchange(one, other)[1][-1]
        assert isinstance(ended, ev.ChannelEnded)
        assert repr(ended.error) == repr(error)
        other.grant(1, 1, 1)
        other.close_channel(1)
        assert exchange(one, other) == ([], [])


def test_a_closed_channel_is_ended_and_what_comes_is_dropped() -> None:
    """Items that cross the CLOSE are not told, and what they carry is closed; END frees the number."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL))
    exchange(one, other)
    other.close_channel(1)
    other.grant(1, 1, 1)
    one.send_item(1, WireMessage(Verb.GET, ret=Ret.SERVICE, att=True))
    to_one, to_other = exchange(one, other)
    assert to_other == []
    assert to_one == [ev.ChannelClosed(1), ev.Stopped(1), ev.Released(1)]
    other.reply(1, ACK)
    exchange(one, other)
    assert one.idle
    assert other.idle


# --- streams


def test_data_goes_within_what_is_credited() -> None:
    """A window in bytes; the end is told apart from a cut."""
    one, other = open_pair(Limits(stream_bytes=10))
    one.call(0, WireMessage(Verb.SET, att=True))
    assert one.room(1) == 10
    one.send_data(1, b"0123456789")
    assert one.room(1) == 0
    with pytest.raises(Misuse):
        one.send_data(1, b"x")
    with pytest.raises(Misuse):
        one.send_data(1, b"")
    assert exchange(one, other)[1][1:] == [ev.DataReceived(1, b"0123456789")]
    other.credit(1, 5)
    assert exchange(one, other)[0] == [ev.Credited(1)]
    assert one.room(1) == 5
    one.send_eof(1)
    one.send_eof(1)
    one.reset(1, NO)
    assert one.room(1) == 0
    assert exchange(one, other)[1] == [ev.EofReceived(1)]
    other.credit(1, 5)
    other.stop(1)
    assert exchange(one, other) == ([], [])


def test_a_reset_brings_its_error() -> None:
    """A stream that is cut says why, in a frame at most."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, att=True))
    one.reset(1, Internal("disk on fire", body=b"x" * 100_000, status=507))
    cut = exchange(one, other)[1][-1]
    assert isinstance(cut, ev.Cut)
    assert (cut.error.message, cut.error.details) == ("disk on fire", {"status": 507})


def test_a_stopped_stream_is_reset_and_what_comes_is_dropped() -> None:
    """Data that crosses the STOP is not told; RESET frees the number."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, att=True))
    exchange(one, other)
    other.stop(1)
    one.send_data(1, b"crossing")
    assert exchange(one, other) == ([ev.Stopped(1)], [])
    one.send_data(1, b"late")
    assert exchange(one, other) == ([], [])
    other.reply(1, ACK)
    exchange(one, other)
    assert one.idle
    assert other.idle


def test_an_eof_may_cross_a_stop() -> None:
    """Then there is no RESET, and nothing is told."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, att=True))
    exchange(one, other)
    other.stop(1)
    one.send_eof(1)
    assert exchange(one, other) == ([], [])


@pytest.mark.parametrize(
    ("frame", "violates"),
    [
        (raw(Type.CREDIT, 2, MOST - 65_536), False),
        (raw(Type.CREDIT, 2, MOST - 65_535), True),
        (raw(Type.CREDIT, 2, 0), True),
        (raw(Type.CREDIT, 2, -1), True),
        (raw(Type.CREDIT, 2, True), True),
        (raw(Type.CREDIT, 2, "1"), True),
        (raw(Type.STOP, 2, 0), True),
        (raw(Type.STOP, 2, b""), True),
        (raw(Type.STOP, 2, b"\xf6\xf6"), True),
    ],
)
def test_what_a_reader_may_say(frame: bytes, violates: bool) -> None:
    """No window grows above 2^31 - 1, and a payload is what the table says."""
    script = Script()
    script.give_stream()
    script.send(frame)
    assert bool(script.violation) == violates


@pytest.mark.parametrize(
    ("value", "violates"),
    [
        ([MOST - 64, 0], False),
        ([MOST - 63, 0], True),
        ([0, MOST], True),
        ([-1, 0], True),
        ([1], True),
        (1, True),
        (["1", 1], True),
    ],
    ids=str,
)
def test_what_a_receiver_may_grant(value: Any, violates: bool) -> None:
    """Neither window of a channel grows above 2^31 - 1."""
    script = Script()
    script.give_channel()
    script.send(raw(Type.GRANT, 2, value))
    assert bool(script.violation) == violates


def test_our_own_windows_are_bounded_too() -> None:
    """To grant more than that is a fault of the program."""
    script = Script()
    script.send(raw(Type.CALL, 1, [0, message("get", ret=["channel", 1], att=1)]))
    for wrong in (0, MOST):
        with pytest.raises(Misuse):
            script.machine.credit(1, wrong)
    for messages, size in ((MOST, 0), (0, MOST), (-1, 0)):
        with pytest.raises(Misuse):
            script.machine.grant(1, messages, size)


# --- order, parts


def test_a_long_message_lets_others_pass() -> None:
    """It goes in parts; what may come between does, messages too; what it brings comes after it, and later calls."""
    one, other = open_pair(Limits(stream_bytes=10))
    one.call(0, WireMessage(Verb.SET, att=True))
    other.call(0, GET)
    exchange(one, other)
    long = WireMessage(Verb.SET, (), {"x": b"y" * 300_000}, att=True)
    one.call(0, long)
    one.send_data(3, b"its data")
    one.call(0, GET)
    first = b"".join(one.data_to_send())
    assert len(first) < CHUNK + 2000
    one.send_data(1, b"pass")
    one.reply(2, ACK)
    one.send_eof(3)
    one.ping()
    events = other.receive_data(first + joined(one))
    assert events == [
        ev.DataReceived(1, b"pass"),
        ev.Replied(2, ACK, NO_ENDS),
        ev.Called(3, 0, long, Ends(None, 3)),
        ev.DataReceived(3, b"its data"),
        ev.Called(5, 0, GET, NO_ENDS),
        ev.EofReceived(3),
    ]


def test_long_answers_let_short_ones_pass() -> None:
    """Short answers go between the parts of two long ones, but for one that would bring its numbers too early."""
    one, other = open_pair()
    for _ in range(5):
        one.call(0, GET)
    exchange(one, other)
    long = {"x": b"y" * 200_000}
    other.reply(1, WireMessage(ACK.verb, (), long, att=True))
    other.reply(3, WireMessage(ACK.verb, (), long))
    first = b"".join(other.data_to_send())
    other.reply(5, ACK)
    other.fail(7, NO)
    other.reply(9, WireMessage(ACK.verb, att=True))
    events = one.receive_data(first + joined(other))
    answered = [event.call for event in events if isinstance(event, ev.Replied | ev.Failed)]
    assert answered == [5, 7, 1, 3, 9]


def test_a_channel_keeps_its_order_behind_a_long_item() -> None:
    """What is short waits for what is long in its own channel, and for what gives the channel; others do not."""
    one, other = open_pair()
    for _ in range(3):
        one.call(0, GET)
    exchange(one, other)
    for call in (1, 3):
        other.reply(call, WireMessage(ACK.verb, ret=Ret.CHANNEL))
    exchange(other, one)
    other.send_item(2, WireMessage(Verb.WATCH, (), {"x": b"y" * 200_000}))
    other.send_item(2, WireMessage(Verb.WATCH, ("second",)))
    other.send_item(4, WireMessage(Verb.WATCH, ("other",)))
    other.end_channel(2)
    other.reply(5, WireMessage(ACK.verb, (), {"x": b"y" * 200_000}, ret=Ret.CHANNEL))
    other.send_item(6, WireMessage(Verb.WATCH, ("behind what gives it",)))
    told = [(type(event), getattr(event, "channel", 0)) for event in one.receive_data(joined(other))]
    assert told == [
        (ev.ItemReceived, 4),
        (ev.ItemReceived, 2),
        (ev.ItemReceived, 2),
        (ev.ChannelEnded, 2),
        (ev.Replied, 0),
        (ev.ItemReceived, 6),
    ]


def test_a_cancel_does_not_pass_its_call() -> None:
    """Also where the call is long, and where it is behind a long one."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, (), {"x": b"y" * 200_000}))
    one.call(0, GET)
    one.cancel(1)
    one.cancel(3)
    told = [(type(event), getattr(event, "call", 0)) for event in other.receive_data(joined(one))]
    assert told == [(ev.Called, 1), (ev.Called, 3), (ev.Cancelled, 1), (ev.Cancelled, 3)]


def test_a_release_waits_for_the_calls_before_it() -> None:
    """Also where the call is long."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, ret=Ret.SERVICE))
    exchange(one, other)
    other.call(1, WireMessage(Verb.SET, (), {"x": b"y" * 200_000}))
    other.release(1)
    assert [type(event) for event in exchange(one, other)[0]] == [ev.Called, ev.Released]


def test_bulk_is_not_copied() -> None:
    """What is handed out is the caller's own memory, behind a header."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, att=True))
    exchange(one, other)
    data = bytes(60_000)
    one.send_data(1, data)
    [head, bulk] = one.data_to_send()
    assert len(head) == 9
    assert bulk is data


@pytest.mark.parametrize(
    "frames",
    [
        [raw(Type.PART, 0, b"")],
        [raw(Type.PART, 1, b"x")],
        [raw(Type.PART, 0, b"x" * 1024), raw(Type.PART, 0, b"x" * 1024)],
        [raw(Type.PART, 0, b"x" * 1024), raw(Type.CALL | LAST, 1, b"x" * 1024)],
        [raw(Type.CALL | LAST, 1, [0, message("get")])],
    ],
)
def test_parts_that_make_no_message(frames: list[bytes]) -> None:
    """They are of the connection, each has a byte, and together they are no longer than the limit."""
    script = Script(Limits(frame=1024, message=1500))
    script.send(*frames)
    assert script.violation


# --- limits


@pytest.mark.parametrize("what", [Limits(calls=2), Limits(call_bytes=20)], ids=["calls", "call_bytes"])
def test_no_more_calls_than_are_taken(what: Limits) -> None:
    """The caller waits for an answer; one that does not is cut off. An answer counts once it is written."""
    one, other = open_pair(what)
    one.call(0, GET)
    one.call(0, GET)
    assert not one.can_call
    with pytest.raises(Misuse):
        one.call(0, GET)
    exchange(one, other)
    other.reply(1, ACK)
    assert not one.can_call
    exchange(one, other)
    assert one.can_call
    script = Script(what)
    script.take_call(1)
    script.take_call(3)
    assert not script.violation
    script.machine.reply(1, ACK)
    script.take_call(5)
    assert script.violation


def test_one_call_may_be_longer_than_all_may_be() -> None:
    """What is left of the bytes does not bound the one that takes the last."""
    one, other = open_pair(Limits(call_bytes=100))
    one.call(0, WireMessage(Verb.SET, (), {"x": "y" * 10_000}))
    assert not one.can_call
    assert [type(event) for event in exchange(one, other)[1]] == [ev.Called]


@pytest.mark.parametrize(
    ("limits", "carried", "other"),
    [
        (Limits(refs=1), {"ret": Ret.SERVICE}, {"ret": ["service", 1]}),
        (Limits(channels=1), {"ret": Ret.CHANNEL}, {"ret": ["channel", 1]}),
        (Limits(streams=1), {"att": True}, {"att": 1}),
    ],
    ids=["refs", "channels", "streams"],
)
def test_no_more_ends_than_are_taken(limits: Limits, carried: dict[str, Any], other: dict[str, Any]) -> None:
    """The sender of one too many is told `unavailable`, and nothing is sent; a peer that sends it is cut off."""
    one, _ = open_pair(limits)
    one.call(0, WireMessage(Verb.SET, **carried))
    before = one.backlog
    with pytest.raises(Unavailable, match=r"has 1 .*s, and is given no more at a time"):
        one.call(0, WireMessage(Verb.SET, **carried))
    assert (one.backlog, one.call(0, GET).call) == (before, 3)
    script = Script(limits)
    script.take_call(1, **other)
    assert not script.violation
    again = {"att": 3} if "att" in other else {"ret": [other["ret"][0], 3]}
    script.take_call(3, **again)
    assert "1 that are taken" in script.violation


def test_a_message_that_is_refused_has_changed_nothing() -> None:
    """No number is used up, no end given."""
    one, other = open_pair(Limits(frame=1024, message=1024))
    with pytest.raises(Invalid, match="too long"):
        one.call(0, WireMessage(Verb.SET, (), {"x": "y" * 2000}, Ret.CHANNEL, True))
    assert one.idle
    sent = one.call(0, WireMessage(Verb.SET, (), {}, Ret.CHANNEL, True))
    assert (sent.call, sent.ends) == (1, Ends(1, 1))
    exchange(one, other)
    with pytest.raises(Invalid, match="no plain value"):
        other.reply(1, WireMessage(Verb.ACK, (), {"x": object()}))
    assert other.reply(1, ACK) == NO_ENDS


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (raw(Type.DATA, 1, b"x" * 11), "11 bytes of data for stream 1, which has credit for 10"),
        (raw(Type.DATA, 1, b""), "without a byte"),
        (raw(Type.ITEM, 1, message("get")) * 3, "beyond what was granted"),
        (raw(Type.ITEM, 1, message("get", x="y" * 99)) + raw(Type.ITEM, 1, message("get")), "beyond what was granted"),
        (raw(Type.ITEM, 1, message("error")), "does not belong here"),
        (raw(Type.ITEM, 1, b"\x00\x00"), "bytes behind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_does_not_keep_to_a_window_is_cut_off(frame: bytes, what: str) -> None:
    """At the first byte and the first message too many, also after STOP and CLOSE."""
    for given_up in (False, True):
        script = Script(Limits(stream_bytes=10, channel_messages=2, channel_bytes=50))
        script.send(raw(Type.CALL, 1, [0, message("get", ret=["channel", 1], att=1)]))
        if given_up:
            script.machine.close_channel(1)
            script.machine.stop(1)
        script.send(frame)
        assert what in script.violation


# --- the connection


def test_pings_are_answered_with_the_latest() -> None:
    """However many come before anything is written, one answer is kept."""
    script = Script()
    script.send(raw(Type.PING, 0, b"01234567"), raw(Type.PING, 0, b"76543210"))
    assert script.sent() == [Frame(Type.PONG, 0, b"76543210")]


def test_a_pong_for_the_ping() -> None:
    """It is told; one for no ping of ours is not."""
    one, other = open_pair()
    one.ping()
    assert exchange(one, other) == ([ev.PongReceived()], [])
    assert one.receive_data(raw(Type.PONG, 0, b"whatever")) == []


@pytest.mark.parametrize("frame", [raw(Type.PING, 0, b"short"), raw(Type.PONG, 1, b"01234567"), raw(0x77, 0)])
def test_frames_of_the_connection_that_are_none(frame: bytes) -> None:
    """A ping has eight bytes and no number."""
    script = Script()
    script.send(frame)
    assert script.violation


def test_leaving_in_good_order() -> None:
    """What was taken is answered, what crosses is dropped and closed, and both end without an error."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, att=True))
    exchange(one, other)
    other.go_away(Unavailable("shutting down"))
    other.go_away(NO)
    one.call(0, WireMessage(Verb.SET, ret=Ret.SERVICE, att=True))
    one.call(0, WireMessage(Verb.SET, ret=Ret.CHANNEL))
    to_one, to_other = exchange(one, other)
    assert to_other == []
    assert described(to_one) == [
        (ev.Failed, 3, Unavailable),
        (ev.Failed, 5, Unavailable),
        (ev.GoingAway, Unavailable),
        (ev.Stopped, 3),
        (ev.ChannelClosed, 1),
        (ev.Released, 1),
    ]
    for machine in (one, other):
        assert machine.can_call
        with pytest.raises(Unavailable, match="shutting down"):
            machine.call(0, GET)
    assert not other.idle
    one.send_data(1, b"still")
    one.send_eof(1)
    other.reply(1, ACK)
    assert exchange(one, other) == (
        [ev.Replied(1, ACK, NO_ENDS)],
        [ev.DataReceived(1, b"still"), ev.EofReceived(1)],
    )
    assert one.idle
    assert other.idle
    assert one.receive_data(b"") == [ev.Ended(None)]
    assert other.receive_data(b"") == [ev.Ended(None)]


@pytest.mark.parametrize("number", [1, 4, 2**32 - 1])
def test_a_goaway_names_a_call_of_ours(number: int) -> None:
    """Or 0, for none."""
    script = Script()
    script.make_call()
    script.send(raw(Type.GOAWAY, number, ["unavailable", "bye"]))
    assert script.violation


def test_the_end_of_a_connection_ends_all() -> None:
    """Everything that is open is told of once; a call is `timeout` if it was sent and `unavailable` if not."""
    one, other = open_pair()
    one.call(0, WireMessage(Verb.SET, ret=Ret.SERVICE, att=True))
    one.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL))
    other.call(0, WireMessage(Verb.WATCH, ret=Ret.CHANNEL, att=True))
    exchange(one, other)
    one.call(0, GET)
    events = one.lost(Unavailable("the cable is gone"))
    assert described(events) == [
        (ev.Failed, 1, Timeout),
        (ev.Failed, 3, Timeout),
        (ev.Failed, 5, Unavailable),
        (ev.Cancelled, 2),
        (ev.ChannelEnded, 2, Unavailable),
        (ev.ChannelClosed, 1),
        (ev.Cut, 2, Unavailable),
        (ev.Stopped, 1),
        (ev.Released, 1),
        (ev.Ended, Unavailable),
    ]
    assert one.lost(NO) == []
    assert one.receive_data(b"more") == []
    assert joined(one) == b""
    everything_does_nothing(one)


def everything_does_nothing(machine: Connection) -> None:
    """Ask a connection that is over for everything about what was in it."""
    with pytest.raises(Unavailable, match="cable"):
        machine.call(0, GET)
    machine.cancel(1)
    assert machine.reply(2, ACK) is None
    machine.fail(2, NO)
    machine.stop(2)
    machine.credit(2, 1)
    machine.grant(2, 1, 1)
    machine.close_channel(2)
    assert machine.send_item(1, GET) is None
    machine.end_channel(1)
    machine.send_data(1, b"x")
    machine.send_eof(1)
    machine.reset(1, NO)
    machine.ping()
    machine.go_away(NO)
    assert (machine.room(1), machine.channel_room(1), machine.backlog, machine.held) == (0, False, 0, 0)
    assert machine.data_to_send() == []


def test_a_long_call_that_was_written_in_part_was_not_sent() -> None:
    """Without its last frame nobody can have taken it."""
    one, _ = open_pair()
    one.call(0, WireMessage(Verb.SET, (), {"x": b"y" * 300_000}))
    assert one.data_to_send()
    assert described(one.lost(NO))[0] == (ev.Failed, 1, Unavailable)


def test_a_violation_says_what_it_was() -> None:
    """The last frame is a GOAWAY with the reason; what waited is not written."""
    script = Script()
    script.machine.call(0, GET)
    script.send(raw(Type.DATA, 1, b"x"), raw(Type.PING, 0, b"01234567"))
    [goaway] = script.sent()
    assert (goaway.type, cbor2.loads(goaway.payload)) == (
        Type.GOAWAY,
        ["invalid", "the other peer broke the protocol: DATA for stream 1, which never was"],
    )


def test_numbers_that_never_were_are_a_fault() -> None:
    """What the program asks about nothing is not passed over."""
    one, _ = open_pair()
    for wrong in (
        lambda: one.cancel(1),
        lambda: one.reply(2, ACK),
        lambda: one.release(2),
        lambda: one.send_item(1, GET),
        lambda: one.close_channel(2),
        lambda: one.grant(2, 1, 1),
        lambda: one.room(1),
        lambda: one.send_eof(1),
        lambda: one.stop(2),
        lambda: one.credit(2, 1),
    ):
        with pytest.raises(Misuse, match="never was"):
            wrong()
