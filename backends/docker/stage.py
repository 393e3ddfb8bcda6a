"""The part `docker`: one engine, opened."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import trio
from attrs import evolve, frozen

from swarmkit.errors import Internal, Invalid, SwarmError, Unavailable
from swarmkit.http import Headers, RequestHead
from swarmkit.instance import open_instance
from swarmkit.part import Role, Stage, part
from swarmkit.service import Service
from swarmkit.streams import read_whole

from .client import EngineClient, parse_version
from .dialer import Dialer, dialer_for, name_of_address
from .facts import Facts
from .health import Health
from .service import EngineService

log = logging.getLogger(__name__)

_PING_HEADERS = Headers((("Host", "docker"),))

FACTS_DEADLINE = 10.0
"""Seconds that an engine may take to describe itself; it counts as healthy meanwhile."""


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
            service = OpenedEngine(self.name, client, health, nursery)
            nursery.start_soon(health.watch, self.name, service.ping)
            try:
                yield service
            finally:
                nursery.cancel_scope.cancel()  # first: what ends now is nobody's failure
                with trio.CancelScope(shield=True):
                    await client.close()

    def named(self, name: str) -> Stage:
        return evolve(self, name=name)

    def __str__(self) -> str:
        return f"docker {self.dialer.address}"


class OpenedEngine(EngineService):
    """An engine's service with the upkeep of an instance: the ping, and what the engine says of itself."""

    async def ping(self) -> str | None:
        """Ask for `/_ping` on a connection of its own; return why it was not answered, or None."""
        self.client.drop_idle()
        try:
            connection = await self.client.dial()
        except Unavailable as error:
            return error.message.partition("): ")[2] or error.message
        try:
            await connection.send(RequestHead("GET", "/_ping", _PING_HEADERS))
            reply = await connection.receive("GET")
            if reply is None:
                return "it closed the connection without an answer"
            await read_whole(reply.body)
        except SwarmError as error:
            return error.message
        finally:
            self.client.forget(connection)
            with trio.CancelScope(shield=True):
                await connection.aclose()
        if reply.head.status != 200:
            return f"it answered a ping with status {reply.head.status}"
        try:
            newest = parse_version(reply.head.headers.get("Api-Version"))
        except Invalid:
            return "it does not answer as a Docker Engine does (no Api-Version)"
        if newest != self.client.newest or not self.health.healthy:
            self.client.newest = newest
            self.refresh_facts()
        return None

    def refresh_facts(self) -> None:
        self._nursery.start_soon(self._fetch_facts)

    async def _fetch_facts(self) -> None:
        await self.health.wait_healthy()
        try:
            with trio.fail_after(FACTS_DEADLINE):
                facts = Facts(await self._document("/version"), await self._document("/info"))
                self.client.oldest = parse_version(str(facts.version.get("MinAPIVersion") or "1.12"))
        except (SwarmError, trio.TooSlowError) as error:
            log.warning("%s does not describe itself: %s", self.name, str(error) or "no answer in time")
            return
        self.facts = facts
        self.health.announce()

    async def _document(self, path: str) -> dict[str, Any]:
        document = await self.client.get_json(path)
        if not isinstance(document, dict):
            raise Internal(f"host {self.name} answered {path} with what is no object")
        return document


@part(Role.BACKEND)
@click.argument("address", required=False)
@click.option("--name", help="What the host is called; by default it is named after its address.")
def docker(address: str | None, name: str | None) -> Stage:
    """One Docker Engine.

    ADDRESS is unix:///PATH or tcp://HOST:PORT; by default $DOCKER_HOST, else the standard socket.
    """
    dialer = dialer_for(address)
    return EngineStage(dialer, name or name_of_address(dialer.address))
