"""The command `sh`: a script of `-c`, of a file, or of standard input, run line by line."""

from __future__ import annotations

from ..files import Missing
from ..process import Process
from .builtins import BUILTINS
from .interpreter import Shell
from .parser import parse_script
from .syntax import Node, ShellSyntaxError

PROMPT = b"/ # "


async def sh(process: Process) -> int:
    words = list(process.argv[1:])
    options = []
    while words and words[0].startswith("-") and len(words[0]) > 1:
        options.append(words.pop(0)[1:])
    letters = "".join(options)
    if "c" in letters:
        if not words:
            await process.stderr.write(b"sh: -c requires an argument\n")
            return 2
        text, arguments = words[0], words[1:] or ["sh"]
    elif words:
        try:
            text, arguments = process.files.find(process.path(words[0]))[1].data.decode(errors="replace"), words
        except Missing:
            await process.stderr.write(f"sh: can't open '{words[0]}': No such file or directory\n".encode())
            return 2
    else:
        return await _interactive(process, letters)
    shell = Shell(process, BUILTINS, arguments, stop_on_error="e" in letters)
    return await shell.run_script(text)


async def _interactive(process: Process, letters: str) -> int:
    """Run standard input, a command as soon as it is whole; with a prompt where it is a terminal."""
    shell = Shell(process, BUILTINS, ["sh"], stop_on_error="e" in letters)
    shows = process.tty or "i" in letters
    text = ""
    while True:
        if shows:
            await process.stderr.write(PROMPT if not text else b"> ")
        line = (await process.stdin.read_line()).decode(errors="replace")
        text += line
        try:
            script: Node = parse_script(text)
        except ShellSyntaxError:
            if line and _unfinished(text):
                continue
            await shell.run_script(text)  # which says what is wrong with it
        else:
            await shell.run_main(script)
        if not line:
            return await shell.finish()
        text = ""


def _unfinished(text: str) -> bool:
    try:
        parse_script(text)
    except ShellSyntaxError as error:
        return "end of file" in str(error) or "unterminated" in str(error)
    return False


SHELL_COMMANDS = {"sh": sh, "ash": sh}
