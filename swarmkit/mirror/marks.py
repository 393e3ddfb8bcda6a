"""Which of many things may have changed and have not been read since. Pure state, no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen

MARKED = 1024
"""Ids that are remembered one by one; past that everything counts as marked."""


@frozen
class _Span:
    """The numbers of the first and of the last mark that has not been read."""

    first: int
    last: int


@define(eq=False)
class Marks:
    """Numbered marks, on single ids and on everything.

    A read covers the marks made before it began. Each thing keeps its first unread mark beside its last: a mark made
    during a read outlives it, and one made later hides no earlier one from whoever waits for that.
    """

    last: int = 0
    ids: dict[str, _Span] = field(factory=dict)
    all: _Span | None = None

    def mark(self, ids: Iterable[str]) -> None:
        """Mark some ids."""
        self.last += 1
        for id in ids:
            self.ids[id] = _again(self.ids.get(id), self.last)
        if len(self.ids) > MARKED:
            first = min(span.first for span in self.ids.values())
            self.all = _Span(min(first, self.all.first) if self.all else first, self.last)
            self.ids.clear()

    def mark_all(self) -> None:
        """Mark everything."""
        self.last += 1
        self.all = _again(self.all, self.last)

    def unread(self, number: int) -> bool:
        """Tell whether a mark up to a number has not been read."""
        spans = self.ids.values() if self.all is None else (self.all, *self.ids.values())
        return any(span.first <= number for span in spans)

    def read(self, number: int) -> None:
        """Take note that all marks up to a number have been read."""
        left = {id: _after(span, number) for id, span in self.ids.items()}
        self.ids = {id: span for id, span in left.items() if span is not None}
        self.all = _after(self.all, number)

    def __bool__(self) -> bool:
        return bool(self.ids) or self.all is not None


def _again(span: _Span | None, number: int) -> _Span:
    return _Span(number if span is None else span.first, number)


def _after(span: _Span | None, number: int) -> _Span | None:
    """Return what is unread of a span; which of the later marks was its first is not known, so the next one is."""
    return _Span(max(span.first, number + 1), span.last) if span is not None and span.last > number else None
