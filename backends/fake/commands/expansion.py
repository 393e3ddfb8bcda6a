"""What the shell puts in place of variables, commands and arithmetic in a word, and how the result splits."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING

from .lexer import tokens_of
from .syntax import Piece, Word

if TYPE_CHECKING:
    from .interpreter import Shell

_DEFAULT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?]):?([-+=])(.*)", re.DOTALL)
_REMOVED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(##?|%%?)(.*)", re.DOTALL)


async def expand(shell: Shell, word: Word) -> list[str]:
    """Expand a word into as many as it becomes; what is not quoted splits at blanks."""
    fields: list[str | None] = [None]
    for piece in word:
        if piece.kind == "variable" and piece.text == "@" and piece.quoted:
            fields = _append_all(fields, shell.arguments[1:])
            continue
        text = await _value(shell, piece)
        if piece.quoted or piece.kind == "text":
            fields[-1] = (fields[-1] or "") + text
        else:
            fields = _append_split(fields, text)
    return [each for each in fields if each is not None]


async def expand_one(shell: Shell, word: Word) -> str:
    """Expand a word that stays one: an assignment's value, a redirect's target."""
    return "".join([await _value(shell, piece) for piece in word])


def _append_all(fields: list[str | None], more: list[str]) -> list[str | None]:
    if not more:
        return fields
    return [*fields[:-1], (fields[-1] or "") + more[0], *more[1:]]


def _append_split(fields: list[str | None], text: str) -> list[str | None]:
    words = text.split()
    if not words:
        return [*fields, None] if text and fields[-1] is not None else fields
    if text[0].isspace() and fields[-1] is not None:
        fields = [*fields, None]
    fields = [*fields[:-1], (fields[-1] or "") + words[0], *words[1:]]
    return [*fields, None] if text[-1].isspace() else fields


async def _value(shell: Shell, piece: Piece) -> str:
    match piece.kind:
        case "variable":
            return await _variable(shell, piece.text)
        case "command":
            return await shell.capture(piece.text)
        case "number":
            return str(_arithmetic(shell, piece.text))
    return piece.text


def lookup(shell: Shell, name: str) -> str | None:
    """Return a variable's or a parameter's value, or None."""
    match name:
        case "?":
            return str(shell.status)
        case "$":
            return "1" if shell.process.is_init else str(shell.process.pid)
        case "#":
            return str(len(shell.arguments) - 1)
        case "@" | "*":
            return " ".join(shell.arguments[1:])
        case "-" | "!":
            return ""
    if name.isdigit():
        return shell.arguments[int(name)] if int(name) < len(shell.arguments) else None
    if name == "PWD":
        return shell.process.cwd
    return shell.variables.get(name, shell.process.env.get(name))


async def _variable(shell: Shell, text: str) -> str:
    if text.startswith("#") and len(text) > 1:
        return str(len(lookup(shell, text[1:]) or ""))
    if match := _DEFAULT.fullmatch(text):
        value = lookup(shell, match[1])
        instead = " ".join([await expand_one(shell, token.word) for token in tokens_of(match[3])])
        if match[2] == "+":
            return instead if value else ""
        if not value and match[2] == "=":
            shell.variables[match[1]] = instead
        return value or instead
    if match := _REMOVED.fullmatch(text):
        return _without(lookup(shell, match[1]) or "", match[2], match[3])
    return lookup(shell, text) or ""


def _without(value: str, kind: str, pattern: str) -> str:
    """Remove the shortest or longest beginning or end that a pattern matches."""
    greedy = len(kind) == 2
    body = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    cuts = range(len(value) + 1)
    if kind[0] == "#":
        ends = [cut for cut in cuts if re.fullmatch(body, value[:cut], re.DOTALL)]
        return value[(max if greedy else min)(ends) :] if ends else value
    starts = [cut for cut in cuts if re.fullmatch(body, value[cut:], re.DOTALL)]
    return value[: (min if greedy else max)(starts)] if starts else value


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _arithmetic(shell: Shell, text: str) -> int:
    """Compute whole numbers with + - * / % and brackets; anything else counts as 0."""
    named = re.sub(r"\$?([A-Za-z_][A-Za-z0-9_]*)", lambda match: lookup(shell, match[1]) or "0", text)
    try:
        return _computed(ast.parse(named.strip().replace("/", "//"), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return 0


def _computed(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return int(_OPERATORS[type(op)](_computed(left), _computed(right)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_computed(operand)
    raise ValueError(ast.dump(node))
