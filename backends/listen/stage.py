"""The part `listen`: the front, opened."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import trio
from attrs import field, frozen

from swarmkit.errors import Internal, Invalid, SwarmError
from swarmkit.instance import open_instance
from swarmkit.message import Message
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.transport.credentials import Allowed
from swarmkit.transport.endpoints import Endpoints, endpoint_options, endpoints_of
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
    """A service over the wire, to at most `connections` at once: `at` addresses, or on the standard streams (None)."""

    role = Role.FRONT
    name = "listen"
    at: Endpoints | None
    allowed: Allowed = field(factory=Allowed)
    connections: int = CONNECTIONS

    @property
    def serves(self) -> frozenset[str]:
        return self.at.serves if self.at is not None else frozenset()

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if inner is None:
            raise Internal("listen has no service behind it")
        at = self.at
        async with self._on_standard_streams(inner) if at is None else self._on_sockets(inner, at) as front:
            yield front

    @asynccontextmanager
    async def _on_sockets(self, inner: Service, at: Endpoints) -> AsyncIterator[Listening]:
        serving = Serving(inner, self.allowed, self.connections, at.context())
        with at.listening() as opened:
            async with open_instance() as nursery:
                for listener, address in opened:
                    serve = serving.tcp if address.startswith("tcp://") else serving.unix
                    nursery.start_soon(trio.serve_listeners, serve, [listener])
                yield Listening(inner, tuple(address for _, address in opened))

    @asynccontextmanager
    async def _on_standard_streams(self, inner: Service) -> AsyncIterator[Listening]:
        serving = Serving(inner, self.allowed, self.connections)
        front = Listening(inner, (STANDARD,))
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
        options = self.at.words() if self.at is not None else [STANDARD]
        for option, numbers in (("--allow-uid", self.allowed.uids), ("--allow-gid", self.allowed.gids)):
            options += [word for number in sorted(numbers) for word in (option, str(number))]
        options += ["--connections", str(self.connections)] if self.connections != CONNECTIONS else []
        return shlex.join((self.name, *options))


@part(Role.FRONT)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@click.option("--allow-uid", "uids", type=int, multiple=True, help="A user that may connect there (may be repeated).")
@click.option("--allow-gid", "gids", type=int, multiple=True, help="A group whose processes may (may be repeated).")
@click.option(
    "--connections", type=click.IntRange(min=1), default=CONNECTIONS, show_default=True, help="Connections at once."
)
@endpoint_options
def listen(
    addresses: tuple[str, ...], uids: tuple[int, ...], gids: tuple[int, ...], connections: int, **options: Any
) -> Stage:
    """Serve what is behind it to other machines, for `remote` there.

    ADDR is unix:///PATH, tcp://HOST:PORT, fd://[NAME] for sockets that systemd hands over, or `-` for the standard
    streams, with whose end the program ends. A Unix socket is for root and the own user, unless others are allowed. TCP
    that other machines reach wants TLS, with a certificate of every client.
    """
    allowed = Allowed(frozenset(uids), frozenset(gids))
    at = endpoints_of(addresses, **options)
    if not {"-", STANDARD} & set(addresses):
        at.check()
        return ListenStage(at, allowed, connections)
    if len(addresses) > 1:
        raise Invalid("the standard streams (-) are served alone: leave out the other addresses")
    if at.tls is not None or at.insecure:
        raise Invalid("TLS and --insecure are for addresses of TCP, and there is none: tcp://HOST:PORT")
    return ListenStage(None, allowed, connections)
