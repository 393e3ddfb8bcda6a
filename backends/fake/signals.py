"""Signals by name and number, as the engine reads them, and what they do to a process that does not handle them."""

from __future__ import annotations

import re
import signal

from swarmkit.errors import Invalid

KILL, TERM, INT = int(signal.SIGKILL), int(signal.SIGTERM), int(signal.SIGINT)

_IGNORED = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})
_STOPPING = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


def parse_signal(text: str) -> int:
    """Read `TERM`, `SIGTERM` or `15`. Raises Invalid in the engine's words."""
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        number = int(text)
        if number == 0:
            raise Invalid(f"Invalid signal: {text}")
        return number
    name = "SIG" + text.upper().removeprefix("SIG")
    try:
        return int(signal.Signals[name])
    except KeyError as error:
        raise Invalid(f"Invalid signal: {text}") from error


def exists(number: int) -> bool:
    """Tell whether Linux has this signal."""
    return 0 < number <= 64


def is_fatal(number: int) -> bool:
    """Tell whether a process that does not handle it ends with it. A stop is none of our business: it does nothing."""
    return number not in _IGNORED and number not in _STOPPING
