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
from backends.remote.command import CommandTransport
from swarmkit.errors import Unavailable
from swarmkit.instance import open_instance
from swarmkit.message import Message, Verb
from swarmkit.part import Stage
from swarmkit.pipeline import Pipeline
from swarmkit.service import Service
from swarmkit.transport import TlsTransport, UnixDialer
from swarmkit.transport.endpoints import Endpoints
from swarmkit.wire import Side, open_peer

from ..transport.certificates import Authority
from .forking import command_for

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
        ListenStage(Endpoints((f"unix://{path}",))).open(service),
        RemoteStage(UnixDialer(str(path)), "far").open(None) as near,
    ):
        yield near


@asynccontextmanager
async def over_tls(stage: Stage | Pipeline, folder: Path) -> AsyncIterator[Service]:
    """Serve over TCP with TLS, and certificates on both sides, by the parts themselves."""
    authority = Authority(folder)
    serving = ListenStage(Endpoints(("tcp://127.0.0.1:0",), tls=authority.issue("server")))
    async with _opened(stage) as service, serving.open(service) as front:
        port = int(front.addresses[0].rpartition(":")[2])  # type: ignore[attr-defined]  # it is a front
        async with RemoteStage(TlsTransport("127.0.0.1", port, authority.issue("client")), "far").open(None) as near:
            yield near


TRANSPORTS: Mapping[str, Through] = {"memory": over_memory, "unix": over_unix, "tls": over_tls}
"""Ways between both ends of one process, by name."""


@asynccontextmanager
async def over_standard(stage: Stage | Pipeline, forks: Path) -> AsyncIterator[Service]:
    """Serve from another process, on its standard streams; `forks` is where it is forked (`forking`)."""
    stages = stage.stages if isinstance(stage, Pipeline) else (stage,)
    command = command_for(forks, "listen -", *map(str, stages))
    async with RemoteStage(CommandTransport(tuple(command)), "far").open(None) as near:
        await _until_up(near)
        yield near


async def _until_up(service: Service) -> None:
    with trio.fail_after(30):
        while True:
            try:
                await service(Message(Verb.LS))
            except Unavailable:
                await trio.sleep(0.02)
            else:
                return


def _opened(stage: Stage | Pipeline) -> AbstractAsyncContextManager[Service]:
    return (stage if isinstance(stage, Pipeline) else Pipeline((stage,))).open()


def swarmd(*words: str) -> list[str]:
    """Return the command line of swarmd in this interpreter."""
    return [sys.executable, "-c", "from swarmkit.swarmd import main; main()", *words]
