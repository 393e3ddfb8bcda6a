"""How the engine reads the values of a query string."""

from __future__ import annotations

import re

from swarmkit.errors import Invalid

_FALSE = frozenset({"", "0", "no", "false", "none"})
_INTEGER = re.compile(r"[+-]?[0-9]+")


def bool_value(text: str | None) -> bool:
    """Read a flag: absent, empty, 0, no, false and none are false, whatever else is true."""
    return (text or "").strip().lower() not in _FALSE


def int_value(text: str | None, default: int = 0) -> int:
    """Read a decimal integer of 64 bits; absent or empty is the default. Raises Invalid in the engine's words."""
    return parse_int(text, "Atoi") if text else default


def parse_int(text: str, function: str) -> int:
    """Read a decimal integer of 64 bits as Go's strconv does; `function` is the one named in the error."""
    if not _INTEGER.fullmatch(text):
        raise Invalid(f'strconv.{function}: parsing "{text}": invalid syntax')
    # Digits beyond any 64-bit number are not converted: Python limits the length of what it converts.
    value = int(text) if len(text) <= 40 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise Invalid(f'strconv.{function}: parsing "{text}": value out of range')
    return value
