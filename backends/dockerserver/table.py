"""The documentation's page of all operations, made from the table: `python -m backends.dockerserver.table`."""

from __future__ import annotations

from collections.abc import Iterator

from .operations import OPERATIONS, Operation, Way

_HEAD = """\
# Operations of the Engine API

How `dockerserver` carries out each operation of the Docker Engine API over several hosts. With one host behind it,
which is no aggregate, all but the ping and the list of containers go to that host untouched, those too that are not
listed here.

This page is made by `python -m backends.dockerserver.table > docs/operations.md`; do not edit it.
"""


def operations_page() -> str:
    """Return the page in Markdown: for each way a heading, and a row for each operation."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for way in Way:
        rows = [_row(operation) for operation in OPERATIONS if operation.way is way]
        yield "\n".join((f"## {way.value.capitalize()}", "", "| operation | request | |", "|---|---|---|", *rows, ""))


def _row(operation: Operation) -> str:
    return f"| {operation.name} | `{operation.method} {operation.path}` | {operation.note} |"


if __name__ == "__main__":
    print(operations_page(), end="")
