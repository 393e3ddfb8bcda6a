"""A whole pipeline in a file, and where each stage of it is written; `pipeline_words` has the language.

Everything is checked before anything is opened, and what is wrong is told with FILE:LINE.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from attrs import frozen

from .errors import Invalid, SwarmError, error_of, located
from .part import Part, Stage
from .pipeline import Pipeline
from .pipeline_words import Misspelt, Word, split_file
from .registry import Registry

MAX_BYTES = 1 << 20
"""Bytes that a file may have: more is no pipeline, but a device or a mistake."""


@frozen
class PipelineFile:
    """A pipeline that was read from a file, called `name` in messages; `lines` has the line of each stage."""

    name: str
    pipeline: Pipeline
    lines: tuple[int, ...]

    def locate(self, error: SwarmError) -> SwarmError:
        """Return the error with the file, and the line of the stage if it names one, in front of its message."""
        stage = error.details.get("stage", 0)
        return located(error, f"{self.name}:{self.lines[stage - 1]}" if 0 < stage <= len(self.lines) else self.name)


def parse_pipeline_file(path: str | PathLike[str], registry: Registry | None = None) -> Pipeline:
    """Read the pipeline that a file holds; raise a `SwarmError` that begins with FILE:LINE for what is wrong in it.

    A relative path in the file is relative to the working directory, as in a pipeline on the command line.
    """
    return read_pipeline_file(path, registry).pipeline


def read_pipeline_file(path: str | PathLike[str], registry: Registry | None = None) -> PipelineFile:
    """Read the pipeline that a file holds, and where its stages are; see `parse_pipeline_file` for errors."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{name}: cannot be read: {_lower(error.strerror or str(error))}") from error
    return read_pipeline_bytes(data, name, registry)


def read_pipeline_bytes(data: bytes, name: str, registry: Registry | None = None) -> PipelineFile:
    """Read a pipeline from the bytes of a file that is called `name` in messages."""
    registry = registry if registry is not None else Registry()
    try:
        written = split_file(_decode(data))
    except Misspelt as error:
        raise Invalid(f"{name}:{error.line}: {error.message}") from error
    except SwarmError as error:
        raise located(error, name) from error
    if not written:
        raise Invalid(f"{name}: there is no stage in it: the first serves the outside, as with `dockerserver`")
    parts = [_find(words[0], name, registry) for words in written]
    stages = tuple(_parse(part, words, name) for part, words in zip(parts, written, strict=True))
    found = PipelineFile(name, Pipeline(stages), tuple(words[0].line for words in written))
    try:
        found.pipeline.check()
    except SwarmError as error:
        raise found.locate(error) from error
    return found


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Invalid(f"it is longer than {MAX_BYTES} bytes, and so no pipeline")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Misspelt(f"this is no text in UTF-8 (byte 0x{data[error.start]:02x})", line) from error
    if "\0" in text:
        raise Misspelt("this is no text (a zero byte)", text[: text.index("\0")].count("\n") + 1)
    return text.replace("\r\n", "\n")


def _find(word: Word, name: str, registry: Registry) -> Part:
    try:
        return registry.find(word.text)
    except SwarmError as error:
        hint = " (a line that continues the stage above it is indented)" if _continues(word.text) else ""
        raise error_of(error.code, f"{name}:{word.line}: {error.message}{hint}", **error.details) from error


def _parse(part: Part, words: list[Word], name: str) -> Stage:
    try:
        return part.parse([word.text for word in words[1:]])
    except SwarmError as error:
        raise located(error, f"{name}:{_line_of(error.message, words)}") from error


def _continues(text: str) -> bool:
    """Tell whether a word looks like an argument: an option, an address, or a member with its name."""
    return text.startswith("-") or "://" in text or "=" in text


def _line_of(message: str, words: list[Word]) -> int:
    """Return the line of the word that a message is about: of those that it quotes the first, else the stage's own.

    A whole word comes before a half (`--mode=9`, `a/b=docker`), so that a hint such as `did you mean 'docker'` does not
    lead to the member `a=docker`, in which nothing is wrong.
    """
    stage, *rest = words
    for parts in (lambda text: [text], lambda text: text.split("=", 1)):
        quoted = [(place, word.line) for word in rest for part in parts(word.text) for place in _places(part, message)]
        if quoted:
            return min(quoted)[1]
    return stage.line


def _places(text: str, message: str) -> list[int]:
    """Return where a message quotes a text; click says options without quotes."""
    pattern = re.escape(repr(text))
    if text.startswith("-"):
        pattern += rf"|(?<!\S){re.escape(text)}(?![\w-])"
    return [found.start() for found in re.finditer(pattern, message)]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
