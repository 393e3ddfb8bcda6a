"""Commands that only say something, or wait: `echo`, `true`, `sleep`, `env`, `test`..."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import trio

from swarmkit.engine.times import SECOND
from swarmkit.errors import Invalid

from ..process import Process
from ..signals import TERM, parse_signal

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|0?[0-7]{1,3}|.)", re.DOTALL)


def unescaped(text: str) -> bytes:
    """Replace backslash escapes, as `echo -e` and `printf` do; bytes, as an escape may be half a character."""

    def replace(match: re.Match[str]) -> str:
        word = match[1]
        if word[0] == "x" and len(word) > 1:
            return chr(0xDC00 + int(word[1:], 16)) if int(word[1:], 16) > 127 else chr(int(word[1:], 16))
        if word[0] in "01234567":
            value = int(word, 8) & 0xFF
            return chr(0xDC00 + value) if value > 127 else chr(value)
        return _ESCAPES.get(word, f"\\{word}")

    return _ESCAPE.sub(replace, text).encode("utf-8", "surrogateescape")


async def true(process: Process) -> int:
    await trio.lowlevel.checkpoint()
    return 0


async def false(process: Process) -> int:
    await trio.lowlevel.checkpoint()
    return 1


async def echo(process: Process) -> int:
    words, flags = list(process.argv[1:]), ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags += words.pop(0)[1:]
    text = " ".join(words)
    data = unescaped(text) if "e" in flags else text.encode("utf-8", "surrogateescape")
    await process.stdout.write(data if "n" in flags else data + b"\n")
    return 0


async def printf(process: Process) -> int:
    if len(process.argv) < 2:
        return await process.complain("missing format")
    form, words = process.argv[1], list(process.argv[2:])
    while True:
        used = len(words)
        await process.stdout.write(unescaped(_format(form, words)))
        if not words or len(words) == used:
            return 0


def _format(form: str, words: list[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        flags, kind = match[1], match[2]
        if kind == "%":
            return "%"
        word = words.pop(0) if words else ""
        if kind in "di":
            return f"%{flags}d" % int(word or "0")
        return f"%{flags}s" % word.replace("\\", "\\\\")

    return re.sub(r"%([-0-9.]*)([sdi%])", replace, form)


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


async def sleep(process: Process) -> int:
    seconds = 0.0
    for word in process.argv[1:]:
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smhd]?)", word)
        if match is None and word not in ("inf", "infinity"):
            return await process.complain(f"invalid number '{word}'")
        seconds += float(match[1]) * _UNITS[match[2]] if match else 1e9
    if len(process.argv) < 2:
        return await process.complain("missing operand")
    await process.sleep(seconds)
    return 0


async def env(process: Process) -> int:
    words, variables = list(process.argv[1:]), dict(process.env)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if words:
        return await process.run(words, env=variables)
    await process.stdout.write("".join(f"{name}={value}\n" for name, value in variables.items()).encode())
    return 0


async def hostname(process: Process) -> int:
    await process.say(process.around.hostname)
    return 0


async def uname(process: Process) -> int:
    everything = f"Linux {process.around.hostname} 5.10.0-fake #1 SMP x86_64 GNU/Linux"
    await process.say(everything if "-a" in process.argv else "Linux")
    return 0


async def identity(process: Process) -> int:
    name = process.user.partition(":")[0] or "root"
    number = {"root": "0", "nobody": "65534"}.get(name, name)
    if "-u" in process.argv:
        await process.say(number)
    else:
        name = {"0": "root"}.get(name, name)
        await process.say(f"uid={number}({name}) gid={number}({name}) groups={number}({name})")
    return 0


async def terminal(process: Process) -> int:
    await process.say("/dev/pts/0" if process.tty else "not a tty")
    return 0 if process.tty else 1


async def date(process: Process) -> int:
    now = process.around.clock.now()
    form = next((word[1:] for word in process.argv[1:] if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    moment = datetime.fromtimestamp(now / SECOND, UTC)
    await process.say(moment.strftime(form.replace("%s", str(now // SECOND))))
    return 0


async def kill(process: Process) -> int:
    number, words = TERM, list(process.argv[1:])
    try:
        while words and words[0].startswith("-"):
            word = words.pop(0)[1:]
            number = parse_signal(words.pop(0) if word == "s" and words else word)
    except Invalid:
        return await process.complain(f"bad signal name '{word}'")
    code = 0
    for word in words:
        found = [each for each in process.around.running if str(each.pid) == word or (word == "1" and each.is_init)]
        for each in found:
            each.signal(number)
        if not found:
            code = await process.complain(f"can't kill pid {word}: No such process")
    return code


async def top(process: Process) -> int:
    while True:
        rows = [f"{each.pid:>5} root S {' '.join(each.argv)}" for each in process.around.running]
        await process.stdout.write("\n".join(["  PID USER STAT COMMAND", *rows, ""]).encode())
        if "-b" in process.argv and "-n" in process.argv:
            return 0
        await process.sleep(5)


_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": int.__eq__,
    "-ne": int.__ne__,
    "-lt": int.__lt__,
    "-le": int.__le__,
    "-gt": int.__gt__,
    "-ge": int.__ge__,
}


async def test(process: Process) -> int:
    words = list(process.argv[1:])
    if process.argv[0] == "[" and (not words or words.pop() != "]"):
        await process.complain("missing ]")
        return 2
    await trio.lowlevel.checkpoint()
    try:
        return 0 if _holds(process, words) else 1
    except (ValueError, IndexError):
        await process.complain(f"{' '.join(words)}: unknown operand")
        return 2


def _holds(process: Process, words: list[str]) -> bool:
    match words:
        case []:
            return False
        case ["!", *rest]:
            return not _holds(process, rest)
        case [word]:
            return bool(word)
        case ["-n", word]:
            return bool(word)
        case ["-z", word]:
            return not word
        case ["-t", _]:
            return process.tty
        case [("-e" | "-f" | "-d" | "-s" | "-x" | "-r" | "-w") as kind, name]:
            return _file_is(process, kind, name)
        case [left, ("=" | "=="), right]:
            return left == right
        case [left, "!=", right]:
            return left != right
        case [left, operator, right] if operator in _NUMBERS:
            return _NUMBERS[operator](int(left), int(right))
    raise ValueError(words)


def _file_is(process: Process, kind: str, name: str) -> bool:
    node = process.files.get(process.path(name))
    if node is None:
        return False
    folder = node.is_folder
    return {"-f": not folder, "-d": folder, "-s": bool(node.data), "-x": bool(node.mode & 0o111)}.get(kind, True)


PLAIN_COMMANDS = {
    "true": true,
    "false": false,
    "echo": echo,
    "printf": printf,
    "sleep": sleep,
    "env": env,
    "printenv": env,
    "hostname": hostname,
    "uname": uname,
    "id": identity,
    "tty": terminal,
    "date": date,
    "kill": kill,
    "top": top,
    "test": test,
    "[": test,
}
