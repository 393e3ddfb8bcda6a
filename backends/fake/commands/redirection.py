"""Where a shell's commands read and write: pipes, files, and what redirections make of them."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import trio
from attrs import define

from swarmkit.streams import BytesStream, PipeSender

from ..files import Missing, Unsuitable
from ..process import Input, Process
from .expansion import expand_one
from .syntax import Redirect

if TYPE_CHECKING:
    from .interpreter import Shell


@define(eq=False)
class PipeWriter:
    """The writing end of a pipe between two processes."""

    sender: PipeSender

    async def write(self, data: bytes) -> None:
        await self.sender.send_all(data)


@define(eq=False)
class FileWriter:
    """A file opened for writing."""

    data: bytearray

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.data += data


@define(eq=False)
class Discard:
    """`/dev/null`."""

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()


async def redirected(shell: Shell, redirects: tuple[Redirect, ...]) -> Process:
    """Return the process with its streams redirected. Raises OSError in the shell's words."""
    if not redirects:
        return shell.process
    process = copy(shell.process)  # one process all the same: its signals and its pid are shared
    streams = {1: process.stdout, 2: process.stderr}
    for redirect in redirects:
        target = await expand_one(shell, redirect.target)
        if redirect.kind == "<":
            process.stdin = _reader(process, target)
        elif redirect.kind == ">&":
            streams[redirect.descriptor] = streams.get(int(target) if target.isdigit() else 1, process.stdout)
        else:
            streams[redirect.descriptor] = _writer(process, target, append=redirect.kind == ">>")
    process.stdout, process.stderr = streams[1], streams[2]
    return process


def _reader(process: Process, name: str) -> Input:
    try:
        _, node = process.files.find(process.path(name))
    except Missing as error:
        raise OSError(f"can't open {name}: no such file") from error
    return Input(BytesStream(bytes(node.data)))


def _writer(process: Process, name: str, *, append: bool) -> FileWriter | Discard:
    path = process.path(name)
    if path == "/dev/null":
        return Discard()
    try:
        return FileWriter(process.files.open(path, process.around.clock.now(), append=append).data)
    except Missing as error:
        raise OSError(f"can't create {name}: nonexistent directory") from error
    except Unsuitable as error:
        raise OSError(f"can't create {name}: {error}") from error
