"""Windows: how far they grow, and what they grant."""

from __future__ import annotations

from swarmkit.wire.windows import MOST_BYTES, Allowance, Window


def test_a_fast_reader_gets_a_wider_window() -> None:
    """A stream that is read as it comes is sent further ahead; one that is read slowly is not."""
    fast, slow = (Window(65536, MOST_BYTES, Allowance()) for _ in range(2))
    for _ in range(100):
        fast.take(fast.size, emptied=True)
        slow.take(slow.size, emptied=False)
    assert (fast.size, slow.size) == (MOST_BYTES, 65536)


def test_windows_grow_together_no_further_than_allowed() -> None:
    """What one gives back another may have."""
    allowance = Allowance(100)
    one, two = Window(80, 1000, allowance), Window(80, 1000, allowance)
    assert one.take(80, emptied=True) == 160
    assert two.take(80, emptied=True) == 100
    one.close()
    one.close()
    assert two.take(100, emptied=True) == 180
    two.close()
    assert allowance.left == 100


def test_what_was_taken_is_granted_at_every_half() -> None:
    """Neither with each read, nor so late that the sender stands still."""
    window = Window(100, 100, Allowance())
    assert [window.take(20, emptied=True) for _ in range(6)] == [0, 0, 60, 0, 0, 60]


def test_a_window_of_one_is_granted_with_each() -> None:
    """The least there is still moves."""
    window = Window(1, 1, Allowance())
    assert [window.take(1, emptied=False) for _ in range(3)] == [1, 1, 1]


def test_messages_cost_what_they_take_in_memory() -> None:
    """A window of messages takes from the same allowance, and gives back as much."""
    allowance = Allowance(10_000)
    window = Window(4, 1024, allowance, cost=1024)
    assert window.take(4, emptied=True) == 8
    assert window.take(8, emptied=True) == 13
    assert allowance.left == 10_000 - 9 * 1024
    window.close()
    assert allowance.left == 10_000
