"""Execs: their ids carry no host, so that it is remembered at creation, and asked for otherwise."""

from __future__ import annotations

from collections import OrderedDict

import trio

from swarmkit.engine.replies import failed
from swarmkit.errors import NotFound, Unavailable
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
        return self._owners[exec_id]

    async def _ask(self, exec_id: str) -> None:
        """Ask every host until one has it. Raises `NotFound` where all say that they have not."""

        async def ask_one(node: Node) -> None:
            await self._hosts.document((*node.path, "exec", exec_id), "GET", "/json")
            self.remember(exec_id, node.path)
            found.cancel()

        with trio.CancelScope() as found:
            answers = await self._hosts.ask_all(ask_one)
        if exec_id in self._owners:
            return
        silent = [(host, error) for host, error in failed(answers) if not isinstance(error, NotFound)]
        if silent:
            names = "; ".join(f"{host}: {error.reason}" for host, error in silent)
            raise Unavailable(f"cannot tell whether there is an exec instance {exec_id}: {names}")
        raise NotFound(f"No such exec instance: {exec_id}")
