"""A parser for the part of the shell's language that tests use (POSIX.1-2017, Shell Command Language).

Not here: here-documents, `case`, and patterns that expand to file names.
"""

from __future__ import annotations

import re

from .lexer import Token, tokens_of
from .syntax import (
    Chain,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
    Word,
)

_CLOSING = frozenset({"then", "do", "done", "fi", "else", "elif", "}"})
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")


def parse_script(text: str) -> Node:
    """Parse a script. Raises `ShellSyntaxError`."""
    parser = _Parser(tokens_of(text))
    script = parser.sequence()
    if parser.token is not None:
        raise parser.unexpected()
    return script


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def token(self) -> Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def unexpected(self) -> ShellSyntaxError:
        token = self.token
        what = "end of file" if token is None else "newline" if token.operator == "\n" else f'"{token.plain}"'
        return ShellSyntaxError(f"syntax error: unexpected {what}")

    def _at(self, *operators: str) -> bool:
        return self.token is not None and self.token.operator in operators

    def _take(self) -> Token:
        token = self.token
        if token is None:
            raise self.unexpected()
        self._position += 1
        return token

    def _keyword(self, *words: str) -> bool:
        return self.token is not None and self.token.plain in words and not self.token.operator

    def _expect(self, word: str) -> None:
        if self.token is None or self.token.plain != word:
            raise self.unexpected()
        self._position += 1

    def _skip_newlines(self) -> None:
        while self._at("\n"):
            self._position += 1

    def sequence(self) -> Sequence:
        items: list[tuple[Node, bool]] = []
        self._skip_newlines()
        while self.token is not None and not self._at(")") and not self._keyword(*_CLOSING):
            chain = self._chain()
            items.append((chain, self._at("&")))
            if self._at(";", "&", "\n"):
                self._position += 1
            elif self.token is not None and not self._at(")"):
                raise self.unexpected()
            self._skip_newlines()
        return Sequence(tuple(items))

    def _block(self) -> Sequence:
        block = self.sequence()
        if not block.items:
            raise self.unexpected()
        return block

    def _chain(self) -> Node:
        first = self._pipeline()
        rest: list[tuple[str, Node]] = []
        while self._at("&&", "||"):
            operator = self._take().operator
            self._skip_newlines()
            rest.append((operator, self._pipeline()))
        return Chain(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Node:
        negated = self._keyword("!")
        if negated:
            self._position += 1
        commands = [self._command()]
        while self._at("|"):
            self._position += 1
            self._skip_newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    def _command(self) -> Node:
        compound = self._compound()
        if compound is None:
            return self._simple()
        redirects = self._redirects()
        return Group(compound, redirects) if redirects else compound

    def _compound(self) -> Node | None:
        if self._at("("):
            self._position += 1
            body = self._block()
            self._expect(")")
            return Group(body, (), subshell=True)
        if self._keyword("{"):
            self._position += 1
            body = self._block()
            self._expect("}")
            return body
        if self._keyword("if"):
            return self._if()
        if self._keyword("while", "until"):
            until = self._take().plain == "until"
            condition = self._block()
            return While(condition, self._loop_body(), until)
        if self._keyword("for"):
            return self._for()
        return None

    def _if(self) -> If:
        branches: list[tuple[Node, Node]] = []
        while self._keyword("if", "elif"):
            self._position += 1
            condition = self._block()
            self._expect("then")
            branches.append((condition, self._block()))
        otherwise = None
        if self._keyword("else"):
            self._position += 1
            otherwise = self._block()
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _for(self) -> For:
        self._expect("for")
        name = self._take().plain
        self._expect("in")
        words: list[Word] = []
        while not self._at(";", "\n"):
            words.append(self._take().word)
        self._position += 1
        return For(name, tuple(words), self._loop_body())

    def _loop_body(self) -> Node:
        self._skip_newlines()
        self._expect("do")
        body = self._block()
        self._expect("done")
        return body

    def _redirects(self) -> tuple[Redirect, ...]:
        redirects: list[Redirect] = []
        while self.token is not None and self.token.operator in (">", ">>", "<", ">&", "<&"):
            token = self._take()
            if self.token is None or self.token.operator:
                raise self.unexpected()
            redirects.append(Redirect(token.descriptor, token.operator, self._take().word))
        return tuple(redirects)

    def _simple(self) -> Node:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while self.token is not None:
            redirects += self._redirects()
            if self.token is None or self.token.operator:
                break
            token = self._take()
            match = _ASSIGNMENT.match(token.word[0].text) if token.word and not token.word[0].quoted else None
            if match and not words and token.word[0].kind == "text":
                assignments.append((match[1], token.without(match.end())))
            else:
                words.append(token.word)
        if len(words) == 1 and self._at("(") and not assignments:
            return self._function(words[0])
        if not (assignments or words or redirects):
            raise self.unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _function(self, name: Word) -> Function:
        self._expect("(")
        self._expect(")")
        self._skip_newlines()
        return Function(name[0].text, self._command())
