"""Far ends to put a pipeline behind: what a transport is, by name, and the whole over it as a subject of the kit."""

from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import trio
from attrs import field, frozen

from backends.fake.memory import MemoryStream, memory_stream_pair
from backends.listen import ListenStage
from backends.remote import RemoteStage
from swarmkit.instance import open_instance
from swarmkit.part import Stage
from swarmkit.pipeline import Pipeline
from swarmkit.service import Service
from swarmkit.transport import UnixDialer
from swarmkit.wire import Side, open_peer

Opening = Callable[[], AbstractAsyncContextManager[Service]]
"""Open a service that ends with the block."""

Through = Callable[[Stage | Pipeline, Path], AbstractAsyncContextManager[Service]]
"""Open a stage, or a pipeline, and what serves it over a transport, in a folder of the test; yield the near end."""


@frozen
class MemoryDialer:
    """Dial a service that is served over memory; while `down` has a reason, it is not."""

    service: Service
    nursery: trio.Nursery
    down: list[str] = field(factory=list)
    streams: list[MemoryStream] = field(factory=list)
    address = "memory://far"
    ip = None

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        await trio.lowlevel.checkpoint()
        if self.down:
            raise OSError(self.down[-1])
        near, far = memory_stream_pair()
        self.streams[:] = [near, far]
        self.nursery.start_soon(self._serve, far)
        return near

    async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        async with open_peer(stream, Side.ACCEPTOR, offers=self.service) as peer:
            await peer.wait_ended()


@asynccontextmanager
async def over_memory(stage: Stage | Pipeline, folder: Path) -> AsyncIterator[Service]:
    """Serve over streams in memory."""
    async with (
        _opened(stage) as service,
        open_instance() as nursery,
        RemoteStage(MemoryDialer(service, nursery), "far").open(None) as near,
    ):
        yield near


_numbers = itertools.count()


@asynccontextmanager
async def over_unix(stage: Stage | Pipeline, folder: Path) -> AsyncIterator[Service]:
    """Serve over a Unix socket, by the parts themselves."""
    path = folder / f"wire-{next(_numbers)}.sock"
    async with (
        _opened(stage) as service,
        ListenStage((f"unix://{path}",)).open(service),
        RemoteStage(UnixDialer(str(path)), "far").open(None) as near,
    ):
        yield near


TRANSPORTS: Mapping[str, Through] = {"memory": over_memory, "unix": over_unix}
"""Ways between both ends, by name."""


def _opened(stage: Stage | Pipeline) -> AbstractAsyncContextManager[Service]:
    return (stage if isinstance(stage, Pipeline) else Pipeline((stage,))).open()


def swarmd(*words: str) -> list[str]:
    """Return the command line of swarmd in this interpreter."""
    return [sys.executable, "-c", "from swarmkit.swarmd import main; main()", *words]
