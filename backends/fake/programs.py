"""Which function a command's name means in a container, and what the engine says where it means none."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from .files import File, Files, Kind, Missing

if TYPE_CHECKING:
    from .process import Process

FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
"""Where commands are found whether or not the image has a file of that name there."""


class NotExecutable(Exception):
    """A command that cannot be run; the text is the runtime's, `code` what a shell exits with."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Programs:
    """Commands by name. Each is found under its bare name and in the usual folders, in every image."""

    def __init__(self, programs: Mapping[str, Callable[[Process], Awaitable[int]]]) -> None:
        self._programs = dict(programs)

    def add(self, name: str, program: Callable[[Process], Awaitable[int]]) -> None:
        """Add a command, or replace one."""
        self._programs[name] = program

    def find(self, word: str, files: Files, env: Mapping[str, str]) -> Callable[[Process], Awaitable[int]]:
        """Return the function that a command's first word means; raise `NotExecutable`."""
        if "/" in word:
            return self._at(word, files)
        if word in self._programs:
            return self._programs[word]
        for folder in env.get("PATH", "").split(":"):
            node = files.get(posixpath.join(folder, word))
            if node is not None and _is_executable(node):
                return self._script(node)
        raise NotExecutable(f'exec: "{word}": executable file not found in $PATH', 127)

    def _at(self, path: str, files: Files) -> Callable[[Process], Awaitable[int]]:
        folder, name = posixpath.split(path)
        try:
            _, node = files.find(path)
        except Missing:
            if folder in FOLDERS and name in self._programs:
                return self._programs[name]
            raise NotExecutable(f'exec: "{path}": stat {path}: no such file or directory', 127) from None
        if not _is_executable(node):
            raise NotExecutable(f'exec: "{path}": permission denied', 126)
        if name in self._programs and not node.data.startswith(b"#!"):
            return self._programs[name]
        return self._script(node)

    def _script(self, node: File) -> Callable[[Process], Awaitable[int]]:
        """Return the function of an executable file: its interpreter, given the file."""
        first = bytes(node.data[:200]).partition(b"\n")[0].decode(errors="replace")
        words = first.removeprefix("#!").split() if first.startswith("#!") else []
        name = posixpath.basename(words[0]) if words else ""
        if name not in self._programs:
            raise NotExecutable("exec format error", 126)
        interpreter = self._programs[name]

        async def run(process: Process) -> int:
            process.argv = [name, *words[1:], *process.argv]
            return await interpreter(process)

        return run


def require_folder(files: Files, path: str) -> None:
    """Raise NotExecutable where a process cannot begin in this folder: it is not there, or is none."""
    node = files.get(path)
    if node is None or not node.is_folder:
        reason = "no such file or directory" if node is None else "not a directory"
        raise NotExecutable(f'chdir to cwd ("{path}") set in config.json failed: {reason}', 126)


def _is_executable(node: File) -> bool:
    return node.kind is Kind.FILE and bool(node.mode & 0o111)
