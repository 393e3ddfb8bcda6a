"""The API version that clients are offered: one, which stays for the life of the process."""

from __future__ import annotations

import trio

from swarmkit.engine.versions import lowest_version, version_key
from swarmkit.errors import Invalid, SwarmError

from .hosts import Hosts, Node

OLDEST_API = "1.24"
"""The oldest version that a client may ask for; a host that has it no more is asked in its own oldest."""

NEWEST_API = "1.56"
"""The newest version that is known."""

FALLBACK_API = "1.41"
"""Offered where no host has answered within `SETTLE_SECONDS`."""

SETTLE_SECONDS = 2.0
"""How long the first client may wait for hosts to be reached or found dead."""


class ApiVersion:
    """The version offered: what was asked for, else the lowest maximum of the hosts that were reached first."""

    def __init__(self, hosts: Hosts, chosen: str | None) -> None:
        self._hosts = hosts
        self._chosen = chosen
        self._lock = trio.Lock()

    async def get(self) -> str:
        """Return the version; decide it if this is the first time."""
        if self._chosen is None:
            async with self._lock:
                if self._chosen is None:
                    self._chosen = await self._lowest()
        return self._chosen

    async def _lowest(self) -> str:
        nodes = await self._nodes()
        with trio.move_on_after(SETTLE_SECONDS):
            while any(node.document.get("State") == "connecting" for node in nodes):
                await trio.sleep(0.02)
                nodes = await self._nodes()
        reached = [str(node.document["ApiVersion"]) for node in nodes if node.document.get("ApiVersion")]
        return lowest_version([*reached, NEWEST_API]) if reached else FALLBACK_API

    async def _nodes(self) -> list[Node]:
        try:
            return await self._hosts.nodes()
        except SwarmError:  # whoever lists the hosts cannot be reached: that too must be said in some version
            return []

    async def check(self, asked: str) -> None:
        """Raise `Invalid`, in the engine's words, for a version that is not offered."""
        offered = await self.get()
        if version_key(asked) > version_key(offered):
            raise Invalid(f"client version {asked} is too new. Maximum supported API version is {offered}")
        if version_key(asked) < version_key(OLDEST_API):
            raise Invalid(
                f"client version {asked} is too old. Minimum supported API version is {OLDEST_API}, "
                "please upgrade your client to a newer version"
            )
