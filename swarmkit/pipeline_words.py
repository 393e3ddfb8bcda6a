"""The language of a pipeline's file: words in the quoting of a POSIX shell, stages by lines.

A line that begins in column one begins a stage, an indented one continues it, an unquoted `|` parts stages, too. `#` at
the beginning of a word begins a comment. Nothing is expanded. What the words mean is not known here.
"""

from __future__ import annotations

import re

from attrs import frozen

from .errors import Invalid

_PIECE = re.compile(
    r"""
      '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^\s'"\\|]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(?:([\\"])|\n)')  # within double quotes a backslash is one before anything else
_BREAK = re.compile(r"[ \t]*\n\s*")
_COLUMN_ONE = re.compile(r"\n(?=\S)")


@frozen
class Word:
    """A word as the part will see it, and the line on which it begins."""

    text: str
    line: int


class Misspelt(Invalid):
    """What is written cannot be split into words; `line` is where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message, line=line)
        self.line = line


def split_file(text: str) -> list[list[Word]]:
    """Split a text into stages, each of at least one word; raise `Misspelt` where that cannot be done.

    Within quotes a line break, with the blanks around it, is one space; a line in column one cannot be within quotes.
    """
    splitter = _Splitter(text)
    splitter.run()
    return splitter.stages


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._word: list[str] | None = None
        self._word_line = 1
        self._column_one = True
        self.stages: list[list[Word]] = []

    def run(self) -> None:
        while self._place < len(self._text):
            self._step(self._text[self._place])
        self._end_word()
        if self.stages and not self.stages[-1]:
            raise Misspelt("a stage is empty: nothing stands behind the last `|`", self._line())

    def _step(self, char: str) -> None:
        if char.isspace():
            self._end_word()
            self._column_one = char == "\n"
            self._place += 1
        elif self._text.startswith("\\\n", self._place):  # the line goes on in the next one
            self._place += 2
        elif char == "#" and self._word is None:
            end = self._text.find("\n", self._place)
            self._place = end if end >= 0 else len(self._text)
        elif char == "|":
            self._end_stage()
            self._place += 1
        else:
            self._take_piece()

    def _take_piece(self) -> None:
        if self._word is None:
            self._begin_word()
        found = _PIECE.match(self._text, self._place)
        if found is None:
            raise self._unfinished()
        assert self._word is not None
        self._word.append(self._meaning(found))
        self._place = found.end()

    def _begin_word(self) -> None:
        if self._column_one and (not self.stages or self.stages[-1]):
            self.stages.append([])
        elif not self.stages:
            raise Misspelt("an indented line continues the stage above it, and there is none", self._line())
        self._column_one = False
        self._word, self._word_line = [], self._line()

    def _end_word(self) -> None:
        if self._word is not None:
            self.stages[-1].append(Word("".join(self._word), self._word_line))
            self._word = None

    def _end_stage(self) -> None:
        self._end_word()
        if not self.stages or not self.stages[-1]:
            raise Misspelt("a stage is empty: nothing stands before this `|`", self._line())
        self._column_one = False
        self.stages.append([])

    def _meaning(self, found: re.Match[str]) -> str:
        kind, text = str(found.lastgroup), str(found[str(found.lastgroup)])
        if kind in ("single", "double") and (column_one := _COLUMN_ONE.search(text)):
            line = self._line() + text[: column_one.end()].count("\n")
            raise Misspelt(
                f"the quotation that begins here is not closed before line {line} begins a stage", self._line()
            )
        if kind == "double":
            text = _ESCAPE.sub(lambda escape: escape[1] or "", text)
        return _BREAK.sub(" ", text) if kind in ("single", "double") else text

    def _unfinished(self) -> Misspelt:
        if self._text[self._place] == "\\":
            return Misspelt("nothing follows the last backslash", self._line())
        return Misspelt("the quotation that begins here is never closed, or one above it is not", self._line())

    def _line(self) -> int:
        return self._text.count("\n", 0, self._place) + 1
