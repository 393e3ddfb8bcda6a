"""The part `dockerserver`: the front, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import click
import trio
from attrs import frozen

from swarmkit.errors import Internal, Invalid
from swarmkit.http import serve_connection
from swarmkit.instance import open_instance
from swarmkit.message import Message
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service

from .front import Front
from .hosts import Hosts
from .listening import DEFAULT_MODE, Access, check_address, default_address, listening


@frozen
class Listening:
    """The opened front: the service behind it, and the `addresses` on which it is served."""

    service: Service
    addresses: tuple[str, ...]

    @property
    def hint(self) -> str:
        """A command that shows that it works."""
        return f"docker -H {self.addresses[0]} ps"

    async def __call__(self, message: Message, /) -> Message:
        return await self.service(message)


@frozen
class DockerServerStage(Stage):
    """The Engine API on one or more addresses."""

    role = Role.FRONT
    name = "dockerserver"
    addresses: tuple[str, ...]
    access: Access
    api: str | None = None

    @property
    def serves(self) -> frozenset[str]:
        return frozenset(self.addresses)

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("dockerserver has no service behind it")
        with ExitStack() as sockets:
            opened = [sockets.enter_context(listening(address, self.access)) for address in self.addresses]
            async with open_instance() as nursery:
                front = Front(await Hosts.of(inner), nursery, software=_software(), api=self.api)
                serve = partial(serve_connection, handler=front)
                nursery.start_soon(trio.serve_listeners, serve, [listener for listener, _ in opened])
                yield Listening(inner, tuple(address for _, address in opened))

    def __str__(self) -> str:
        return " ".join((self.name, *self.addresses))


def _software() -> str:
    try:
        return version("swarmd")
    except PackageNotFoundError:
        return "0"


@part(Role.FRONT)
@click.argument("addresses", nargs=-1, metavar="[ADDR]...")
@click.option("--mode", default=f"{DEFAULT_MODE:o}", show_default=True, help="Permissions of a Unix socket, in octal.")
@click.option("--group", help="Group that a Unix socket belongs to.")
@click.option("--api", metavar="VERSION", help="API version to offer; by default the lowest that all hosts have.")
def dockerserver(addresses: tuple[str, ...], mode: str, group: str | None, api: str | None) -> Stage:
    """Serve the Docker Engine API.

    ADDR is unix:///PATH or tcp://127.0.0.1:PORT; by default a Unix socket in the user's runtime directory.
    """
    try:
        permissions = int(mode, 8)
    except ValueError as error:
        raise Invalid(f"not permissions in octal: {mode!r}") from error
    if not 0 <= permissions <= 0o777:
        raise Invalid(f"not permissions in octal: {mode!r}")
    checked = tuple(check_address(address) for address in addresses or (default_address(),))
    return DockerServerStage(checked, Access(permissions, group), api)
