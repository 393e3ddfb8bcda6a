"""The commands that a shell does itself, because they change it: `cd`, `exit`, `export`, `read`, `trap`, `wait`..."""

from __future__ import annotations

import posixpath

from swarmkit.errors import Invalid

from ..files import Missing
from ..process import Exit
from ..signals import parse_signal
from .interpreter import Builtin, LoopControl, Return, Shell
from .parser import parse_script


async def cd(shell: Shell, words: list[str]) -> int:
    name = words[0] if words else shell.process.env.get("HOME", "/")
    try:
        path, node = shell.process.files.find(shell.process.path(name))
    except Missing:
        await shell.process.stderr.write(f"sh: cd: line 0: can't cd to {name}: No such file or directory\n".encode())
        return 2
    shell.process.cwd = posixpath.normpath(path) if node.is_folder else shell.process.cwd
    return 0


async def pwd(shell: Shell, words: list[str]) -> int:
    await shell.process.say(shell.process.cwd)
    return 0


async def leave(shell: Shell, words: list[str]) -> int:
    shell.status = int(words[0]) if words else shell.status
    raise Exit(await shell.finish())


async def give_back(shell: Shell, words: list[str]) -> int:
    raise Return(int(words[0]) if words else shell.status)


async def export(shell: Shell, words: list[str]) -> int:
    for word in words:
        name, equals, value = word.partition("=")
        shell.process.env[name] = value if equals else shell.variables.pop(name, shell.process.env.get(name, ""))
    return 0


async def unset(shell: Shell, words: list[str]) -> int:
    for name in words:
        shell.variables.pop(name, None)
        shell.process.env.pop(name, None)
    return 0


async def settings(shell: Shell, words: list[str]) -> int:
    for index, word in enumerate(words):
        if word == "--" or not word.startswith(("-", "+")):
            shell.arguments[1:] = words[index + (word == "--") :]
            break
        if "e" in word:
            shell.stop_on_error = word[0] == "-"
    return 0


async def shift(shell: Shell, words: list[str]) -> int:
    count = int(words[0]) if words else 1
    shell.arguments[1 : 1 + count] = []
    return 0


async def read(shell: Shell, words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-")] or ["REPLY"]
    line = await shell.process.stdin.read_line()
    values = line.decode("utf-8", "surrogateescape").rstrip("\n").strip().split(None, len(names) - 1)
    shell.assign(dict(zip(names, [*values, *[""] * len(names)], strict=False)))
    return 0 if line.endswith(b"\n") else 1


async def nothing(shell: Shell, words: list[str]) -> int:
    return 0


async def evaluate(shell: Shell, words: list[str]) -> int:
    return await shell.run(parse_script(" ".join(words)))


async def replace(shell: Shell, words: list[str]) -> int:
    """`exec`: the command takes the shell's place, its standing as the first process included."""
    if not words:
        return 0
    raise Exit(await shell.execute(shell.process, words, dict(shell.process.env)))


async def loop_break(shell: Shell, words: list[str]) -> int:
    raise LoopControl(again=False)


async def loop_continue(shell: Shell, words: list[str]) -> int:
    raise LoopControl(again=True)


async def trap(shell: Shell, words: list[str]) -> int:
    """Set what is run on a signal; it runs once the command in the foreground has ended, or at once in `wait`."""
    command, *names = words or [""]
    for name in names:
        try:
            number = 0 if name in ("EXIT", "0") else parse_signal(name)
        except Invalid:
            await shell.process.stderr.write(f"sh: trap: {name}: invalid signal specification\n".encode())
            return 1
        if command == "-":
            shell.traps.pop(number, None)
            shell.process.uncatch(number)
        else:
            shell.traps[number] = command
            if number:
                shell.process.catch(number)
    return 0


async def wait(shell: Shell, words: list[str]) -> int:
    """Wait until the children have ended, or a signal comes that is handled."""
    while shell.process.children():
        await shell.process.around.changed.wait()
        if await shell.run_traps():
            return 128
    return 0


BUILTINS: dict[str, Builtin] = {
    "cd": cd,
    "pwd": pwd,
    "exit": leave,
    "return": give_back,
    "export": export,
    "unset": unset,
    "set": settings,
    "shift": shift,
    "read": read,
    ":": nothing,
    "eval": evaluate,
    "exec": replace,
    "break": loop_break,
    "continue": loop_continue,
    "trap": trap,
    "wait": wait,
}
