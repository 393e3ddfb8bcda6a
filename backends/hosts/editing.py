"""Editing the text of a file of hosts: one line of it, and every other byte stays.

The standard library reads TOML and does not write it. So the line is found as a reader of the file would find it, and
the result is read again: it must mean what was meant, and nothing else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import islice

TRIES = 16
"""Edits that are tried; each is read as a whole, and the first is right but for headers within texts."""

_HEADER = re.compile(r"""^[ \t]*\[\[[ \t]*(?:host|"host"|'host')[ \t]*\]\]""", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_DRAINED = re.compile(r"""^([ \t]*(?:drained|"drained"|'drained')[ \t]*=[ \t]*)(?:true|false)\b""", re.MULTILINE)


def with_drained(text: str, place: int, *, drained: bool) -> str | None:
    """Return the text of a file with the host at a place in its list drained, or not; None where no line does that.

    The text must be TOML with a list `host`. A host has a line for it when it is written as a table `[[host]]`.
    """
    wanted = tomllib.loads(text)
    if bool(wanted["host"][place].get("drained")) is drained:
        return text
    wanted["host"][place]["drained"] = drained
    edits = islice(_edits(text, place, drained=drained), TRIES)
    return next((edited for edited in edits if _reads_as(edited, wanted)), None)


def _edits(text: str, place: int, *, drained: bool) -> Iterator[str]:
    """Yield edits, the likely one first: what looks like a header may stand within a text of several lines."""
    word = "true" if drained else "false"
    for header in list(_HEADER.finditer(text))[place:]:
        following = _TABLE.search(text, header.end())
        end = following.start() if following else len(text)
        for line in _DRAINED.finditer(text, header.end(), end):
            yield f"{text[: line.start()]}{line[1]}{word}{text[line.end() :]}"
        yield _inserted(text, header, f"drained = {word}")


def _inserted(text: str, header: re.Match[str], line: str) -> str:
    """Put a line below a header, indented as that is."""
    indent = text[header.start() : header.end()].partition("[")[0]
    break_at = text.find("\n", header.end())
    if break_at < 0:
        return f"{text}\n{indent}{line}\n"
    ending = "\r\n" if text[break_at - 1] == "\r" else "\n"
    return f"{text[: break_at + 1]}{indent}{line}{ending}{text[break_at + 1 :]}"


def _reads_as(text: str, wanted: dict[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False
