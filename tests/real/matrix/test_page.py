"""The page of the matrix has each fault that is tested, with the words that are seen, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from . import test_etcd, test_others
from .etcd_faults import ETCD_FAULTS
from .faults import FAULTS

ALL_FAULTS = (*FAULTS, *ETCD_FAULTS)

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"


def rows() -> dict[str, list[str]]:
    """Return the cells of the page's tables by the first of each row, heads and rulers left out."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {cells[0]: cells for cells in lines if cells[0] != "fault"}


def test_every_fault_is_on_the_page() -> None:
    """A fault without a row, and a row without a fault, is a mistake."""
    assert sorted(rows()) == sorted([*(fault.name for fault in ALL_FAULTS), *test_others.ROWS, *test_etcd.ROWS])


def test_every_test_has_its_row() -> None:
    """What is tested beside the table of faults has a name there, each its own."""
    tests = [value for name, value in vars(test_others).items() if name.startswith("test_")]
    assert list(test_others.ROWS.values()) == tests


def test_words_that_are_seen_are_the_tested_ones() -> None:
    """What the page quotes first, of a host that is down or of etcd, is one that the test of the fault takes."""
    cells = rows()
    quoted = {fault.name: first_quoted(cells[fault.name][1]) for fault in ALL_FAULTS}
    wrong = {each.name: quoted[each.name] for each in ALL_FAULTS if not re.fullmatch(each.reason, quoted[each.name])}
    assert wrong == {}


def first_quoted(text: str) -> str:
    """Return the first words between backticks; nothing where there are none."""
    return next(iter(re.findall("`([^`]*)`", text)), "")
