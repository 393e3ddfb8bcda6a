"""Commands that change files or list them: `ls`, `mkdir`, `rm`, `touch`, `cp`, `mv`, `ln`, `chmod`."""

from __future__ import annotations

import posixpath

import trio
from attrs import evolve

from ..files import File, Kind, Missing, Unsuitable, folder, link
from ..process import Process
from .text import split_options

_LETTERS = {Kind.FILE: "-", Kind.FOLDER: "d", Kind.LINK: "l", Kind.DEVICE: "c"}


async def ls(process: Process) -> int:
    options, names = split_options(list(process.argv[1:]))
    letters = "".join(option[1:] for option in options)
    code = 0
    for name in names or ["."]:
        try:
            path, node = process.files.find(process.path(name))
        except Missing:
            code = await process.complain(f"{name}: No such file or directory")
            continue
        listed = node.is_folder and "d" not in letters
        children = process.files.children(path) if listed else [name]
        if listed and len(names) > 1:
            await process.say(f"{name}:")
        shown = [each for each in children if "a" in letters or "A" in letters or not each.startswith(".")]
        for each in shown if listed else children:
            child = process.files.find(posixpath.join(path, each) if listed else path, follow=False)[1]
            await process.say(_long(child, each) if "l" in letters else each)
    return code


def _long(node: File, name: str) -> str:
    bits = "".join(letter if node.mode >> (8 - place) & 1 else "-" for place, letter in enumerate("rwxrwxrwx"))
    arrow = f" -> {node.target}" if node.kind is Kind.LINK else ""
    return f"{_LETTERS[node.kind]}{bits}    1 root     root     {len(node.data):>9} Jan  1 00:00 {name}{arrow}"


async def mkdir(process: Process) -> int:
    options, names = split_options(list(process.argv[1:]))
    code, now = 0, process.around.clock.now()
    for name in names:
        path = process.path(name)
        if "-p" in options:
            process.files.make_folders(path, now)
        elif process.files.get(path) is not None:
            code = await process.complain(f"can't create directory '{name}': File exists")
        else:
            try:
                process.files.put(path, folder(mtime=now))
            except Missing:
                code = await process.complain(f"can't create directory '{name}': No such file or directory")
    return code


async def rm(process: Process) -> int:
    options, names = split_options(list(process.argv[1:]))
    letters = "".join(option[1:] for option in options)
    code = 0
    for name in names:
        try:
            _, node = process.files.find(process.path(name), follow=False)
        except Missing:
            if "f" not in letters:
                code = await process.complain(f"can't remove '{name}': No such file or directory")
            continue
        if node.is_folder and "r" not in letters.lower():
            code = await process.complain(f"'{name}' is a directory")
            continue
        process.files.remove(process.path(name))
    return code


async def touch(process: Process) -> int:
    code = 0
    for name in process.argv[1:]:
        try:
            process.files.open(process.path(name), process.around.clock.now(), append=True)
        except Missing:
            code = await process.complain(f"{name}: No such file or directory")
    await trio.lowlevel.checkpoint()
    return code


async def copy(process: Process) -> int:
    """Both `cp` and `mv`."""
    _, names = split_options(list(process.argv[1:]))
    if len(names) < 2:
        return await process.complain("missing file operand")
    *sources, target = names
    code = 0
    for source in sources:
        try:
            _copy(process, process.path(source), process.path(target))
        except Missing:
            verb = "rename" if process.name == "mv" else "stat"
            code = await process.complain(f"can't {verb} '{source}': No such file or directory")
        except Unsuitable as error:
            code = await process.complain(f"can't create '{target}': {error}")
    return code


def _copy(process: Process, source: str, target: str) -> None:
    files = process.files
    place = files.get(target)
    if place is not None and place.is_folder:
        target = posixpath.join(target, posixpath.basename(source))
    start, _ = files.find(source, follow=False)
    for path, node in list(files.walk(source)):
        files.put(posixpath.normpath(target + path.removeprefix(start)), evolve(node))
    if process.name == "mv":
        files.remove(source)


async def ln(process: Process) -> int:
    _, names = split_options(list(process.argv[1:]))
    target, name = names if len(names) == 2 else (names[0], posixpath.basename(names[0]))
    process.files.put(process.path(name), link(target, process.around.clock.now()))
    await trio.lowlevel.checkpoint()
    return 0


async def chmod(process: Process) -> int:
    _, (mode, *names) = split_options(list(process.argv[1:]))
    code = 0
    for name in names:
        try:
            path, node = process.files.find(process.path(name))
        except Missing:
            code = await process.complain(f"{name}: No such file or directory")
            continue
        bits = int(mode, 8) if mode.isdigit() else node.mode | (0o111 if mode.endswith("x") else 0)
        process.files.put(path, evolve(node, mode=bits))
    return code


FILE_COMMANDS = {
    "ls": ls,
    "mkdir": mkdir,
    "rm": rm,
    "touch": touch,
    "cp": copy,
    "mv": copy,
    "ln": ln,
    "chmod": chmod,
}
