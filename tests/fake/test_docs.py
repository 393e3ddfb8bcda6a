"""The example in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from trio.testing import MockClock

DOCS = Path(__file__).parents[2] / "docs" / "fake.md"


async def test_example_runs(autojump_clock: MockClock) -> None:
    """The example is a test, and passes."""
    (block,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, str(DOCS), "exec"), names)
    test = names["test_greeting"]
    assert callable(test)
    await test(autojump_clock)
