"""Execs: their ids carry no host, so that it is remembered at creation, and asked for otherwise."""

from __future__ import annotations

from collections import OrderedDict

from swarmkit.errors import NotFound, SwarmError
from swarmkit.http import Response
from swarmkit.message import Path

from .call import Call
from .forwarding import forward
from .hosts import Hosts, Node

REMEMBERED = 10_000
"""Execs whose host is remembered; the hosts are asked for an older one."""


class ExecOwners:
    """Which host an exec was created on."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._owners: OrderedDict[str, Path] = OrderedDict()

    def remember(self, exec_id: str, container: Path) -> None:
        """Take note of an exec created on the host of a container's canonical path."""
        self._owners[exec_id] = container[:2] if container[:1] == ("nodes",) else ()
        if len(self._owners) > REMEMBERED:
            self._owners.popitem(last=False)

    async def handle(self, call: Call) -> Response:
        """Send an operation to the host of its exec."""
        host = await self._find(call.name)
        return await forward(self._hosts, call, (*host, "exec", call.name), call.target)

    async def _find(self, exec_id: str) -> Path:
        if self._hosts.single:
            return ()
        if exec_id not in self._owners:
            await self._ask(exec_id)
        if exec_id not in self._owners:
            raise NotFound(f"No such exec instance: {exec_id}")
        return self._owners[exec_id]

    async def _ask(self, exec_id: str) -> None:
        async def ask_one(node: Node) -> Node:
            await self._hosts.document((*node.path, "exec", exec_id), "GET", "/json")
            return node

        for _, node in await self._hosts.ask_all(ask_one):
            if not isinstance(node, SwarmError):
                self.remember(exec_id, node.path)
