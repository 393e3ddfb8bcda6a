"""What fuzzing found worth keeping, once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fuzzing import fuzz

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name[:12])
def test_the_corpus(path: Path) -> None:
    """Nothing of it raises anything, or makes memory grow."""
    fuzz(path.read_bytes())


def test_there_is_a_corpus() -> None:
    """It covers enough to be worth replaying."""
    assert len(CORPUS) >= 50
