"""Running a command of the table within the test's process, as its own event loop."""

from __future__ import annotations

import click
import pytest


def exit_code_of(command: click.Command, *words: str) -> int:
    """Run a command to its end and return its exit code; usage errors are raised."""
    with pytest.raises(SystemExit) as ended:
        command.main(list(words), standalone_mode=False)
    assert isinstance(ended.value.code, int)
    return ended.value.code
