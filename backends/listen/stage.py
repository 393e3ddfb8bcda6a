"""The part `listen`: the front, opened."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import trio
from attrs import field, frozen

from swarmkit.errors import Internal, Invalid, SwarmError
from swarmkit.instance import open_instance
from swarmkit.message import Message
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.transport import FreshContext, TlsFiles, server_files, tls_options, words_of
from swarmkit.transport.activation import SCHEME, real_addresses
from swarmkit.transport.credentials import Allowed
from swarmkit.transport.listening import DEFAULT_MODE, Access, check_address, listening_on, permissions
from swarmkit.transport.standard import standard_stream

from .serving import Serving

STANDARD = "stdio:"
"""The address of the standard streams; `-` is short for it."""

CONNECTIONS = 256
"""Connections at once, unless told otherwise."""


class Listening:
    """The opened front: the service behind it, and the `addresses` on which it is served."""

    def __init__(self, service: Service, addresses: tuple[str, ...]) -> None:
        self.service = service
        self.addresses = addresses
        self.error: SwarmError | None = None
        self.ended = trio.Event()

    async def __call__(self, message: Message, /) -> Message:
        return await self.service(message)

    async def wait_ended(self) -> None:
        """Wait until nobody is served any more, as happens on standard streams; raise why nobody was at all."""
        await self.ended.wait()
        if self.error is not None:
            raise self.error


@frozen
class ListenStage(Stage):
    """A service over the wire on one or more addresses, on those of TCP over TLS if there are files for it.

    `insecure` allows TCP in the clear that other machines reach. At most `connections` are served at once.
    """

    role = Role.FRONT
    name = "listen"
    addresses: tuple[str, ...]
    access: Access = field(factory=Access)
    allowed: Allowed = field(factory=Allowed)
    tls: TlsFiles | None = None
    insecure: bool = False
    connections: int = CONNECTIONS

    @property
    def serves(self) -> frozenset[str]:
        own = (address for address in self.addresses if address != STANDARD)
        real = (real_addresses(address) if address.startswith(SCHEME) else {address} for address in own)
        return frozenset[str]().union(*real)

    @property
    def open_to_all(self) -> bool:
        """Whether TCP that other machines reach is served: there is TLS, or it is meant."""
        return self.insecure or self.tls is not None

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("listen has no service behind it")
        context = FreshContext(self.tls, self.tls.server_context) if self.tls is not None else None
        serving = Serving(inner, self.allowed, self.connections, self.tls, context)
        opening = self._on_standard_streams if STANDARD in self.addresses else self._on_sockets
        async with opening(serving) as front:
            yield front

    @asynccontextmanager
    async def _on_sockets(self, serving: Serving) -> AsyncIterator[Listening]:
        with listening_on(self.addresses, self.access, open_to_all=self.open_to_all) as opened:
            async with open_instance() as nursery:
                for listener, address in opened:
                    serve = serving.tcp if address.startswith("tcp://") else serving.unix
                    nursery.start_soon(trio.serve_listeners, serve, [listener])
                yield Listening(serving.service, tuple(address for _, address in opened))

    @asynccontextmanager
    async def _on_standard_streams(self, serving: Serving) -> AsyncIterator[Listening]:
        front = Listening(serving.service, (STANDARD,))
        with standard_stream() as stream:
            async with open_instance() as nursery:

                async def converse() -> None:
                    try:
                        await serving.converse(stream, who="whoever started this")
                    except SwarmError as error:
                        front.error = error
                    front.ended.set()

                nursery.start_soon(converse)
                yield front

    def __str__(self) -> str:
        options = words_of(self.tls) if self.tls is not None else ["--insecure"] if self.insecure else []
        for option, numbers in (("--allow-uid", self.allowed.uids), ("--allow-gid", self.allowed.gids)):
            options += [word for number in sorted(numbers) for word in (option, str(number))]
        return shlex.join((self.name, *self.addresses, *options))


@part(Role.FRONT)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@click.option("--mode", default=f"{DEFAULT_MODE:o}", show_default=True, help="Permissions of a Unix socket, in octal.")
@click.option("--group", help="Group that a Unix socket belongs to.")
@click.option("--allow-uid", "uids", type=int, multiple=True, help="A user that may connect there (may be repeated).")
@click.option("--allow-gid", "gids", type=int, multiple=True, help="A group whose processes may (may be repeated).")
@click.option(
    "--connections", type=click.IntRange(min=1), default=CONNECTIONS, show_default=True, help="Connections at once."
)
@tls_options
@click.option("--insecure", is_flag=True, help="Serve TCP in the clear to other machines.")
def listen(
    addresses: tuple[str, ...],
    mode: str,
    group: str | None,
    uids: tuple[int, ...],
    gids: tuple[int, ...],
    connections: int,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    insecure: bool,
) -> Stage:
    """Serve what is behind it to other machines, for `remote` there.

    ADDR is unix:///PATH, tcp://HOST:PORT, fd://[NAME] for sockets that systemd hands over, or `-` for the standard
    streams, with whose end the program ends. A Unix socket is for root and the own user, unless others are allowed. TCP
    that other machines reach wants TLS, with a certificate of every client.
    """
    tls = server_files(ca, cert, key) if tlsverify or ca or cert or key else None
    if tls is not None and insecure:
        raise Invalid("--insecure is for TCP in the clear, and there is TLS: leave out one of them")
    if tls is not None and not any(address.startswith(("tcp://", SCHEME)) for address in addresses):
        raise Invalid("TLS is for addresses of TCP, and there is none: tcp://HOST:PORT")
    addresses = tuple(STANDARD if address == "-" else address for address in addresses)
    if STANDARD in addresses and len(addresses) > 1:
        raise Invalid("the standard streams (-) are served alone: leave out the other addresses")
    allowed = Allowed(frozenset(uids), frozenset(gids))
    stage = ListenStage(addresses, Access(permissions(mode), group), allowed, tls, insecure, connections)
    for address in addresses:
        if address != STANDARD:
            check_address(address, open_to_all=stage.open_to_all)
    return stage
