"""Which builder clients are told to use: the header `Builder-Version` of a ping, which the docker command obeys."""

from __future__ import annotations

import trio
from attrs import evolve

from swarmkit.engine.replies import answered
from swarmkit.http import Response
from swarmkit.service import close_ends

from .hosts import ANSWER_DEADLINE, Hosts, Node

HEADER = "Builder-Version"

_CLASSIC, _BUILDKIT = "1", "2"


class BuilderVersion:
    """The builder that clients are told of: BuildKit where all hosts prefer it, else the classic one, which all have.

    Decided once, by the hosts that answer then, so that it does not flap; nothing is said where no host says anything.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._chosen: str | None = None
        self._lock = trio.Lock()

    async def told_in(self, response: Response) -> Response:
        """Return the answer to a ping with the header."""
        if self._chosen is None:
            async with self._lock:
                if self._chosen is None:
                    self._chosen = await self._common()
        headers = ((HEADER, self._chosen),) if self._chosen else ()
        return evolve(response, headers=response.headers.plus(*headers))

    async def _common(self) -> str | None:
        """Return what all have in common; None where no host answers, which decides nothing."""
        told = {version for _, version in answered(await self._hosts.ask_all(self._ask, deadline=ANSWER_DEADLINE))}
        if not told:
            return None
        if told == {_BUILDKIT}:
            return _BUILDKIT
        return _CLASSIC if any(told) else ""

    async def _ask(self, node: Node) -> str:
        reply = await self._hosts.connect(node.path, "GET", "/_ping")
        await close_ends(reply)
        return next((str(value) for key, value in reply.get("headers") or () if key.lower() == HEADER.lower()), "")
