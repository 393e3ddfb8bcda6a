"""The probe: a session on the host that says, whenever it is asked, how the engine's socket is.

Its answers come in order with everything else on the connection. So one that comes proves that the connection was alive
when the question was asked, and that whatever was opened before has been opened, or refused, by now.
"""

from __future__ import annotations

import itertools
import re

import trio
from attrs import define, field, frozen

from swarmkit.transport import foreign_ip

MARK = "swarmd"
"""What our lines begin with: an account's start-up files may write lines of their own."""

MAX_NOISE = 1024 * 1024
"""Bytes that may come before the first answer; what says more than that is no shell."""

MAX_LINE = 4096
"""Bytes of a line at most; of a longer one the rest is left out."""

_STATES = frozenset({"ok", "denied", "hidden", "missing", "other"})
_SHELL_WORD = re.compile(r"[A-Za-z0-9_./@+,=~:#${}() -]+\Z")


@frozen
class Answer:
    """What the probe says: whether the socket can be used, and which it is.

    `state` is `ok`, `denied`, `hidden` (a directory of the path may not be looked into), `missing` or `other` (it is no
    socket). `group` is who may use it where that is told by the file's mode, and `user` who we are there.
    """

    state: str
    socket: str
    ip: str | None
    user: str
    group: str | None = None

    def problem(self, host: str, *, named: bool = True) -> str | None:
        """Say why the socket cannot be used, or return None; `named` tells that the user has named it."""
        match self.state:
            case "missing":
                others = "" if named else " or another that is known"
                return f"there is no socket {self.socket}{others} on {host}; is the engine running there?"
            case "denied":
                whom = f"; members of the group {self.group!r} may" if self.group else ""
                return f"{self.user} may not use {self.socket} on {host}{whom}"
            case "hidden":
                return f"{self.user} may not use {self.socket} on {host}: its directory is not open to that user"
            case "other":
                return f"{self.socket} on {host} is no socket"
        return None


def probe_script(default: str, candidates: tuple[str, ...] = ()) -> str:
    """Return the probe's program for a POSIX shell, on one line and without single quotes.

    `candidates` are words of the shell, expanded there and tried in their order: the first that can be used is kept.
    Where none can, as where there are none, it is about `default`.
    """
    if not all(_SHELL_WORD.match(word) for word in (default, *candidates)):
        raise ValueError(f"not words for the probe: {(default, *candidates)!r}")
    tried = " ".join(f'"{word}"' for word in candidates)
    find = f'for s in {tried} ""; do [ -S "$s" ] && [ -w "$s" ] && f=1 && break; done'
    return "; ".join(
        (
            "unset TMOUT",  # where sh is bash, that would end a session without questions
            f"f={'' if candidates else 1} s={default} u=$(id -un)",
            "set -- $SSH_CONNECTION",
            f'while read -r n; do [ "$f" ] || {find}',
            f'[ "$s" ] || s={default}',
            "t=ok o= d=${s%/*}",
            'if [ -S "$s" ]; then [ -w "$s" ] || t=denied o=$(ls -ld "$s")',
            'elif [ -e "$s" ]; then t=other',
            'else t=missing; until [ -d "$d" ] || [ -z "$d" ]; do d=${d%/*}; done',
            '[ -z "$d" ] || [ -x "$d" ] || t=hidden; fi',
            f'echo "{MARK} $n $t $s ${{3:--}} ${{u:--}} $o"; done',
        )
    )


def parse_answer(line: bytes) -> tuple[int, Answer] | None:
    """Return the number and the content of an answer; None for a line that is none."""
    words = line.decode("utf-8", "replace").split()
    if len(words) < 6 or words[0] != MARK or not words[1].isdecimal() or words[2] not in _STATES:
        return None
    number, state, socket, ip, user = int(words[1]), *words[2:6]
    return number, Answer(state, socket, foreign_ip(ip), user, _group(words[6:]))


def _group(listed: list[str]) -> str | None:
    """Return the group of a line of `ls -l`, if it may write."""
    writes = len(listed) >= 4 and listed[0][5:6] == "w"
    return listed[3] if writes else None


class Probe:
    """Asks the probe at the other end of a session's two pipes. `run` reads the answers."""

    def __init__(self, to: trio.abc.SendStream, answers: trio.abc.ReceiveStream) -> None:
        self._to = to
        self._answers = answers
        self._numbers = itertools.count()
        self._waiting: dict[int, _Question] = {}
        self._sending = trio.Lock()
        self.ended = trio.Event()

    async def ask(self) -> Answer | None:
        """Return what the probe answers from now on; None where it has ended and there will be no answer."""
        question = _Question()
        async with self._sending:
            number = next(self._numbers)
            self._waiting[number] = question
            try:
                await self._to.send_all(b"%d\n" % number)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end()
        try:
            if not self.ended.is_set():
                await question.answered.wait()
            return question.answer
        finally:
            self._waiting.pop(number, None)

    async def run(self) -> None:
        """Read the answers until the session ends, or says too much that is no answer."""
        buffer, noise = b"", 0
        try:
            while noise <= MAX_NOISE and (data := await self._answers.receive_some()):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    noise = 0 if self._take(line) else noise + len(line) + 1
                if len(buffer) > MAX_LINE:
                    noise, buffer = noise + len(buffer) - MAX_LINE, buffer[:MAX_LINE]
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # as an end
        finally:
            self._end()

    def _take(self, line: bytes) -> bool:
        found = parse_answer(line)
        if found is not None and (question := self._waiting.get(found[0])) is not None:
            question.answer = found[1]
            question.answered.set()
        return found is not None

    def _end(self) -> None:
        self.ended.set()
        for question in self._waiting.values():
            question.answered.set()


@define(eq=False)
class _Question:
    answered: trio.Event = field(factory=trio.Event)
    answer: Answer | None = None
