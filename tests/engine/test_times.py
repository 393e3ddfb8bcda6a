import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.times import (
    HOUR,
    MINUTE,
    SECOND,
    ZERO_TIME,
    format_time,
    human_duration,
    parse_time,
    parse_timestamp,
)
from swarmkit.errors import Invalid

LAST_TIME = parse_time("9999-12-31T23:59:59.999999999Z")
DAY = 24 * HOUR


@given(st.integers(ZERO_TIME, LAST_TIME))
def test_times_survive_writing(time: int) -> None:
    """What is written reads back the same, to the nanosecond, from the year 1 to 9999."""
    assert time == parse_time(format_time(time))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.000000001Z", SECOND + 1),
        ("1970-01-01T00:00:00.5Z", SECOND // 2),
        ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("1970-01-01t00:00:00z", 0),
        ("2026-11-24T16:39:43.076446774Z", 1_795_538_383_076_446_774),
    ],
)
def test_reading_times(text: str, expected: int) -> None:
    """RFC 3339 with a zone and up to nine decimals that count."""
    assert expected == parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-13-01T00:00:00Z",
        "1970-01-01T25:00:00Z",
        "1970-01-01T00:00:00.Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Anything else is an Invalid that shows it."""
    with pytest.raises(Invalid, match="not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (SECOND // 2, "1970-01-01T00:00:00.5Z"),
        (10, "1970-01-01T00:00:00.00000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (ZERO_TIME, "0001-01-01T00:00:00Z"),
    ],
)
def test_writing_times(time: int, expected: str) -> None:
    """As many decimals as are needed, in UTC."""
    assert expected == format_time(time)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("-1", None),
        ("0", 0),
        ("5", 5 * SECOND),
        ("1.5", 1_500_000_000),
        ("1.000000001", 1_000_000_001),
        ("1795538383.076446774", 1_795_538_383_076_446_774),
    ],
)
def test_reading_timestamps(text: str | None, expected: int | None) -> None:
    """Unix seconds with decimals; nothing and -1 are no bound."""
    assert expected == parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [("abc", "abc"), ("10m", "10m"), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"), ("1.", ""), ("1.x", "x")],
)
def test_a_timestamp_is_a_number(text: str, what: str) -> None:
    """Dates and durations are the docker command's business; the error is the engine's."""
    with pytest.raises(Invalid) as raised:
        parse_timestamp(text)
    assert f'strconv.ParseInt: parsing "{what}": invalid syntax' == raised.value.message


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (-5 * SECOND, "Less than a second"),
        (SECOND - 1, "Less than a second"),
        (SECOND, "1 second"),
        (2 * SECOND - 1, "1 second"),
        (59 * SECOND, "59 seconds"),
        (MINUTE, "About a minute"),
        (2 * MINUTE, "2 minutes"),
        (59 * MINUTE, "59 minutes"),
        (HOUR, "About an hour"),
        (HOUR + 29 * MINUTE, "About an hour"),
        (HOUR + 30 * MINUTE, "2 hours"),
        (47 * HOUR, "47 hours"),
        (48 * HOUR, "2 days"),
        (13 * DAY, "13 days"),
        (14 * DAY, "2 weeks"),
        (59 * DAY, "8 weeks"),
        (60 * DAY, "2 months"),
        (729 * DAY, "24 months"),
        (730 * DAY, "2 years"),
        (3650 * DAY, "10 years"),
    ],
)
def test_durations_in_words(nanoseconds: int, expected: str) -> None:
    """The words are the engine's."""
    assert expected == human_duration(nanoseconds)


UNITS = ["Less than a second", "second", "minute", "hour", "days", "weeks", "months", "years"]
NUMBERS = {"About": 1, "Less": 0}


def rank(text: str) -> tuple[int, int]:
    """Give the words an order: the unit, then the number."""
    if text == UNITS[0]:
        return 0, 0
    first, *_, unit = text.split()
    singular = unit.removesuffix("s") if unit not in UNITS else unit
    return UNITS.index(singular), NUMBERS.get(first) or int(first)


@given(st.integers(0, 5000 * DAY), st.integers(0, 5000 * DAY))
def test_a_longer_time_is_never_said_to_be_shorter(one: int, other: int) -> None:
    """Units and their numbers grow with the duration."""
    shorter, longer = sorted([one, other])
    assert rank(human_duration(shorter)) <= rank(human_duration(longer))
