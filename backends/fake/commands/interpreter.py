"""What runs the shell's syntax tree. Each shell has its variables; a subshell begins with copies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

import trio
from attrs import define, evolve, field

from swarmkit.streams import PipeSender, open_pipe

from ..process import BROKEN_PIPE, Exit, Input, Process
from ..programs import NotExecutable
from .expansion import expand, expand_one
from .parser import parse_script
from .redirection import FileWriter, PipeWriter, redirected
from .syntax import (
    Chain,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
    Word,
)


class LoopControl(Exception):
    """`break` or `continue`."""

    def __init__(self, again: bool) -> None:
        super().__init__(again)
        self.again = again


class Return(Exception):
    """`return` from a function."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


Builtin = Callable[["Shell", list[str]], Awaitable[int]]
"""A command that a shell does itself."""


@define(eq=False)
class Shell:
    """A shell over a process, whose environment and streams it has."""

    process: Process
    builtins: Mapping[str, Builtin]
    arguments: list[str]
    stop_on_error: bool = False
    status: int = 0
    variables: dict[str, str] = field(factory=dict)
    functions: dict[str, Node] = field(factory=dict)
    traps: dict[int, str] = field(factory=dict)

    async def run_script(self, text: str) -> int:
        """Run a whole script to its end, or to its `exit`; return its exit code."""
        try:
            script = parse_script(text)
        except ShellSyntaxError as error:
            await self.process.stderr.write(f"sh: {error}\n".encode())
            self.status = 2
            return 2
        await self.run_main(script)
        return await self.finish()

    async def run_main(self, script: Node) -> None:
        """Run a part of the main script; a `break` or `return` out of nothing ends it."""
        with suppress(LoopControl, Return):
            await self.run(script)

    async def finish(self) -> int:
        """Run what was set to run at the exit; return the exit code of before."""
        status = self.status
        if 0 in self.traps:
            await self.run(parse_script(self.traps.pop(0)))
        return status

    async def run(self, node: Node) -> int:
        """Run a node and return its status, which is `$?` from then on."""
        await trio.lowlevel.checkpoint()  # `while true; do true; done` must be cancellable
        self.status = await self._runner(node)
        return self.status

    def _runner(self, node: Node) -> Awaitable[int]:
        match node:
            case Sequence():
                return self._sequence(node)
            case Chain():
                return self._chain(node)
            case Pipeline():
                return self._pipeline(node)
            case If():
                return self._if(node)
            case While():
                return self._while(node)
            case For():
                return self._for(node)
            case Group():
                return self._group(node)
            case Function():
                return self._define(node)
            case Simple():
                return self._simple(node)

    async def _define(self, node: Function) -> int:
        self.functions[node.name] = node.body
        return 0

    async def _sequence(self, node: Sequence) -> int:
        for item, in_background in node.items:
            if in_background:
                self.process.around.nursery.start_soon(self.subshell().run_alone, item)
                self.status = 0
                continue
            await self.run(item)
            await self.run_traps()
            if self.stop_on_error and self.status and not isinstance(item, Chain):
                raise Exit(self.status)
        return self.status

    async def run_traps(self) -> bool:
        """Run what is due for signals that have come; return whether there was something."""
        due = [number for number in self.traps if number and self.process.catch(number).is_set()]
        for number in due:
            self.process.uncatch(number)
            self.process.catch(number)
            await self.run(parse_script(self.traps[number]))
        return bool(due)

    async def run_alone(self, node: Node) -> int:
        """Run a node in a shell that ends with it; return its exit code."""
        try:
            return await self.run(node)
        except (Exit, Return) as stop:
            return stop.code
        except LoopControl:
            return self.status
        except trio.BrokenResourceError:
            return BROKEN_PIPE

    async def capture(self, text: str) -> str:
        """Return what a script writes, without the line ends at its end; its status becomes `$?`."""
        inner = self.subshell()
        writer = FileWriter(bytearray())
        inner.process.stdout = writer
        self.status = await inner.run_alone(parse_script(text))
        return writer.data.decode("utf-8", "surrogateescape").rstrip("\n")

    async def _chain(self, node: Chain) -> int:
        status = await self.run(node.first)
        for operator, item in node.rest:
            if (operator == "&&") == (status == 0):
                status = await self.run(item)
        return status

    async def _if(self, node: If) -> int:
        for condition, body in node.branches:
            if await self.run(condition) == 0:
                return await self.run(body)
        return await self.run(node.otherwise) if node.otherwise is not None else 0

    async def _while(self, node: While) -> int:
        status = 0
        while (await self.run(node.condition) == 0) != node.until:
            try:
                status = await self.run(node.body)
            except LoopControl as control:
                if not control.again:
                    break
        return status

    async def _for(self, node: For) -> int:
        status = 0
        for value in await self.words(node.words):
            self.variables[node.name] = value
            try:
                status = await self.run(node.body)
            except LoopControl as control:
                if not control.again:
                    break
        return status

    async def _group(self, node: Group) -> int:
        shell = self.subshell() if node.subshell or node.redirects else self
        try:
            shell.process = await redirected(shell, node.redirects)
        except OSError as error:
            return await self._complain(str(error))
        if node.subshell:
            return await shell.run_alone(node.body)
        shell.variables, shell.functions = self.variables, self.functions
        try:
            return await shell.run(node.body)
        finally:
            self.process.cwd = shell.process.cwd

    def subshell(self) -> Shell:
        """Return a shell that begins as this one is."""
        return evolve(
            self,
            process=evolve(self.process, env=dict(self.process.env)),
            variables=dict(self.variables),
            functions=dict(self.functions),
            traps={},
        )

    async def _pipeline(self, node: Pipeline) -> int:
        if len(node.commands) == 1:
            return int(not await self.run(node.commands[0]))
        statuses = [0] * len(node.commands)
        source: Input | None = None
        async with trio.open_nursery() as nursery:
            for index, command in enumerate(node.commands):
                shell = self.subshell()
                sender = None
                shell.process.stdin = source or shell.process.stdin
                if index + 1 < len(node.commands):
                    sender, receiver = open_pipe()
                    shell.process.stdout, source = PipeWriter(sender), Input(receiver)
                nursery.start_soon(_run_stage, shell, command, sender, statuses, index)
        return int(not statuses[-1]) if node.negated else statuses[-1]

    async def words(self, words: tuple[Word, ...]) -> list[str]:
        """Expand words."""
        return [text for word in words for text in await expand(self, word)]

    async def _simple(self, node: Simple) -> int:
        words = await self.words(node.words)
        values = {name: await expand_one(self, word) for name, word in node.assignments}
        try:
            process = await redirected(self, node.redirects)
        except OSError as error:
            return await self._complain(str(error))
        if not words:
            self.assign(values)
            return self.status if any(piece.kind == "command" for _, word in node.assignments for piece in word) else 0
        if words[0] in self.functions:
            return await self._call(words, process)
        if words[0] in self.builtins:
            self.assign(values)
            return await self._within(process, partial(self.builtins[words[0]], self, words[1:]))
        return await self.execute(process, words, {**self.process.env, **values})

    async def execute(self, process: Process, words: list[str], env: dict[str, str]) -> int:
        """Run a command that is not the shell's own."""
        try:
            return await process.run(words, env=env)
        except NotExecutable as error:
            text = "not found" if error.code == 127 else "Permission denied"
            await process.stderr.write(f"sh: {words[0]}: {text}\n".encode())
            return error.code

    async def _call(self, words: list[str], process: Process) -> int:
        arguments, self.arguments = self.arguments, [self.arguments[0], *words[1:]]
        try:
            return await self._within(process, partial(self.run, self.functions[words[0]]))
        except Return as stop:
            return stop.code
        finally:
            self.arguments = arguments

    async def _within(self, process: Process, work: Callable[[], Awaitable[int]]) -> int:
        """Do some work with redirected streams."""
        saved, self.process = self.process, process
        try:
            return await work()
        finally:
            saved.cwd = process.cwd
            self.process = saved

    def assign(self, values: dict[str, str]) -> None:
        """Set variables; those of the environment there."""
        for name, value in values.items():
            (self.process.env if name in self.process.env else self.variables)[name] = value

    async def _complain(self, text: str) -> int:
        await self.process.stderr.write(f"sh: {text}\n".encode())
        return 1


async def _run_stage(shell: Shell, command: Node, sender: PipeSender | None, statuses: list[int], index: int) -> None:
    """Run one command of a pipeline, and end its pipes with it."""
    try:
        statuses[index] = await shell.run_alone(command)
    finally:
        if sender is not None:
            sender.send_eof()
        if index:
            with trio.CancelScope(shield=True):
                await shell.process.stdin.close()
