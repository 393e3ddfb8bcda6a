"""Times as the Engine API writes them, and durations as people read them.

A time is an int: nanoseconds since the Unix epoch (a float has not the digits for one).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from swarmkit.errors import Invalid

from .query import parse_int

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@lru_cache(maxsize=65536)  # a listing reads the same times again and again
def parse_time(text: str) -> int:
    """Read RFC 3339 with any number of decimals, of which nine count. Raises Invalid."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise Invalid(f"not a time as in RFC 3339: {text!r}")
    date, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}+00:00")
        offset = timedelta() if zone in "Zz" else datetime.strptime(zone, "%z").utcoffset() or timedelta()
    except ValueError as error:
        raise Invalid(f"not a time as in RFC 3339: {text!r}: {error}") from error
    # The offset is subtracted from the difference: the year 1 has no room for it in a datetime.
    return (moment - _EPOCH - offset) // timedelta(seconds=1) * SECOND + int((fraction or "")[:9].ljust(9, "0"))


ZERO_TIME = parse_time("0001-01-01T00:00:00Z")
"""Go's zero time: what the engine writes where something has not happened yet."""


def format_time(time: int) -> str:
    """Write RFC 3339 in UTC with as many decimals as are needed, as the engine does. The years are 1 to 9999."""
    seconds, nanos = divmod(time, SECOND)
    moment = _EPOCH.replace(tzinfo=None) + timedelta(seconds=seconds)
    fraction = f".{nanos:09}".rstrip("0").rstrip(".")
    return f"{moment.isoformat()}{fraction}Z"


def parse_timestamp(text: str | None) -> int | None:
    """Read `since` or `until`: Unix seconds, with decimals if wanted. None where there is no bound.

    The API takes nothing else: it is the docker command that turns dates and durations into this. A missing value, an
    empty one and -1 are no bound. Raises Invalid in the engine's words.
    """
    if not text:
        return None
    whole, point, fraction = text.partition(".")
    seconds = parse_int(whole, "ParseInt")
    nanos = parse_int(fraction, "ParseInt") * 10**9 // 10 ** len(fraction) if point else 0
    return None if seconds == -1 else seconds * SECOND + nanos


def human_duration(nanoseconds: int) -> str:
    """Say how long, roughly, in the engine's words: `3 minutes`, `About an hour`, `2 weeks`."""
    seconds, minutes = nanoseconds // SECOND, nanoseconds // MINUTE
    hours = (nanoseconds + HOUR // 2) // HOUR  # rounded, unlike all others
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    return _human_days(hours, years=nanoseconds // HOUR // 24 // 365)


def _human_days(hours: int, *, years: int) -> str:
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{years} years"
