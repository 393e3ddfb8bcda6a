"""The shell's tokens: operators, and words with what is quoted and what is to be expanded in them."""

from __future__ import annotations

import re

from attrs import evolve, field, frozen

from .syntax import Piece, ShellSyntaxError, Word

_OPERATOR = re.compile(r"(\d*)(>>|>&|<&|>|<)|(&&|\|\||;;|[;&|()\n])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?$#@*!-]")
_PLAIN_END = re.compile(r"[\s;&|()<>'\"\\$`]")


@frozen
class Token:
    """An operator, or a word. `descriptor` is a redirect's file descriptor."""

    operator: str = ""
    word: Word = ()
    descriptor: int = 0
    plain: str = field(default="")
    """What it reads like where nothing in it is quoted, for keywords."""

    def without(self, count: int) -> Word:
        """Return the word less its first characters."""
        first = self.word[0]
        return (evolve(first, text=first.text[count:]), *self.word[1:])


def tokens_of(text: str) -> list[Token]:
    """Split a script into tokens. Raises `ShellSyntaxError` for quotes that are not closed."""
    lexer = _Lexer(text)
    tokens: list[Token] = []
    while (token := lexer.next()) is not None:
        tokens.append(token)
    return tokens


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def _rest(self, length: int = 1) -> str:
        return self._text[self._position : self._position + length]

    def next(self) -> Token | None:
        self._skip_blanks()
        if self._position >= len(self._text):
            return None
        match = _OPERATOR.match(self._text, self._position)
        if match is not None:
            self._position = match.end()
            if match[3]:
                return Token(match[3], plain=match[3])
            default = 0 if match[2].startswith("<") else 1
            return Token(match[2], descriptor=int(match[1]) if match[1] else default, plain=match[2])
        return self._word()

    def _skip_blanks(self) -> None:
        while self._position < len(self._text):
            if self._rest(2) == "\\\n":
                self._position += 2
            elif self._rest() in " \t\r":
                self._position += 1
            elif self._rest() == "#":
                end = self._text.find("\n", self._position)
                self._position = len(self._text) if end < 0 else end
            else:
                return

    def _word(self) -> Token:
        pieces: list[Piece] = []
        while self._position < len(self._text) and self._rest() not in " \t\r\n;&|()<>":
            pieces += self._pieces()
        plain = pieces[0].text if len(pieces) == 1 and pieces[0].kind == "text" and not pieces[0].quoted else ""
        return Token(word=tuple(pieces), plain=plain)

    def _pieces(self) -> list[Piece]:
        character = self._rest()
        if character == "'":
            return [Piece("text", self._until("'", 1), True)]
        if character == '"':
            return self._double_quoted()
        if character == "\\":
            self._position += 2
            return [Piece("text", self._text[self._position - 1 : self._position], True)]
        if character in "$`":
            return [self._expansion(quoted=False)]
        end = _PLAIN_END.search(self._text, self._position)
        start, self._position = self._position, end.start() if end else len(self._text)
        return [Piece("text", self._text[start : self._position], False)]

    def _until(self, end: str, skip: int) -> str:
        """Take what follows `skip` characters, up to an end that is left out."""
        start = self._position + skip
        found = self._text.find(end, start)
        if found < 0:
            raise ShellSyntaxError("syntax error: unterminated quoted string")
        self._position = found + len(end)
        return self._text[start:found]

    def _double_quoted(self) -> list[Piece]:
        self._position += 1
        pieces: list[Piece] = [Piece("text", "", True)]
        while self._rest() != '"':
            if not self._rest():
                raise ShellSyntaxError("syntax error: unterminated quoted string")
            if self._rest() in "$`":
                pieces.append(self._expansion(quoted=True))
                continue
            if self._rest() == "\\" and self._rest(2)[1:] in '$`"\\\n':
                self._position += 1
            pieces.append(Piece("text", self._rest(), True))
            self._position += 1
        self._position += 1
        return pieces

    def _expansion(self, *, quoted: bool) -> Piece:
        if self._rest() == "`":
            return Piece("command", self._until("`", 1), quoted)
        if self._rest(3) == "$((":
            return Piece("number", self._until("))", 3), quoted)
        if self._rest(2) == "$(":
            return Piece("command", self._balanced(), quoted)
        if self._rest(2) == "${":
            return Piece("variable", self._until("}", 2), quoted)
        match = _NAME.match(self._text, self._position + 1)
        if match is None:
            self._position += 1
            return Piece("text", "$", quoted)
        self._position = match.end()
        return Piece("variable", match[0], quoted)

    def _balanced(self) -> str:
        """Take what stands in `$( )`, brackets within it included; quotes in it are not looked at."""
        start, depth = self._position + 2, 1
        for position in range(start, len(self._text)):
            depth += {"(": 1, ")": -1}.get(self._text[position], 0)
            if not depth:
                self._position = position + 1
                return self._text[start:position]
        raise ShellSyntaxError('syntax error: unexpected end of file (expecting ")")')
