"""What a client was told, made comparable: ids, times, durations and addresses differ from run to run.

An id is replaced by the place of its first appearance, so that it is still seen *which* of them is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, field, frozen

_DURATION = r"(?:Less than a second|About (?:a|an) (?:minute|hour)|\d+ (?:second|minute|hour|day|week|month|year)s?)"

_PATTERNS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?(?: [A-Z]{3,4}\b)?", "<time>"),
    (rf"\b{_DURATION}\b", "<duration>"),
    (r"\b1[6-9]\d{17}\b", "<nanoseconds>"),
    (r"\b1[6-9]\d{8}\b", "<seconds>"),
    (r"\b172\.\d+\.\d+\.\d+\b", "<address>"),
    (r"\b02:42(?::[0-9a-f]{2}){4}\b", "<mac>"),
    (r"(?<=:)(?:3[2-9]|[456]\d)\d{3}\b", "<port>"),
    (r"\d+(?:\.\d+)?\d*(?:%| ?[kKMGT]?i?B\b)", "<amount>"),
    (r"(?<=\S) {2,}", "  "),  # columns are as wide as what they hold
)

ALLOWED: tuple[tuple[str, str, str], ...] = (
    (r", ?swarmd\.host=\w+|\bswarmd\.host=\w+(?:, ?)?", "", "a list tells the host of a container as a label"),
    (r",? ?[\"']swarmd\.host[\"']: ?[\"']\w+[\"']", "", "the same, in a document, where it never comes first"),
    (r"(?<=daemon: )\w+: (conflict: .*); done on \w+", r"\1", "an image in use on one host is removed from the others"),
    (r"(by container \S+) on host \w+(?=\.)", r"\1", "a name in use may be in use on another host"),
)
"""How the virtual host may differ from an engine: what is replaced in its transcripts, by what, and why."""

_EVERYWHERE = (
    (r", \[::\]:[^ ,]+->\d+/\w+", ""),
    (r""", ?\{(['"])HostIp\1: ?\1::\1, ?\1HostPort\1: ?\1\d+\1\}""", ""),
)
"""How an engine says that a port is published on all addresses of the newer kind, too."""

_EVERYWHERE_LINE = re.compile(r"> (?:\S+ -> )?\[::\]:\S+")

_LOGGED = 'time="'
"""How a line begins that the docker command logs of itself: such as a refusal before all was sent."""

_ID = re.compile(r"(?<![0-9a-zA-Z_])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-zA-Z_])")


@frozen
class Result:
    """How one command ended."""

    words: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()


@define
class Transcript:
    """The commands of one scenario and what they answered, in lines that can be compared."""

    lines: list[str] = field(factory=list)
    _ids: dict[str, str] = field(factory=dict)

    def add(self, result: Result, arrange: Callable[[str], str] = str) -> None:
        """Append a result; `arrange` may edit its normalised output, such as to sort what comes in any order."""
        self.lines.append(self.normalise(f"$ docker {' '.join(result.words)}"))
        for mark, data in ((">", result.stdout), ("!", result.stderr)):
            text = arrange(self.normalise(data.decode("utf-8", "backslashreplace")))
            self.lines += [f"{mark} {line}" for line in text.splitlines() if not line.startswith(_LOGGED)]
        self.lines.append(f"= {result.code}")

    def note(self, text: object) -> None:
        """Append something else that a scenario saw."""
        self.lines += [f"# {line}" for line in self.normalise(str(text)).splitlines()]

    def normalise(self, text: str) -> str:
        """Replace what differs from run to run."""
        text = _ID.sub(lambda match: self._ids.setdefault(match[0][:12], f"<id{len(self._ids) + 1}>"), text)
        for pattern, replacement in _PATTERNS:
            text = re.sub(pattern, replacement, text)
        return text


def with_allowed(lines: list[str]) -> list[str]:
    """Return the lines of a virtual host without what it may add."""
    for pattern, replacement, _ in ALLOWED:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return lines


def as_remote(lines: list[str], address: str) -> list[str]:
    """Return the lines of an engine as a virtual host tells them of one at `address`: there its ports are reached."""
    lines = [line for line in lines if not _EVERYWHERE_LINE.fullmatch(line)]
    for pattern, replacement in _EVERYWHERE:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return [line.replace("0.0.0.0", address) for line in lines]
