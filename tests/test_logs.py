import io
import logging
import re
from collections.abc import Iterator

import pytest

from swarmkit.logs import LEVELS, configure_logging


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Leave the root logger as it was, with the handlers that pytest has put there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("root")
def test_a_record_is_a_readable_line() -> None:
    """Time, level, logger, message."""
    stream = io.StringIO()
    configure_logging("info", stream)
    logging.getLogger("a.b").warning("%s is %s", "web-1", "unhealthy")
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning a\.b: web-1 is unhealthy\n", stream.getvalue())


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_below_the_level_is_not_logged(level: str) -> None:
    """Each level shows itself and what is worse."""
    stream = io.StringIO()
    configure_logging(level, stream)
    for each in LEVELS:
        logging.getLogger("x").log(logging.getLevelNamesMapping()[each.upper()], "said")
    shown = [line.split()[1] for line in stream.getvalue().splitlines()]
    assert shown == list(LEVELS[LEVELS.index(level) :])


@pytest.mark.usefixtures("root")
def test_a_message_cannot_forge_a_line() -> None:
    """Control characters, which others' texts may hold, are shown and not obeyed."""
    stream = io.StringIO()
    configure_logging("info", stream)
    logging.getLogger("x").error("%s", "a\n12:00:00 info y: all is well\x1b[2J\x9b")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith(r"a\x0a12:00:00 info y: all is well\x1b[2J\x9b" + "\n")


@pytest.mark.usefixtures("root")
def test_a_traceback_stands_below_its_line() -> None:
    """An exception is shown whole."""
    stream = io.StringIO()
    configure_logging("info", stream)
    try:
        raise ValueError("x")
    except ValueError:
        logging.getLogger("x").exception("a fault")
    lines = stream.getvalue().splitlines()
    assert (lines[0][9:], lines[1], lines[-1]) == (
        "error x: a fault", "Traceback (most recent call last):", "ValueError: x",
    )  # fmt: skip
