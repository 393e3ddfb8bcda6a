"""Commands that read and write text or bytes: `cat`, `head`, `tail`, `wc`, `seq`, `yes`..."""

from __future__ import annotations

import hashlib
import re

import trio

from swarmkit.streams import CHUNK

from ..files import Kind, Missing
from ..process import Input, Process


async def read_file(process: Process, name: str) -> bytes | None:
    """Return a file's content; complain as BusyBox does and return None where there is none."""
    try:
        _, node = process.files.find(process.path(name))
    except Missing:
        await process.complain(f"can't open '{name}': No such file or directory")
        return None
    if node.is_folder:
        await process.complain("read error: Is a directory")
        return None
    return b"" if node.kind is Kind.DEVICE else bytes(node.data)


async def read_all(source: Input) -> bytes:
    """Read an input to its end."""
    parts: list[bytes] = []
    while data := await source.read(CHUNK):
        parts.append(data)
    return b"".join(parts)


async def whole(process: Process, names: list[str]) -> tuple[bytes, int]:
    """Return what the files hold, or standard input without any, and the exit code that it has come to."""
    if not names:
        return await read_all(process.stdin), 0
    parts = [await read_file(process, name) for name in names]
    return b"".join(part for part in parts if part is not None), int(None in parts)


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Part what begins with a dash from the rest."""
    options = [word for word in words if word.startswith("-") and word != "-"]
    return options, [word for word in words if word not in options]


async def cat(process: Process) -> int:
    code = 0
    _, names = split_options(list(process.argv[1:]))
    for name in names or ["-"]:
        if name == "-":
            while data := await process.stdin.read(CHUNK):
                await process.stdout.write(data)
                await process.around.gate.passed()
            continue
        content = await read_file(process, name)
        if content is None:
            code = 1
        else:
            await process.stdout.write(content)
    return code


async def tee(process: Process) -> int:
    options, names = split_options(list(process.argv[1:]))
    now = process.around.clock.now()
    nodes = [process.files.open(process.path(name), now, append="-a" in options) for name in names]
    while data := await process.stdin.read(CHUNK):
        await process.stdout.write(data)
        for node in nodes:
            node.data += data
    return 0


def _count(words: list[str], default: int) -> tuple[str, int, list[str]]:
    """Read `-n 5`, `-n5`, `-5` or `-c 5`; return what is counted, how many, and the other words."""
    what, count, rest, left = "n", default, [], list(words)
    while left:
        word = left.pop(0)
        match = re.fullmatch(r"-([nc])?(\+?\d*)", word)
        if match is None or word == "-":
            rest.append(word)
            continue
        what = match[1] or "n"
        count = int(match[2] or left.pop(0))
    return what, count, rest


async def head(process: Process) -> int:
    what, count, names = _count(list(process.argv[1:]), 10)
    if not names and what == "n":
        for _ in range(count):
            await process.stdout.write(await process.stdin.read_line())
        return 0
    data, code = await whole(process, names)
    await process.stdout.write(data[:count] if what == "c" else b"".join(data.splitlines(keepends=True)[:count]))
    return code


async def tail(process: Process) -> int:
    words = [word for word in process.argv[1:] if word not in ("-f", "-F")]
    what, count, names = _count(words, 10)
    data, code = await whole(process, names)
    lines = data.splitlines(keepends=True)
    if count:
        await process.stdout.write(data[-count:] if what == "c" else b"".join(lines[-count:]))
    if len(words) + 1 < len(process.argv) and not code:
        await _follow(process, names)
    return code


async def _follow(process: Process, names: list[str]) -> None:
    """Write what is added to the files, looking once a second as BusyBox does; without any, wait for ever."""
    nodes = [process.files.get(process.path(name)) for name in names]
    sizes = [len(node.data) if node else 0 for node in nodes]
    while True:
        await process.sleep(1)
        for index, node in enumerate(nodes):
            if node is not None and len(node.data) > sizes[index]:
                await process.stdout.write(bytes(node.data[sizes[index] :]))
                sizes[index] = len(node.data)


async def wc(process: Process) -> int:
    options, names = split_options(list(process.argv[1:]))
    data, code = await whole(process, names)
    counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
    wanted = [key for key in "lwc" if any(key in option for option in options)] or list("lwc")
    numbers = [str(counts[key]) for key in wanted]
    text = numbers[0] if len(numbers) == 1 else " ".join(f"{number:>9}" for number in numbers)
    await process.say(" ".join([text, *names]))
    return code


async def grep(process: Process) -> int:
    options, words = split_options(list(process.argv[1:]))
    if not words:
        return await process.complain("missing pattern")
    data, _ = await whole(process, words[1:])
    pattern = re.compile(words[0].encode(), re.IGNORECASE if "-i" in options else 0)
    lines = [line for line in data.splitlines() if bool(pattern.search(line)) != ("-v" in options)]
    if "-c" in options:
        await process.say(str(len(lines)))
    elif "-q" not in options:
        await process.stdout.write(b"".join(line + b"\n" for line in lines))
    return 0 if lines else 1


async def digest(process: Process) -> int:
    kind = process.name.removesuffix("sum")
    names = list(process.argv[1:])
    code = 0
    for name in names or ["-"]:
        data = (await whole(process, []))[0] if name == "-" else await read_file(process, name)
        if data is None:
            code = 1
        else:
            await process.say(f"{hashlib.new(kind, data).hexdigest()}  {name}")
    return code


async def yes(process: Process) -> int:
    line = (" ".join(process.argv[1:]) or "y").encode() + b"\n"
    while True:
        await process.stdout.write(line * (4096 // len(line) + 1))
        await process.around.gate.passed()


async def seq(process: Process) -> int:
    try:
        numbers = [int(word) for word in process.argv[1:]]
        first, step, last = {1: (1, 1, *numbers), 2: (*numbers[:1], 1, *numbers[1:]), 3: tuple(numbers)}[len(numbers)]
    except (ValueError, KeyError):
        return await process.complain("invalid argument")
    for number in range(first, last + (1 if step > 0 else -1), step):
        await process.say(str(number))
    await trio.lowlevel.checkpoint()
    return 0


TEXT_COMMANDS = {
    "cat": cat,
    "tee": tee,
    "head": head,
    "tail": tail,
    "wc": wc,
    "grep": grep,
    "md5sum": digest,
    "sha1sum": digest,
    "sha256sum": digest,
    "yes": yes,
    "seq": seq,
}
