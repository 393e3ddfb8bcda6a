"""Progress of several hosts in one stream of JSON lines: layers under their host, common words said once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from swarmkit.errors import SwarmError
from swarmkit.message import Message
from swarmkit.streams import CHUNK, PipeSender, open_pipe

MAX_LINE = 1024 * 1024
"""Bytes of one line of progress, at most."""

MAX_SAID = 1000
"""Lines that are remembered in order to say them once; past that a common word is said twice."""


class MergedProgress:
    """The merged stream is `body`; `run` writes it. An error of a host comes last, so that the others' end is seen.

    `notes` are said first: hosts that were not asked, which is no failure of the command.
    """

    def __init__(
        self,
        replies: Mapping[str, Message],
        failures: Sequence[tuple[str, SwarmError]],
        notes: Sequence[str] = (),
    ) -> None:
        self._replies = replies
        self._notes = notes
        self._hosts = len(replies) + len(failures)
        self._errors = [(host, error.reason) for host, error in failures]
        self._said: set[bytes] = set()
        self._sender: PipeSender
        self._sender, self.body = open_pipe()

    async def run(self) -> None:
        """Copy every host's lines until all have ended."""
        async with self._sender:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._stop_with_reader, nursery.cancel_scope)
                    for note in self._notes:
                        await self._send(json.dumps({"status": note}, ensure_ascii=False).encode())
                    async with trio.open_nursery() as copying:
                        for host, reply in self._replies.items():
                            copying.start_soon(self._copy, host, reply)
                    await self._say_errors()
                    self._sender.send_eof()
                    nursery.cancel_scope.cancel()
            finally:
                with trio.CancelScope(shield=True):
                    for reply in self._replies.values():
                        if reply.att is not None:
                            await reply.att.aclose()

    async def _stop_with_reader(self, scope: trio.CancelScope) -> None:
        await self._sender.wait_reader_gone()
        scope.cancel()

    async def _copy(self, host: str, reply: Message) -> None:
        assert reply.att is not None
        rest = b""
        try:
            while data := await reply.att.receive_some(CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    await self._line(host, line)
                if len(rest) > MAX_LINE:
                    self._errors.append((host, f"a line of progress is longer than {MAX_LINE} bytes"))
                    return
            if rest.strip():
                await self._line(host, rest)
        except SwarmError as error:
            self._errors.append((host, error.reason))

    async def _line(self, host: str, line: bytes) -> None:
        line = line.strip()
        if not line:
            return
        if self._hosts == 1:
            await self._send(line)
            return
        progress = _read(line)
        if "error" in progress:
            self._errors.append((host, str(progress["error"])))
            return
        if "id" in progress and "progressDetail" in progress:
            progress["id"] = f"{host}/{progress['id']}"
        line = json.dumps(progress, ensure_ascii=False).encode()
        if "progressDetail" in progress or self._is_new(line):
            await self._send(line)

    def _is_new(self, line: bytes) -> bool:
        if line in self._said:
            return False
        if len(self._said) < MAX_SAID:
            self._said.add(line)
        return True

    async def _say_errors(self) -> None:
        """Say what failed and where; what all hosts say alike is said once, in their words."""
        if self._errors:
            texts = {text for _, text in self._errors}
            everywhere = len(texts) == 1 and len(self._errors) == self._hosts
            text = texts.pop() if everywhere else "; ".join(f"{host}: {text}" for host, text in sorted(self._errors))
            await self._send(json.dumps({"errorDetail": {"message": text}, "error": text}).encode())

    async def _send(self, line: bytes) -> None:
        try:
            await self._sender.send_all(line + b"\r\n")
        except trio.BrokenResourceError:
            # The client has gone, and `_stop_with_reader` ends everything; nothing is left to be told.
            await trio.sleep_forever()


def _read(line: bytes) -> dict[str, Any]:
    """Read a line of progress; what is none becomes the text of one."""
    try:
        progress = json.loads(line)
    except ValueError:
        progress = None
    return progress if isinstance(progress, dict) else {"status": line.decode("utf-8", "replace")}
