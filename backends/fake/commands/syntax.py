"""The shell's syntax tree, and the words that its leaves are made of."""

from __future__ import annotations

from attrs import frozen


class ShellSyntaxError(Exception):
    """A script that cannot be parsed; the text says at what."""


@frozen
class Piece:
    """A part of a word. `kind` is "text", "variable", "command" or "number" (an arithmetic expansion)."""

    kind: str
    text: str
    quoted: bool


Word = tuple[Piece, ...]


@frozen
class Redirect:
    """`2>&1` is (2, ">&", "1"); the target of the other kinds is a file."""

    descriptor: int
    kind: str
    target: Word


@frozen
class Simple:
    """A command with the assignments before it."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@frozen
class Pipeline:
    commands: tuple[Node, ...]
    negated: bool


@frozen
class Chain:
    """Pipelines joined by `&&` and `||`."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@frozen
class Sequence:
    """Chains one after the other; those marked run in the background."""

    items: tuple[tuple[Node, bool], ...]


@frozen
class If:
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@frozen
class While:
    condition: Node
    body: Node
    until: bool


@frozen
class For:
    name: str
    words: tuple[Word, ...]
    body: Node


@frozen
class Function:
    name: str
    body: Node


@frozen
class Group:
    """`{ ...; }`, or `( ... )` with variables of its own; and any compound command that has redirects."""

    body: Node
    redirects: tuple[Redirect, ...]
    subshell: bool = False


Node = Simple | Pipeline | Chain | Sequence | If | While | For | Function | Group
