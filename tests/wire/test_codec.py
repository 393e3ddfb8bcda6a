"""Plain values as CBOR: what goes through, and what is refused on either side."""

from __future__ import annotations

import datetime
from collections import OrderedDict
from enum import StrEnum
from typing import Any

import cbor2
import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from swarmkit.errors import Invalid
from swarmkit.wire.codec import decode, encode
from swarmkit.wire.limits import Limits
from swarmkit.wire.violations import Violation

LIMITS = Limits(depth=16, values=64)


class Word(StrEnum):
    """A text that is more."""

    A = "a"


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
def test_what_is_plain_goes_through(value: Any) -> None:
    """A plain value arrives as it was sent."""
    limits = Limits()
    assert decode(encode(value, limits), limits) == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**64, "64 bits"),
        (-(2**64) - 1, "64 bits"),
        ([2**64], "64 bits"),
        ({"a": {1: 2}}, "key"),
        ({b"a": 1}, "key"),
        ([{1}], "set"),
        (datetime.date(2020, 1, 1), "date"),
        (bytearray(b"x"), "bytearray"),
        (memoryview(b"x"), "memoryview"),
        (object(), "object"),
        ("\ud800", "surrogates"),
    ],
)
def test_what_is_not_plain_is_refused_to_the_sender(value: Any, reason: str) -> None:
    """The sender learns what cannot be sent: the other peer would have to end the connection."""
    with pytest.raises(Invalid, match=reason):
        encode(value, LIMITS)


def test_kinds_of_plain_values_are_plain() -> None:
    """Tuples arrive as lists, and other kinds of maps and texts as these."""
    assert decode(encode((1, OrderedDict({Word.A: Word.A})), LIMITS), LIMITS) == [1, {"a": "a"}]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "nothing"),
        ("00 00", "bytes behind"),
        ("c2 42 0001", "a bignum"),
        ("c1 00", "a date"),
        ("d8 23 61 61", "a regular expression"),
        ("d8 1c 81 d8 1d 00", "a cycle"),
        ("d9 d9f7 00", "the mark of CBOR"),
        ("d9 ffff 00", "a tag that nobody knows"),
        ("d9 0102 80", "a set"),
        ("f7", "undefined"),
        ("81 f7", "undefined in an array"),
        ("e0", "a simple value"),
        ("f8 ff", "another simple value"),
        ("fc", "a head that means nothing"),
        ("1c", "another"),
        ("ff", "a break"),
        ("9f ff", "an array of indefinite length"),
        ("bf ff", "a map of indefinite length"),
        ("5f 41 01 ff", "bytes of indefinite length"),
        ("7f 61 61 ff", "text of indefinite length"),
        ("a1 01 02", "an integer key"),
        ("a1 41 61 02", "a key of bytes"),
        ("a1 f6 02", "a null key"),
        ("a2 61 61 01 61 61 02", "a key twice"),
        ("62 c3 28", "text that is no UTF-8"),
        ("63 ed a0 80", "a surrogate"),
        ("9a ff ff ff ff", "an array longer than what follows"),
        ("5b 7f ff ff ff ff ff ff ff", "bytes longer than what follows"),
        ("18", "a head cut short"),
        ("61", "text cut short"),
        ("81 " * 17 + "00", "17 levels"),
        ("a1 61 61 " * 17 + "00", "17 levels of maps"),
        ("98 40 " + "00 " * 64, "65 values"),
        ("9f " + "00 " * 64 + "ff", "many values of indefinite length"),
    ],
)
def test_what_is_not_plain_is_refused_to_the_other_peer(text: str, what: str) -> None:
    """Strict CBOR only: each of these ends the connection."""
    with pytest.raises(Violation):
        decode(bytes.fromhex(text), LIMITS)


@pytest.mark.parametrize("text", ["81 " * 16 + "00", "98 3f " + "00 " * 63, "1b ffffffffffffffff", "fa 00000000"])
def test_the_limits_themselves_are_taken(text: str) -> None:
    """16 levels, 64 values, 64 bits; numbers may be longer than they need to be."""
    assert encode(decode(bytes.fromhex(text), LIMITS), LIMITS)


@pytest.mark.parametrize(
    ("value", "limits", "reason"),
    [
        ([0] * 64, LIMITS, "65 values"),
        ({str(number): 0 for number in range(32)}, LIMITS, "65 values"),
        (b"x" * 2000, Limits(frame=1024, message=1024), "2003 bytes"),
    ],
)
def test_what_is_too_long_is_refused_to_the_sender(value: Any, limits: Limits, reason: str) -> None:
    """The other peer's limits are the sender's to keep."""
    with pytest.raises(Invalid, match=reason):
        encode(value, limits)


def test_what_is_too_deep_is_refused_to_the_sender() -> None:
    """Also something that holds itself."""
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(Invalid, match="deep"):
        encode(itself, LIMITS)


@given(st.lists(values, max_size=5))
@example([["x" * 300, b"y" * 70000, 2**32, 2**16, 300, 30, 1.5]])
def test_both_sides_count_alike(value: list[Any]) -> None:
    """What the sender takes for so many values, the receiver does, too."""
    many = Limits()
    data = encode(value, many)
    count = max(64, counted(value))
    limits = evolve(many, values=count)
    assert decode(data, limits) == value
    if count > 64:
        with pytest.raises(Violation, match="values"):
            decode(data, evolve(many, values=count - 1))
        with pytest.raises(Invalid, match="values"):
            encode(value, evolve(many, values=count - 1))


def counted(value: Any) -> int:
    """Count the values in a value."""
    if isinstance(value, dict):
        return 1 + sum(1 + counted(inner) for inner in value.values())
    return 1 + sum(map(counted, value)) if isinstance(value, list) else 1


@given(st.binary(max_size=80))
def test_bytes_are_a_value_or_a_violation(data: bytes) -> None:
    """Whatever comes, nothing but `Violation` is raised, and what is taken can be sent on."""
    limits = evolve(LIMITS, values=2**20)
    try:
        value = decode(data, limits)
    except Violation:
        return
    assert cbor2.loads(encode(value, limits)) == value or value != value or "nan" in repr(value)
