"""How a program of the toolkit logs: readable lines on standard error. The library itself only calls `logging`."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

LEVELS = ("debug", "info", "warning", "error")
"""The words for how much is logged, the most first."""

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


class LineFormatter(logging.Formatter):
    """One line for each record, `12:03:04 warning backends.docker.health: …`, a traceback below it.

    Control characters are shown escaped: much of what is logged was said by others, who must not forge lines.
    """

    default_time_format = "%H:%M:%S"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is logging's)
        time = self.formatTime(record, self.default_time_format)
        return f"{time} {record.levelname.lower()} {record.name}: {record.message.translate(_CONTROLS)}"


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Log all that is at least of a level to a stream (standard error), in place of what was configured before."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
