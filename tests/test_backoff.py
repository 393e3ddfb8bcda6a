"""How long it is waited before a lost connection is made again."""

from __future__ import annotations

import pytest

from backends.ssh.tunnel import RETRY_FIRST, RETRY_LAST
from swarmkit.backoff import Backoff


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make waits exact."""
    monkeypatch.setattr("random.uniform", lambda low, high: low)


def test_waits_double_up_to_the_longest() -> None:
    """A second at first, half a minute at last."""
    backoff = Backoff(RETRY_FIRST, RETRY_LAST)
    assert [backoff.wait() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert (RETRY_FIRST, RETRY_LAST) == (1, 30)


def test_settled_refusal_waits_longest_at_once() -> None:
    """Who is not let in does not knock every second."""
    assert Backoff(RETRY_FIRST, RETRY_LAST).wait(settled=True) == RETRY_LAST


def test_connection_that_lasted_begins_anew() -> None:
    """One that was up for long has not failed yet; one that goes at once has."""
    backoff = Backoff(RETRY_FIRST, RETRY_LAST)
    assert [backoff.wait(), backoff.wait(lasted=5), backoff.wait(lasted=RETRY_LAST + 1)] == [1, 2, 1]


def test_jitter_only_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that lost the same host do not come back at the same moment."""
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    assert Backoff(RETRY_FIRST, RETRY_LAST).wait() == RETRY_FIRST * 1.25


def test_all_is_well_begins_anew() -> None:
    """Whoever knows without a connection's length says so."""
    backoff = Backoff(RETRY_FIRST, RETRY_LAST)
    waits = [backoff.wait(), backoff.wait()]
    backoff.reset()
    assert [*waits, backoff.wait()] == [1, 2, 1]
