"""The part `dockerserver`: the front, opened."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click
import trio
from attrs import frozen

from swarmkit.errors import Internal
from swarmkit.http import serve_connection
from swarmkit.instance import open_instance
from swarmkit.message import Message
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.transport import FreshContext
from swarmkit.transport.endpoints import Endpoints, endpoint_options, endpoints_of
from swarmkit.transport.greeting import Serve

from .front import Front
from .greeting import serve_plain, serve_tls
from .hosts import Hosts
from .image_arrivals import Pull


@frozen
class Listening:
    """The opened front: the service behind it, and the `addresses` on which it is served, `secured` if by TLS first."""

    service: Service
    addresses: tuple[str, ...]
    secured: bool = False

    @property
    def hint(self) -> str:
        """A command that shows that it works."""
        return f"docker {'--tlsverify ' if self.secured else ''}-H {self.addresses[0]} ps"

    async def __call__(self, message: Message, /) -> Message:
        return await self.service(message)


@frozen
class DockerServerStage(Stage):
    """The Engine API at some addresses. `api` is the version to offer, by default the lowest that all hosts have."""

    role = Role.FRONT
    name = "dockerserver"
    at: Endpoints
    api: str | None = None
    pull: Pull = Pull.EVERY

    @property
    def serves(self) -> frozenset[str]:
        return self.at.serves

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("dockerserver has no service behind it")
        context = self.at.context()
        with self.at.listening() as opened:
            async with open_instance() as nursery:
                front = Front(await Hosts.of(inner), nursery, software=_software(), api=self.api, pull=self.pull)
                serve = partial(serve_connection, handler=front)
                for listener, address in opened:
                    nursery.start_soon(trio.serve_listeners, _greeting(address, serve, context), [listener])
                addresses = tuple(address for _, address in opened)
                yield Listening(inner, addresses, secured=context is not None and _is_tcp(addresses[0]))

    def __str__(self) -> str:
        api = ["--api", self.api] if self.api is not None else []
        pulls = ["--pull", self.pull.value] if self.pull is not Pull.EVERY else []
        return shlex.join((self.name, *self.at.words(), *api, *pulls))


def _greeting(address: str, serve: Serve, context: FreshContext | None) -> Callable[..., Awaitable[None]]:
    """Return what serves a connection to an address."""
    if not _is_tcp(address):
        return serve
    if context is None:
        return partial(serve_plain, serve=serve)
    return partial(serve_tls, serve=serve, context=context)


def default_address() -> str:
    """Return the Unix socket in the user's runtime directory, or what comes nearest to that."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return f"unix://{runtime}/swarmd.sock"
    return "unix:///run/swarmd.sock" if os.geteuid() == 0 else f"unix:///tmp/swarmd-{os.geteuid()}.sock"


def _is_tcp(address: str) -> bool:
    return address.startswith("tcp://")


def _software() -> str:
    try:
        return version("swarmd")
    except PackageNotFoundError:
        return "0"


@part(Role.FRONT)
@click.argument("addresses", nargs=-1, metavar="[ADDR]...")
@click.option("--api", metavar="VERSION", help="API version to offer; by default the lowest that all hosts have.")
@click.option(
    "--pull",
    type=click.Choice([way.value for way in Pull]),
    default=Pull.EVERY.value,
    show_default=True,
    help="Pull to every host, or to one, from which images are copied where they are wanted.",
)
@endpoint_options
def dockerserver(addresses: tuple[str, ...], api: str | None, pull: str, **options: Any) -> Stage:
    """Serve the Docker Engine API.

    ADDR is unix:///PATH or tcp://HOST:PORT; by default a Unix socket in the user's runtime directory. fd:// is every
    socket that systemd hands over, fd://NAME one of that name. TCP that other machines reach wants TLS, with a
    certificate of every client: --tlsverify, with files that are by default those of the docker command.
    """
    at = endpoints_of(addresses or (default_address(),), **options)
    at.check()
    return DockerServerStage(at, api, Pull(pull))
