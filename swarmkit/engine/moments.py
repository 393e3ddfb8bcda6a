"""Moments as people give them to the filter `until`: a date, a time, Unix seconds, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

from swarmkit.errors import Invalid

from .times import HOUR, MINUTE, SECOND, parse_time, parse_timestamp

_UNITS = {"h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1_000_000, "us": 1000, "µs": 1000, "ns": 1}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)", re.ASCII)
_DURATION = re.compile(rf"([+-]?)((?:{_PART.pattern})+)", re.ASCII)
_LOCAL = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d")


def parse_moment(text: str, now: int) -> int:
    """Return the moment in nanoseconds; how long ago (`1h30m`) counts back from `now`. A date alone is one of UTC.

    Raises `Invalid` for anything else.
    """
    if duration := _DURATION.fullmatch(text):
        sign = -1 if duration[1] == "-" else 1
        parts = [int(Fraction(f"0{number}" if number[0] == "." else number.rstrip(".")) * _UNITS[unit])
                 for number, unit in _PART.findall(duration[2])]  # fmt: skip
        return now - sign * sum(parts)
    for layout in _LOCAL:
        try:
            return int(datetime.strptime(text, layout).replace(tzinfo=UTC).timestamp()) * SECOND
        except ValueError:
            continue
    if "T" in text:
        return parse_time(text)
    moment = parse_timestamp(text)
    if moment is None:
        raise Invalid(f"not a moment: {text!r}")
    return moment
