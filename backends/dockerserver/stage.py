"""The part `dockerserver`: the front, opened."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
from swarmkit.transport import FreshContext, TlsFiles, server_files, tls_options, words_of
from swarmkit.transport.activation import SCHEME, real_addresses
from swarmkit.transport.greeting import Serve
from swarmkit.transport.listening import DEFAULT_MODE, Access, check_address, listening_on, permissions

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
    """The Engine API on one or more addresses, on those of TCP over TLS if there are files for it.

    `insecure` allows TCP in the clear that other machines reach.
    """

    role = Role.FRONT
    name = "dockerserver"
    addresses: tuple[str, ...]
    access: Access
    api: str | None = None
    tls: TlsFiles | None = None
    insecure: bool = False
    pull: Pull = Pull.EVERY

    @property
    def serves(self) -> frozenset[str]:
        real = (real_addresses(address) if _is_handed(address) else {address} for address in self.addresses)
        return frozenset[str]().union(*real)

    @property
    def open_to_all(self) -> bool:
        """Whether TCP that other machines reach is served: there is TLS, or it is meant."""
        return self.insecure or self.tls is not None

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("dockerserver has no service behind it")
        context = FreshContext(self.tls, self.tls.server_context) if self.tls is not None else None
        with listening_on(self.addresses, self.access, open_to_all=self.open_to_all) as opened:
            async with open_instance() as nursery:
                front = Front(await Hosts.of(inner), nursery, software=_software(), api=self.api, pull=self.pull)
                serve = partial(serve_connection, handler=front)
                for listener, address in opened:
                    nursery.start_soon(trio.serve_listeners, self._greeting(address, serve, context), [listener])
                addresses = tuple(address for _, address in opened)
                yield Listening(inner, addresses, secured=self.tls is not None and _is_tcp(addresses[0]))

    def _greeting(self, address: str, serve: Serve, context: FreshContext | None) -> Callable[..., Awaitable[None]]:
        """Return what serves a connection to an address."""
        if not _is_tcp(address):
            return serve
        if self.tls is None or context is None:
            return partial(serve_plain, serve=serve)
        return partial(serve_tls, serve=serve, context=context, files=self.tls)

    def __str__(self) -> str:
        options = words_of(self.tls) if self.tls is not None else ["--insecure"] if self.insecure else []
        pulls = ["--pull", self.pull.value] if self.pull is not Pull.EVERY else []
        return shlex.join((self.name, *self.addresses, *options, *pulls))


def default_address() -> str:
    """Return the Unix socket in the user's runtime directory, or what comes nearest to that."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return f"unix://{runtime}/swarmd.sock"
    return "unix:///run/swarmd.sock" if os.geteuid() == 0 else f"unix:///tmp/swarmd-{os.geteuid()}.sock"


def _is_tcp(address: str) -> bool:
    return address.startswith("tcp://")


def _is_handed(address: str) -> bool:
    return address.startswith(SCHEME)


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
@click.option(
    "--pull",
    type=click.Choice([way.value for way in Pull]),
    default=Pull.EVERY.value,
    show_default=True,
    help="Pull to every host, or to one, from which images are copied where they are wanted.",
)
@tls_options
@click.option("--insecure", is_flag=True, help="Serve TCP in the clear to other machines.")
def dockerserver(
    addresses: tuple[str, ...],
    mode: str,
    group: str | None,
    api: str | None,
    pull: str,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    insecure: bool,
) -> Stage:
    """Serve the Docker Engine API.

    ADDR is unix:///PATH or tcp://HOST:PORT; by default a Unix socket in the user's runtime directory. fd:// is every
    socket that systemd hands over, fd://NAME one of that name. TCP that other machines reach wants TLS, with a
    certificate of every client: --tlsverify, with files that are by default those of the docker command.
    """
    tls = server_files(ca, cert, key) if tlsverify or ca or cert or key else None
    if tls is not None and not any(_is_tcp(address) or _is_handed(address) for address in addresses):
        raise Invalid("TLS is for addresses of TCP, and there is none: tcp://HOST:2376")
    if tls is not None and insecure:
        raise Invalid("--insecure is for TCP in the clear, and there is TLS: leave out one of them")
    stage = DockerServerStage(
        addresses or (default_address(),), Access(permissions(mode), group), api, tls, insecure, Pull(pull)
    )
    for address in stage.addresses:
        check_address(address, open_to_all=stage.open_to_all)
    return stage
