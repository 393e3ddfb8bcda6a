"""One upload, written to several hosts at the pace of the slowest; none is buffered for."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from swarmkit.errors import SwarmError, Unavailable
from swarmkit.streams import CHUNK, PipeReceiver, PipeSender, open_pipe


class FanOut:
    """Copy a source to one pipe for each host. A host that stops reading is left out from then on."""

    def __init__(self, source: trio.abc.ReceiveStream, hosts: Sequence[str]) -> None:
        self._source = source
        self._senders: dict[str, PipeSender] = {}
        self._receivers: dict[str, PipeReceiver] = {}
        for host in hosts:
            self._senders[host], self._receivers[host] = open_pipe()

    def take(self, host: str) -> PipeReceiver:
        """Return the pipe of a host, which is then the caller's to close."""
        return self._receivers[host]

    async def run(self) -> None:
        """Copy to the end. A source that breaks off is cut for every host."""
        try:
            async with self._source:
                while self._senders and (data := await self._source.receive_some(CHUNK)):
                    async with trio.open_nursery() as nursery:
                        for host in list(self._senders):
                            nursery.start_soon(self._write, host, bytes(data))
            for sender in self._senders.values():
                sender.send_eof()
        except SwarmError as error:
            self._cut(error)
        except trio.ClosedResourceError:
            self._cut(Unavailable("the upload was given up"))  # the request has been answered meanwhile
        finally:
            for sender in self._senders.values():
                await sender.aclose()

    def _cut(self, error: SwarmError) -> None:
        for sender in self._senders.values():
            sender.cut(error)

    async def _write(self, host: str, data: bytes) -> None:
        try:
            await self._senders[host].send_all(data)
        except trio.BrokenResourceError:
            del self._senders[host]  # it has answered already; its answer says why
