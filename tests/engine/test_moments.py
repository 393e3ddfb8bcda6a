"""Moments as people give them."""

from __future__ import annotations

import pytest

from swarmkit.engine.moments import parse_moment
from swarmkit.engine.times import HOUR, SECOND
from swarmkit.errors import Invalid

NOW = 10**18


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h30m", NOW - 3 * HOUR // 2),
        ("1.5h", NOW - 3 * HOUR // 2),
        (".5s", NOW - SECOND // 2),
        ("-10m", NOW + HOUR // 6),
        ("5ms", NOW - 5_000_000),
        ("1700000000", 1_700_000_000 * SECOND),
        ("1700000000.5", 1_700_000_000 * SECOND + SECOND // 2),
        ("2024-01-02", 1_704_153_600 * SECOND),
        ("2024-01-02T03", 1_704_164_400 * SECOND),
        ("2024-01-02T03:04", 1_704_164_640 * SECOND),
        ("2024-01-02T03:04:05", 1_704_164_645 * SECOND),
        ("2024-01-02T03:04:05.5+01:00", 1_704_161_045 * SECOND + SECOND // 2),
    ],
)
def test_a_moment_is_read(text: str, moment: int) -> None:
    """A duration counts back from now."""
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "1x", "2024-13-01", "2024-01-02T99", "-1"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """It is not taken for now."""
    with pytest.raises(Invalid):
        parse_moment(text, NOW)
