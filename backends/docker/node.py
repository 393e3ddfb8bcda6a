"""The engine as a node: whether it answers, what it says of itself, and the row that tells it."""

from __future__ import annotations

import logging
from typing import Any

import trio
from attrs import evolve

from swarmkit.engine.times import SECOND, format_time
from swarmkit.errors import Internal, Invalid, SwarmError
from swarmkit.http import Reply
from swarmkit.rows import Row

from .client import EngineClient
from .facts import Facts
from .ping import Pinger
from .request import VersionRange, parse_version

log = logging.getLogger(__name__)

FACTS_DEADLINE = 10.0
"""Seconds that an engine may take to describe itself; it counts as healthy meanwhile."""

DESCRIBED_WITHIN = 1.0
"""Seconds for which what an engine has is not listed, until it is known which engine it is."""

OLDEST_API = "1.12"
"""The oldest version of an engine that does not say which it is."""


class EngineNode:
    """One engine behind a client, and what is known of it. The facts are fetched in `nursery`."""

    def __init__(self, name: str, client: EngineClient, nursery: trio.Nursery) -> None:
        self.name = name
        self.client = client
        self.health = client.health
        self.facts = Facts()
        self._pinger = Pinger(client.pool)
        self._nursery = nursery
        self._described = trio.Event()
        self._due = False  # whether the facts are going to be fetched as soon as it is healthy

    def row(self) -> Row:
        """Describe this engine: what it is, where, and whether it answers."""
        document: dict[str, Any] = {
            "Name": self.name,
            "Address": self.client.address,
            "IP": self.client.pool.dialer.ip,
            "State": self.health.state.value,
            "Reason": self.health.reason,
            "Since": format_time(self.health.since_time // SECOND * SECOND),
            "StateSeconds": round(trio.current_time() - self.health.since, 3),
            **self.facts.node(),
        }
        if self.client.versions.newest is not None:
            document["ApiVersion"] = "{}.{}".format(*self.client.versions.newest)
        if self.client.versions.oldest is not None:
            document["MinApiVersion"] = "{}.{}".format(*self.client.versions.oldest)
        lost = None if self.health.healthy else self.health.reason
        return Row(name=self.name, path=("nodes", self.name), id=document.get("ID", ""), document=document, lost=lost)

    # -- the ping -------------------------------------------------------------------------------------------------

    async def ping(self, anew: bool = False) -> str | None:
        """Ask the engine whether it is there, `anew` on a new connection; return why it did not answer, or None.

        Idle connections are looked after here, too: no other task of an engine wakes up by itself.
        """
        self.client.pool.drop_idle()
        try:
            return self._note(*await self._pinger.ping(anew))
        except SwarmError as error:
            return error.reason

    def _note(self, pong: Reply, body: bytes) -> str | None:
        if pong.head.status == 400 and (b"HTTPS" in body or b"TLS" in body):  # the engine's words; another swarmd's
            return "it speaks TLS on this port: use --tlsverify"
        if pong.head.status != 200:
            return f"it answered a ping with status {pong.head.status}"
        try:
            newest = parse_version(pong.head.headers.get("Api-Version"))
        except Invalid:
            return "it does not answer as a Docker Engine does (no Api-Version)"
        if newest != self.client.versions.newest or not self.health.healthy:
            self.client.versions = evolve(self.client.versions, newest=newest)
            self.refresh_facts()
        return None

    # -- facts ----------------------------------------------------------------------------------------------------

    def refresh_facts(self) -> None:
        """Ask the engine anew what it is, as soon as it is healthy."""
        self._described = trio.Event()
        if not self._due:
            self._due = True
            self._nursery.start_soon(self._fetch_facts)

    async def wait_described(self) -> None:
        """Wait until the engine has said what it is, or failed to; no longer than `DESCRIBED_WITHIN`."""
        with trio.move_on_after(DESCRIBED_WITHIN):
            await self._described.wait()

    async def _fetch_facts(self) -> None:
        await self.health.wait_healthy()
        self._due, described = False, self._described
        try:
            with trio.fail_after(FACTS_DEADLINE):
                facts = Facts(await self._document("/version"), await self._document("/info"))
            oldest = parse_version(str(facts.version.get("MinAPIVersion") or OLDEST_API))
        except (SwarmError, trio.TooSlowError) as error:
            log.warning(
                "%s does not describe itself: %s", self.name, str(error) or f"no answer in {FACTS_DEADLINE:g} s"
            )
        else:
            self.client.versions = VersionRange(oldest, self.client.versions.newest)
            self.facts = facts
            self.health.announce()
        described.set()

    async def _document(self, path: str) -> dict[str, Any]:
        document = await self.client.get_json(path)
        if not isinstance(document, dict):
            raise Internal(f"host {self.name} answered {path} with what is no object")
        return document
