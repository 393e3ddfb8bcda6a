"""Reading documents that a client sent: what is not of the type that the API says counts as not said.

The engine refuses such a document in words of its own; placing it must not fail before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LIMIT = 2**63
"""The engine's numbers have 64 bits."""


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, empty where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[Any]:
    """Return an array, empty where it is none."""
    return value if isinstance(value, list | tuple) else ()


def texts(value: object) -> list[str]:
    """Return the texts of an array."""
    return [each for each in items(value) if isinstance(each, str)]


def text(value: object) -> str:
    """Return a text, empty where it is none."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float:
    """Return a number that the engine can read, 0 where it is none."""
    return value if isinstance(value, int | float) and -_LIMIT < value < _LIMIT else 0


def labels(value: object) -> dict[str, str]:
    """Return a map of texts."""
    return {key: word for key, word in mapping(value).items() if isinstance(word, str)}
