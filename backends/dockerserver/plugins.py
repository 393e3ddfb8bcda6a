"""Managed plug-ins: listed over all hosts; one that is named is its host's, which is asked and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from swarmkit.engine.plugins import find_plugin, merge_plugins
from swarmkit.engine.replies import Reply, answered, failed, require_some
from swarmkit.errors import Conflict, NotFound, Unavailable
from swarmkit.http import Response

from .answers import json_answer, naming_missing
from .call import Call
from .everywhere import reasons
from .forwarding import forward, forward_whole
from .hosts import ANSWER_DEADLINE, Hosts, Node

Listed = Sequence[Mapping[str, Any]]


class Plugins:
    """The operations on plug-ins. What installs one is refused: see `refusals`."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def list_all(self, call: Call) -> Response:
        """List the plug-ins of all hosts (operation PluginList)."""
        answers = await self._listed(call.query_part)
        require_some(answers)
        return naming_missing(json_answer(merge_plugins(answers)), reasons(failed(answers)))

    async def to_owner(self, call: Call) -> Response:
        """Send an operation to the host that has the plug-in, by `host/name` where several have it."""
        if self._hosts.single:
            return await forward_whole(self._hosts, call)
        node, name = await self._owner(call.name)
        return await forward(self._hosts, call, node.path, f"/plugins/{quote(name, safe='/:@')}{call.target}")

    async def _listed(self, query: str = "") -> list[Reply[Listed]]:
        async def ask(node: Node) -> Listed:
            return list(await self._hosts.document(node.path, "GET", f"/plugins{query}") or ())

        return await self._hosts.ask_all(ask, deadline=ANSWER_DEADLINE)

    async def _owner(self, reference: str) -> tuple[Node, str]:
        """Return the host and the name that the plug-in has there; raise what says why there is not one of it."""
        answers = await self._listed()
        found: dict[str, str] = {}
        for host, listed in answered(answers):
            name = reference.removeprefix(f"{host}/")
            if (plugin := find_plugin(name, listed)) is not None:
                found[host] = str(plugin["Id"]) if plugin["Id"].startswith(name) else name
        if len(found) > 1:
            names = ", ".join(f"{host}/{name}" for host, name in found.items())
            raise Conflict(f'plugin "{reference}" is on several hosts: say which one is meant: {names}')
        if not found:
            raise _nowhere(reference, reasons(failed(answers)))
        ((host, name),) = found.items()
        return next(node for node in await self._hosts.nodes() if node.name == host), name


def _nowhere(reference: str, silent: Sequence[tuple[str, str]]) -> NotFound | Unavailable:
    """Say that a plug-in is on no host; or, where some did not tell, that it is on none of the others."""
    text = f'plugin "{reference}" not found'
    if not silent:
        return NotFound(text)
    return Unavailable(f"{text} on the hosts that answer; {'; '.join(f'{host}: {why}' for host, why in silent)}")
