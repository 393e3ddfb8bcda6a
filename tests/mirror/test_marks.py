"""Marks: what was marked is unread until a read that began later has ended."""

from __future__ import annotations

from swarmkit.mirror.marks import MARKED, Marks


def test_marked_is_unread_until_read() -> None:
    """A mark is unread until its number has been read; before it there was nothing to read."""
    marks = Marks()
    assert not marks
    marks.mark({"a"})
    assert marks.unread(marks.last)
    assert not marks.unread(0)
    marks.read(marks.last)
    assert not marks


def test_mark_during_a_read_outlives_it() -> None:
    """What is marked again after a read began is still marked when the read has ended."""
    marks = Marks()
    marks.mark({"a"})
    began = marks.last
    marks.mark({"a"})
    marks.read(began)
    assert list(marks.ids) == ["a"]
    assert marks.unread(marks.last)


def test_later_mark_hides_no_earlier_one() -> None:
    """Who asked after the first of two marks has unread marks before him, however late the second was made."""
    marks = Marks()
    marks.mark({"a"})
    asked = marks.last
    marks.mark({"a"})
    assert marks.unread(asked)
    marks.mark_all()
    asked_all = marks.last
    marks.mark_all()
    marks.read(asked)
    assert marks.unread(asked_all)


def test_read_serves_those_who_asked_before_it() -> None:
    """After a read of the first of two marks, who asked between them has nothing to wait for."""
    marks = Marks()
    marks.mark_all()
    asked = marks.last
    marks.mark_all()
    marks.read(asked)
    assert not marks.unread(asked)
    assert marks.unread(marks.last)


def test_marks_are_bounded() -> None:
    """Past a bound single marks become a mark on everything, as old as the oldest of them."""
    marks = Marks()
    for number in range(MARKED + 1):
        marks.mark({str(number)})
    assert len(marks.ids) == 0
    assert marks.unread(1)
