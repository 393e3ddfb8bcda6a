r"""What a value of an expression matches: a text with `*` for anything, or a regular expression between slashes.

Python's `re` tries one way to match after another, and so may take for ever. In how many ways an expression could match
a text of bounded length is estimated beforehand, and what has too many is refused. (An automaton needs no such bound,
and is much code for words such as `/node-[12]/`.)
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection
from math import prod

from attrs import frozen

MAX_REGEXP = 128
"""Characters of a regular expression."""

MAX_SUBJECT = 128
"""Characters of a text that a regular expression looks at."""

MAX_WAYS = 100_000
"""Ways in which a regular expression may match: two of `*`, `+` and `{…}` with six choices, or sixteen `?`."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_PLAIN_GROUP = re.compile(r"\(\?:")


@frozen
class Pattern:
    """What to compare texts with, whole (`a*`) or anywhere in them (`/regexp/`)."""

    words: tuple[str, ...]
    regexp: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern. Raises ValueError that says what is wrong with a regular expression."""
        if len(text) > 1 and text.startswith("/") and text.endswith("/"):
            return cls((), _compile(text[1:-1]))
        return cls(tuple(text.split("*")))

    def matches_one_of(self, subjects: Collection[str]) -> bool:
        """Tell whether one of some texts is meant; a plain word is looked up."""
        if len(self.words) == 1:
            return self.words[0] in subjects
        return any(map(self.matches, subjects))

    def matches(self, subject: str) -> bool:
        """Tell whether a text is one of those meant."""
        if self.regexp is not None:
            return self.regexp.search(subject[:MAX_SUBJECT]) is not None
        first, *others = self.words
        return _follow(first, others, subject) if others else subject == first


def _follow(first: str, others: list[str], subject: str) -> bool:
    """Tell whether a text begins and ends with the first and last of some words, with the others between, in order."""
    *between, last = others
    if not subject.startswith(first):
        return False
    place = len(first)
    for word in between:
        found = subject.find(word, place)
        if found < 0:
            return False
        place = found + len(word)
    return subject.endswith(last) and len(subject) - len(last) >= place


def _compile(text: str) -> re.Pattern[str]:
    if len(text) > MAX_REGEXP:
        raise ValueError(f"its regular expression has more than {MAX_REGEXP} characters")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what may mean something else in a later Python is not clear now, either
        try:
            compiled = re.compile(text)
        except (re.error, Warning, OverflowError) as error:
            raise ValueError(f"its regular expression makes no sense: {error}") from error
    _check(text)
    return compiled


def _check(text: str) -> None:
    """Raise ValueError where an expression, which makes sense, might take long."""
    if any(escaped.isdigit() for escaped in _ESCAPE.findall(text)):
        raise ValueError("its regular expression refers back, which is not allowed")
    bare = _CLASS.sub("x", _ESCAPE.sub("x", text.removeprefix("(?i)")))
    bare = _PLAIN_GROUP.sub("(", bare)
    if "(?" in bare:
        raise ValueError("its regular expression has a group (?…), of which only (?:…), and (?i) in front, are allowed")
    if re.search(r"\)[*+{]", bare):
        raise ValueError("its regular expression repeats a group, which is not allowed")
    if _ways(bare) > MAX_WAYS:
        raise ValueError("its regular expression could match in too many ways: use at most two of *, + and {}")


def _ways(bare: str) -> int:
    """Return in how many ways an expression might match at one place of a text, at most; groups are not repeated."""
    choices = [MAX_SUBJECT] * len(re.findall(r"[*+{]", bare)) + [2] * bare.count("?")
    open_groups = [1]
    for character in bare:
        if character == "(":
            open_groups.append(1)
        elif character == "|":
            open_groups[-1] += 1
        elif character == ")":
            choices.append(open_groups.pop())
    return prod(choices)
