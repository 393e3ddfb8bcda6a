"""Tables of TOML held against what may be in them; what is wrong is collected, so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from attrs import field, frozen

_WORDS = {str: "a text", bool: "true or false", dict: "a table", list: "a list of texts"}


@frozen
class Mistakes:
    """What is wrong, in the order in which it was found; `where` is put before what is added."""

    found: list[str] = field(factory=list)
    where: str = ""

    def add(self, text: str) -> None:
        """Take note of one more."""
        self.found.append(f"{self.where}{text}")

    def within(self, place: str) -> Mistakes:
        """Return what collects into the same list, for what is found at a place in here."""
        return Mistakes(self.found, f"{self.where}{place}: ")


def checked(table: Mapping[str, Any], kinds: Mapping[str, type], mistakes: Mistakes) -> dict[str, Any]:
    """Return what a table has of the keys that it may have, as far as it is of their kind."""
    good = {}
    for key, value in table.items():
        if key not in kinds:
            mistakes.add(f"unknown key {key!r}{_nearest(key, kinds)}")
        elif not _is(value, kinds[key]):
            mistakes.add(f"{key} must be {_WORDS[kinds[key]]}, not {_shown(value)}")
        else:
            good[key] = value
    return good


def _nearest(key: str, kinds: Mapping[str, type]) -> str:
    near = get_close_matches(key, kinds, n=1)
    return f" (did you mean {near[0]!r}?)" if near else f" (known are {', '.join(kinds)})"


def _is(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, kind)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "a table" if isinstance(value, dict) else repr(value)
