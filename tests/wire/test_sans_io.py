"""The protocol is known without I/O: no module of the machine imports what could wait, read, write or tell the time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import swarmkit.wire.connection

WIRE = Path(swarmkit.wire.connection.__file__).parent
PURE = ("codec", "connection", "events", "frames", "hello", "limits", "messages", "payloads", "violations")
MODULES = [WIRE / f"{name}.py" for name in PURE] + sorted((WIRE / "state").glob("*.py"))
ALLOWED = {"__future__", "attrs", "cbor2", "collections", "enum", "functools", "io", "struct", "types", "typing"}
ALLOWED_HERE = {"errors", "message"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_io(path: Path) -> None:
    """Only pure modules of the library, and of this project the errors, the verbs and each other."""
    pure = {*PURE, *(module.stem for module in (WIRE / "state").glob("*.py")), "state"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= ALLOWED
        elif isinstance(node, ast.ImportFrom):
            first = (node.module or "").partition(".")[0]
            assert first in (ALLOWED if not node.level else pure | ALLOWED_HERE)
