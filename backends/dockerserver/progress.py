"""Progress of several hosts in one stream of JSON lines: layers with their host, common words said once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import trio

from swarmkit.engine.replies import joint_error
from swarmkit.errors import SwarmError, Unavailable
from swarmkit.message import Message
from swarmkit.streams import CHUNK, PipeSender, open_pipe

from .hosts import body_of

MAX_LINE = 1024 * 1024
"""Bytes of one line of progress, at most."""

MAX_SAID = 1000
"""Lines that are remembered in order to say them once; past that a common word is said twice."""

_OUTCOME = "Status: "

Open = Callable[[], Awaitable[Message]]
"""Asks a host for its stream of progress: a CONNECT's reply."""

WaitLost = Callable[[str], Awaitable[SwarmError]]
"""Waits until a host is lost for good, and says why."""


class MergedProgress:
    """Streams that `run` opens on all hosts and merges; what is merged is `body`, and flows from the first on.

    All hosts are asked at once, or `in_turn`: the next one when the one before has ended.

    `notes` are said first: hosts that are not asked, which is no failure of the command. Errors come last, each with
    its host, so that the others' end is seen; what all say alike is said once, in their words. The stream of a single
    host is passed on as it is. That of a host for which `wait_lost` returns is given up.
    """

    def __init__(
        self, opening: Mapping[str, Open], wait_lost: WaitLost, notes: Sequence[str] = (), *, in_turn: bool = False
    ) -> None:
        self._opening = opening
        self._in_turn = in_turn
        self._wait_lost = wait_lost
        self._notes = notes
        self._alone = len(opening) == 1
        self._refusals: list[tuple[str, SwarmError]] = []  # of hosts that never began
        self._errors: list[tuple[str, dict[str, Any]]] = []  # what a stream ends in, as it says it
        self._outcomes: dict[str, list[str]] = {}
        self._said: set[bytes] = set()
        self._begun = trio.Event()
        self._streaming: set[str] = set()
        self._sender: PipeSender
        self._sender, self.body = open_pipe()

    async def wait_begun(self) -> None:
        """Wait until a host has begun; raise the hosts' error where none does."""
        try:
            await self._begun.wait()
            if not self._streaming:
                raise _joint(self._refusals)
        except BaseException:
            await self.body.aclose()  # its first act tells `run` to stop, even where this is cancelled
            raise

    async def run(self) -> None:
        """Copy every host's lines until all have ended, or nobody reads."""
        async with self._sender, trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_with_reader, nursery.cancel_scope)
            await self._copy_all()
            self._begun.set()
            await self._say_end()
            self._sender.send_eof()
            nursery.cancel_scope.cancel()

    async def _stop_with_reader(self, scope: trio.CancelScope) -> None:
        await self._sender.wait_reader_gone()
        scope.cancel()

    async def _copy_all(self) -> None:
        async with trio.open_nursery() as copying:
            together = trio.CapacityLimiter(1 if self._in_turn else len(self._opening))
            for host, ask in self._opening.items():
                copying.start_soon(self._follow, host, ask, together)
            for note in self._notes:
                await self._send(_line({"status": note}))

    async def _follow(self, host: str, ask: Open, together: trio.CapacityLimiter) -> None:
        """Copy one host's stream, unless the host is lost before its end."""
        async with together, trio.open_nursery() as nursery:
            nursery.start_soon(self._give_up_lost, host, nursery.cancel_scope)
            if (reply := await self._open(host, ask)) is not None:
                await self._copy_and_close(host, reply)
            nursery.cancel_scope.cancel()

    async def _give_up_lost(self, host: str, following: trio.CancelScope) -> None:
        error = await self._wait_lost(host)
        if host in self._streaming:
            self._errors.append((host, _error(error.reason)))
        else:
            self._refusals.append((host, error))
        following.cancel()

    async def _open(self, host: str, ask: Open) -> trio.abc.ReceiveStream | None:
        """Return a host's stream; take note of why there is none."""
        try:
            reply = await ask()
            if reply["status"] >= 400:
                await body_of(reply)
        except SwarmError as error:
            self._refusals.append((host, error))
            return None
        self._streaming.add(host)
        self._begun.set()
        return reply.att

    async def _copy_and_close(self, host: str, stream: trio.abc.ReceiveStream) -> None:
        try:
            await self._copy(host, stream)
        finally:
            with trio.CancelScope(shield=True):
                await stream.aclose()

    async def _copy(self, host: str, stream: trio.abc.ReceiveStream) -> None:
        rest = b""
        try:
            while data := await stream.receive_some(CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    await self._take(host, line)
                if len(rest) > MAX_LINE:
                    self._errors.append((host, _error(f"a line of progress is longer than {MAX_LINE} bytes")))
                    return
            if rest.strip():
                await self._take(host, rest)
        except SwarmError as error:
            self._errors.append((host, _error(error.reason)))

    async def _take(self, host: str, line: bytes) -> None:
        line = line.strip()
        if not line:
            return
        if self._alone:
            await self._send(line)
            return
        progress = _read(line)
        if "error" in progress:
            self._errors.append((host, progress))
            return
        outcome = progress.get("status")
        if isinstance(outcome, str) and outcome.startswith(_OUTCOME):
            self._outcomes.setdefault(outcome, []).append(host)
            return
        if "id" in progress and "progressDetail" in progress:  # the command draws a row for each id
            progress["id"] = f"{progress['id']} on {host}"
        line = _line(progress)
        if "progressDetail" in progress or self._is_new(line):
            await self._send(line)

    def _is_new(self, line: bytes) -> bool:
        if line in self._said:
            return False
        if len(self._said) < MAX_SAID:
            self._said.add(line)
        return True

    async def _say_end(self) -> None:
        """Say how it ended: once where all say the same, else with the hosts; then what failed and where."""
        for outcome, hosts in sorted(self._outcomes.items(), key=lambda each: min(each[1])):
            text = outcome if len(self._outcomes) == 1 else f"{outcome} on {', '.join(sorted(hosts))}"
            await self._send(_line({"status": text}))
        errors = list(self._errors)
        for host, error in self._refusals:
            if is_down(error):
                await self._send(_line({"status": left_out(host, error.reason)}))
            else:
                errors.append((host, _error(error.reason)))
        if errors:
            await self._send(_line(self._joint(sorted(errors, key=lambda each: each[0]))))

    def _joint(self, errors: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        texts = {str(error["error"]) for _, error in errors}
        if len(texts) == 1 and len(errors) == len(self._opening):
            return errors[0][1]
        return _error("; ".join(f"{host}: {error['error']}" for host, error in errors))

    async def _send(self, line: bytes) -> None:
        try:
            await self._sender.send_all(line + b"\r\n")
        except trio.BrokenResourceError:
            # The client has gone, and `_stop_with_reader` ends everything; nothing is left to be told.
            await trio.sleep_forever()


def is_down(answer: object) -> bool:
    """Tell whether a host was not reached at all, in which case it is not the command that failed."""
    return isinstance(answer, Unavailable) and "status" not in answer.details


def left_out(host: str, reason: str) -> str:
    """Say that a host has no part in what is done on all others."""
    return f"host {host} is left out: {reason}"


def _joint(failures: Sequence[tuple[str, SwarmError]]) -> SwarmError:
    """Make the error of hosts of which none has begun; those that were not reached count where no other has refused."""
    refusals = [each for each in failures if not is_down(each[1])]
    return joint_error(sorted(refusals or failures, key=lambda each: each[0]))


def _error(text: str) -> dict[str, Any]:
    return {"errorDetail": {"message": text}, "error": text}


def _line(progress: Mapping[str, Any]) -> bytes:
    return json.dumps(progress, ensure_ascii=False).encode()


def _read(line: bytes) -> dict[str, Any]:
    """Read a line of progress; what is none becomes the text of one."""
    try:
        progress = json.loads(line)
    except ValueError:
        progress = None
    return progress if isinstance(progress, dict) else {"status": line.decode("utf-8", "replace")}
