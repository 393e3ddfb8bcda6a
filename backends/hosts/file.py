"""The file of hosts: TOML with a table `[[host]]` for each, read into the rows of members, and changed in one line."""

from __future__ import annotations

import os
import re
import tomllib
from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from swarmkit.errors import Conflict, Denied, Invalid, NotFound
from swarmkit.registry import Registry
from swarmkit.rows import Row
from swarmkit.source import Mark, mark_of

from .editing import with_drained
from .entry import read_entry
from .replacing import FileChanged, replace
from .tables import Mistakes

MAX_BYTES = 1 << 20
"""Bytes that a file may have: more is no list of hosts, but a device or a mistake."""


@frozen
class HostsFile:
    """A file of hosts. Its name may be relative, to what is the working directory when it is read."""

    path: str
    registry: Registry

    def look(self) -> Mark:
        """Return what is another where the file has changed, or another stands in its place."""
        return mark_of(self._place)

    def read(self) -> list[Row]:
        """Read the rows of the hosts; raise `Invalid`, with the file's name, that says all that is wrong in it.

        What is no TOML says the line. Relative paths in the file are relative to its folder.
        """
        return self._rows_of(self._data())

    def drain(self, name: str, drained: bool) -> None:
        """Write into the file that a host is drained, or is not; all else in it stays as it is.

        Raises `NotFound` where the file has no such host, `Invalid` where it is wrong, `Conflict` where it is changed
        by another meanwhile, and `Denied` where it cannot be written, or not by changing one line.
        """
        before, data = self.look(), self._data()
        names = [row.name for row in self._rows_of(data)]
        if name not in names:
            raise NotFound(f"{self.path}: there is no host called {name!r} in it; the hosts are {', '.join(names)}")
        bom = data[: len(BOM_UTF8)] if data.startswith(BOM_UTF8) else b""
        text = data[len(bom) :].decode()
        edited = with_drained(text, names.index(name), drained=drained)
        if edited is None:
            line = f"drained = {str(drained).lower()}"
            raise Denied(f"{self.path}: {name} is not written as a table [[host]]: write {line} there by hand")
        if edited != text:
            self._write(bom + edited.encode(), before)

    def _write(self, data: bytes, before: Mark) -> None:
        try:
            replace(self._place, data, unless=lambda: self.look() != before)
        except FileChanged as error:
            raise Conflict(f"{self.path}: it was changed meanwhile, and is left as it is now: try again") from error
        except OSError as error:
            raise Denied(f"{self.path}: cannot be written: {error.strerror}; write it there by hand") from error

    def _data(self) -> bytes:
        try:
            with self._place.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Invalid(f"{self.path}: cannot be read: {error.strerror}") from error
        if len(data) > MAX_BYTES:
            raise Invalid(f"{self.path}: it is longer than {MAX_BYTES} bytes, and so no list of hosts")
        return data

    def _rows_of(self, data: bytes) -> list[Row]:
        mistakes = Mistakes()
        rows = self._rows(_parse(data, self.path), mistakes)
        if mistakes.found:
            raise Invalid(f"{self.path}: {'; '.join(mistakes.found)}")
        return rows

    @property
    def _place(self) -> Path:
        return Path(os.path.expanduser(self.path))

    def _rows(self, document: Mapping[str, Any], mistakes: Mistakes) -> list[Row]:
        tables = document.get("host", [])
        for key in sorted(document.keys() - {"host"}):
            mistakes.add(f"unknown key {key!r}: each host is a table [[host]]")
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            mistakes.add("host is no list of tables: write [[host]] above each host")
            return []
        folder = self._place.absolute().parent
        rows: dict[str, Row] = {}
        for place, table in enumerate(tables, start=1):
            here = mistakes.within(_called(place, table))
            row = read_entry(table, folder, self.registry, here)
            if row is not None and row.name in rows:
                here.add(f"another host is called {row.name!r}, too")
            elif row is not None:
                rows[row.name] = row
        return list(rows.values())


def _called(place: int, table: Mapping[str, Any]) -> str:
    name = table.get("name")
    return f"host {place} ({name})" if isinstance(name, str) and name else f"host {place}"


def _parse(data: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Invalid(f"{path}:{line}: this is no text in UTF-8 (byte 0x{data[error.start]:02x})") from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(_with_line(path, str(error))) from error
    except RecursionError as error:
        raise Invalid(f"{path}: it is nested too deeply") from error


def _with_line(path: str, text: str) -> str:
    """Put the place of a syntax error, which is in words at the end of its text, in front."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", text, re.DOTALL)
    return f"{path}:{found[2]}: {found[1]}" if found else f"{path}: {text}"
