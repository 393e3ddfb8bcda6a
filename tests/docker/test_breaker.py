"""The breaker: who is lost too often has to stay before it is taken back, and nobody makes the view flap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.docker.breaker import FORGET, HOLD_FIRST, HOLD_LAST, LOSSES, WINDOW, Breaker

DOWN = "connection refused"


def lose(breaker: Breaker, now: float, times: int = 1) -> float:
    """Have it answer and fail so often, a second apart; return the time of the last failure."""
    for _ in range(times):
        assert breaker.judge(now, None) is None
        now += 1
        assert breaker.judge(now, DOWN) is not None
        now += 1
    return now - 1


def taken_back_after(breaker: Breaker, now: float) -> float:
    """Have it answer once a second; return how long it took until it was taken back."""
    first = now
    while breaker.judge(now, None) is not None:
        now += 1
    return now - first


def test_first_losses_heal_with_the_first_answer() -> None:
    """One loss less than are too many changes nothing."""
    breaker = Breaker()
    now = lose(breaker, 0, LOSSES - 1)
    assert breaker.judge(now + 1, None) is None


def test_one_loss_too_many_has_it_stay_first() -> None:
    """It says so, how often and in what time, for how long, and what was wrong last; then it is taken back."""
    breaker = Breaker()
    now = lose(breaker, 0, LOSSES)
    assert breaker.judge(now + 1, None) == (
        "it comes and goes (lost 3 times in 4 s): taken back when it has answered for 5 s; last: connection refused"
    )
    assert taken_back_after(breaker, now + 1) == HOLD_FIRST


def test_each_further_loss_doubles_the_time() -> None:
    """Up to a bound."""
    breaker = Breaker()
    now, holds = lose(breaker, 0, LOSSES), list[float]()
    for _ in range(6):
        holds.append(taken_back_after(breaker, now + 1))
        now += 1 + holds[-1] + 1
        breaker.judge(now, DOWN)
    assert holds == [5, 10, 20, 40, HOLD_LAST, HOLD_LAST]


def test_failure_meanwhile_begins_the_time_anew() -> None:
    """It has to answer every ping; that it failed while it was kept out is no further loss."""
    breaker = Breaker()
    now = lose(breaker, 0, LOSSES)
    breaker.judge(now + 1, None)
    assert "last: no answer" in str(breaker.judge(now + 4, "no answer"))
    assert taken_back_after(breaker, now + 5) == HOLD_FIRST


def test_losses_far_apart_do_not_count_together() -> None:
    """Only so many within the window are too many."""
    breaker = Breaker()
    for number in range(10):
        assert breaker.judge(lose(breaker, number * WINDOW), None) is None


def test_long_health_makes_good() -> None:
    """After it has been healthy for long enough a loss is a first one."""
    breaker = Breaker()
    now = lose(breaker, 0, LOSSES)
    now += 1 + taken_back_after(breaker, now + 1)
    assert breaker.judge(lose(breaker, now + FORGET), None) is None


def test_host_that_was_never_there_is_not_lost() -> None:
    """Until it has answered for the first time, its failures are its reason and nothing else."""
    breaker = Breaker()
    assert [breaker.judge(now, DOWN) for now in range(5)] == [DOWN] * 5
    assert breaker.judge(5, None) is None


@given(st.lists(st.tuples(st.floats(0.001, 8), st.booleans()), max_size=400))
def test_changes_in_a_minute_are_bounded(pings: list[tuple[float, bool]]) -> None:
    """Whatever the pings show, and whenever: at most 12 changes of state in any 60 seconds."""
    breaker, now, healthy = Breaker(), 0.0, False
    changes: list[float] = []
    for pause, answered in pings:
        now += pause
        state = breaker.judge(now, None if answered else DOWN) is None
        assert answered or not state
        if state is not healthy:
            changes.append(now)
        healthy = state
    for number, begin in enumerate(changes):
        assert sum(1 for change in changes[number:] if change - begin < WINDOW) <= 12
