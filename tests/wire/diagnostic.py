"""A reader of CBOR diagnostic notation (RFC 8949, section 8), as far as the vectors of docs/protocol.md use it."""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*") | h'(?P<bytes>[0-9a-f\s]*)' | (?P<number>-?[0-9][0-9.e+-]*)
        | (?P<word>true|false|null|NaN|-?Infinity) | (?P<mark>[][{},:])
    )""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None, "NaN": float("nan"), "Infinity": float("inf")}


class Reader:
    """Read values from one text."""

    def __init__(self, text: str) -> None:
        self._tokens = self._cut(text)

    @staticmethod
    def _cut(text: str) -> list[re.Match[str]]:
        tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(f"no diagnostic notation: {text[at : at + 30]!r}")
            tokens.append(token)
            at = token.end()
        return tokens

    def all(self) -> list[Any]:
        """Return the values, one behind the other, to the end."""
        values = []
        while self._tokens:
            values.append(self._value())
        return values

    def _value(self) -> Any:
        token = self._tokens.pop(0)
        if token["text"] is not None:
            return json.loads(token["text"])
        if token["bytes"] is not None:
            return bytes.fromhex(token["bytes"])
        if token["number"] is not None:
            return float(token["number"]) if re.search("[.e]", token["number"]) else int(token["number"])
        if token["word"] is not None:
            return _WORDS[token["word"]]
        return self._array() if token["mark"] == "[" else self._map()

    def _array(self) -> list[Any]:
        items = []
        while not self._ends("]"):
            items.append(self._value())
        return items

    def _map(self) -> dict[str, Any]:
        found = {}
        while not self._ends("}"):
            key = self._value()
            self._mark(":")
            found[key] = self._value()
        return found

    def _ends(self, mark: str) -> bool:
        if self._tokens[0]["mark"] == ",":
            self._tokens.pop(0)
        if self._tokens[0]["mark"] != mark:
            return False
        self._tokens.pop(0)
        return True

    def _mark(self, mark: str) -> None:
        if self._tokens.pop(0)["mark"] != mark:
            raise ValueError(f"{mark!r} is missing")


def read(text: str) -> Any:
    """Read one value."""
    [value] = Reader(text).all()
    return value
