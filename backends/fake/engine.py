"""The in-memory engine: its state, its connections, and what a test can do to it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import frozen

from swarmkit.http import Handler, serve_connection
from swarmkit.instance import open_instance

from . import lifecycle
from .clock import Clock
from .commands import COMMANDS
from .container import Container, Exec
from .containers import Containers
from .events import Events
from .files import Tree
from .image import Image, invented_image
from .memory import Gate, GatedStream, MemoryStream, memory_stream_pair
from .networks import Ports, predefined_networks
from .process import Program
from .programs import Programs
from .stores import Images, Networks, Volume, Volumes

BUSYBOX = "busybox:latest"

GIB = 1024**3

API = ("1.12", "1.41")
"""The oldest and the newest version of the API that an engine of 20.10 has."""


@frozen
class FakeDialer:
    """Reach a fake engine as one reaches a real one: by a byte stream."""

    engine: FakeEngine

    @property
    def address(self) -> str:
        return f"fake://{self.engine.name}"

    @property
    def ip(self) -> None:
        return None

    async def __call__(self) -> trio.abc.HalfCloseableStream:
        return await self.engine.dial()


class FakeEngine:
    """A Docker Engine in memory: one of API 1.41, or of the versions `api`, oldest and newest.

    A newer one leaves out of its answers what was removed until then; it can do no more than one of 1.41.

    `images` are there from the start. A pull succeeds for every name unless `registry` lists those that there are;
    names that begin with `missing` never are. Use it within `async with engine.run():`, which ends all it started.
    """

    def __init__(
        self,
        name: str = "fake",
        *,
        images: Iterable[str] = (BUSYBOX,),
        cpus: int = 4,
        memory: int = 8 * GIB,
        version: str = "20.10.24+fake",
        labels: Iterable[str] = (),
        registry: Iterable[str] | None = None,
        epoch: int | None = None,
        api: tuple[str, str] = API,
    ) -> None:
        self.name = name
        self.cpus = cpus
        self.memory = memory
        self.version = version
        self.oldest_api, self.newest_api = api
        self.labels = list(labels)
        self.registry = None if registry is None else set(registry)
        self.id = ":".join(secrets.token_hex(2).upper() for _ in range(12))
        self.programs = Programs(COMMANDS)
        self.images = Images()
        self.volumes = Volumes()
        self.execs: dict[str, Exec] = {}
        self.ports = Ports()
        self.containers = Containers(self)
        self._epoch = epoch
        self._pids = 1000
        self._host_folders: dict[str, Tree] = {}
        self._gate = Gate()
        self._listening = True
        self._connections: set[MemoryStream] = set()
        for image in images:
            self.add_image(image)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[FakeEngine]:
        """Let it live within the block: its containers' processes and its connections end with it."""
        from .api import make_handler  # the operations work on engines: the import is circular by nature

        self.clock = Clock(self._epoch)
        self.events = Events(self.clock)
        self.networks = Networks(predefined_networks(self.clock.now()))
        self.handler: Handler = make_handler(self)
        async with open_instance() as nursery:
            self.nursery = nursery
            yield self

    # Connections

    @property
    def dialer(self) -> FakeDialer:
        """The dialer for an engine client."""
        return FakeDialer(self)

    async def dial(self) -> trio.abc.HalfCloseableStream:
        """Open a connection. Raises ConnectionRefusedError while it is stopped."""
        await trio.lowlevel.checkpoint()
        if not self._listening:
            raise ConnectionRefusedError(f"the fake engine {self.name} is stopped")
        here, there = memory_stream_pair()
        self._connections.add(there)
        self.nursery.start_soon(self._serve, there)
        return here

    async def _serve(self, stream: MemoryStream) -> None:
        """Serve one connection until it ends, or its client has closed it altogether."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_when_gone, stream, nursery.cancel_scope)
                await serve_connection(GatedStream(stream, self._gate), self.handler)
                nursery.cancel_scope.cancel()
        finally:
            self._connections.discard(stream)

    # What a test can do to it

    def freeze(self) -> None:
        """Answer nothing, as a stopped process: connections are accepted, and hang. Containers go on."""
        self._gate.shut()

    def thaw(self) -> None:
        """Go on after a freeze."""
        self._gate.open()

    async def stop(self) -> None:
        """Refuse connections and break the open ones, as a daemon that was killed. Containers go on."""
        self._listening = False
        for stream in list(self._connections):
            await stream.reset()

    def start(self) -> None:
        """Accept connections again."""
        self._listening = True

    def add_image(self, name: str, image: Image | None = None) -> Image:
        """Have an image under this name: one given, or one that is invented for the name."""
        image = image or invented_image(name)
        self.images.add(image, [name])
        return image

    def add_command(self, name: str, command: Program) -> None:
        """Have a command in every container: an async function from a `Process` to its exit code."""
        self.programs.add(name, command)

    def create_container(self, name: str, *command: str, image: str = BUSYBOX, **config: Any) -> Container:
        """Make a container behind the clients' backs. `config` are fields of the API's body of a creation."""
        document: Mapping[str, Any] = {"Image": image, **({"Cmd": list(command)} if command else {}), **config}
        return self.containers.create(document, name)

    async def start_container(self, reference: str) -> None:
        """Start a container behind the clients' backs."""
        await lifecycle.start(self, self.containers.find(reference))

    async def kill_container(self, reference: str) -> None:
        """End a container behind the clients' backs."""
        await lifecycle.kill(self, self.containers.find(reference), "KILL")

    async def remove_container(self, reference: str) -> None:
        """Remove a container behind the clients' backs, running or not."""
        await lifecycle.remove(self, self.containers.find(reference), force=True, volumes=True)

    # What its parts share

    def new_pid(self) -> int:
        """Give a process a number."""
        self._pids += 1
        return self._pids

    def emit(self, container: Container, action: str, **attributes: str) -> None:
        """Say what has happened to a container."""
        known = {"image": container.config["Image"], "name": container.name}
        self.events.emit("container", action, container.id, {**container.config["Labels"], **known, **attributes})

    def create_volume(self, volume: Volume) -> None:
        """Keep a new volume, and say so."""
        self.volumes.add(volume)
        self.events.emit("volume", "create", volume.name, {"driver": "local"})

    def remove_volume(self, name: str) -> None:
        """Forget a volume, and say so."""
        self.volumes.discard(name)
        self.events.emit("volume", "destroy", name, {"driver": "local"})

    def host_folder(self, path: str) -> Tree:
        """Return the tree that stands for a folder of the host in every container that has it mounted."""
        return self._host_folders.setdefault(path, {})


async def _cancel_when_gone(stream: MemoryStream, serving: trio.CancelScope) -> None:
    await stream.wait_peer_closed()
    serving.cancel()
