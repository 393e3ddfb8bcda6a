"""The part `docker`: one engine, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import trio
from attrs import evolve, frozen

from swarmkit.instance import open_instance
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.transport import Transport, client_tls, open_dialer, tls_options
from swarmkit.transport.addresses import words_for

from .client import EngineClient
from .dialer import name_of_address, transport_for
from .health import Health
from .node import EngineNode
from .service import EngineService


@frozen
class EngineStage(Stage):
    """One engine behind a transport. `name` is how its host is called where nothing else names it."""

    role = Role.BACKEND
    transport: Transport
    name: str

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        health = Health()
        async with open_dialer(self.transport, self.name, health.hope) as dialer, open_instance() as nursery:
            client = EngineClient(dialer, nursery, health, self.name)
            node = EngineNode(self.name, client, nursery)
            nursery.start_soon(health.watch, self.name, node.ping)
            try:
                yield EngineService(node, nursery)
            finally:
                nursery.cancel_scope.cancel()  # first: what ends now is nobody's failure
                with trio.CancelScope(shield=True):
                    await client.close()

    @property
    def reaches(self) -> frozenset[str]:
        return frozenset({self.transport.address})

    def named(self, name: str) -> Stage:
        return evolve(self, name=name)

    def __str__(self) -> str:
        return f"docker {words_for(self.transport)}"


@part(Role.BACKEND)
@click.argument("address", required=False)
@click.option("--name", help="What the host is called; by default it is named after its address.")
@click.option("--insecure", is_flag=True, help="Allow plain TCP to another machine.")
@tls_options
@click.option("--tls", is_flag=True, help="Use TLS without checking the engine's certificate.")
def docker(
    address: str | None,
    name: str | None,
    insecure: bool,
    tlsverify: bool,
    ca: str | None,
    cert: str | None,
    key: str | None,
    tls: bool,
) -> Stage:
    """One Docker Engine.

    ADDRESS is unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST; by default $DOCKER_HOST, else the standard socket.
    With --tlsverify, as with $DOCKER_TLS_VERIFY, TCP has TLS with the files named, else those of the docker command.
    """
    files = client_tls(tlsverify, ca, cert, key, tls=tls)
    transport = transport_for(address, insecure=insecure, tls=files)
    return EngineStage(transport, name or name_of_address(transport.address))
