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

from .client import EngineClient
from .dialer import Dialer, dialer_for, name_of_address
from .health import Health
from .node import EngineNode
from .service import EngineService


@frozen
class EngineStage(Stage):
    """One engine behind a dialer. `name` is how its host is called where nothing else names it."""

    role = Role.BACKEND
    dialer: Dialer
    name: str

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        async with open_instance() as nursery:
            health = Health()
            client = EngineClient(self.dialer, nursery, health, self.name)
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
        return frozenset({self.dialer.address})

    def named(self, name: str) -> Stage:
        return evolve(self, name=name)

    def __str__(self) -> str:
        return f"docker {self.dialer.address}"


@part(Role.BACKEND)
@click.argument("address", required=False)
@click.option("--name", help="What the host is called; by default it is named after its address.")
def docker(address: str | None, name: str | None) -> Stage:
    """One Docker Engine.

    ADDRESS is unix:///PATH or tcp://HOST:PORT; by default $DOCKER_HOST, else the standard socket.
    """
    dialer = dialer_for(address)
    return EngineStage(dialer, name or name_of_address(dialer.address))
