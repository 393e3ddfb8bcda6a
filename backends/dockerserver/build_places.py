"""Where a build goes that no other request has placed: what it asks for, what its host must have, what is preferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swarmkit.engine.builds import BuildQuery, at_engine, not_at_engines
from swarmkit.engine.versions import version_key
from swarmkit.errors import Conflict, NotFound, Unavailable
from swarmkit.message import Message, Path, Verb

from .hosts import Hosts, Node

BUILDKIT_API = "1.39"
"""The oldest version of the API of which every engine has BuildKit."""


class BuildPlaces:
    """Choose hosts for builds, as the policy of the service behind does."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def beside(self, query: BuildQuery) -> tuple[BuildQuery, Path | None]:
        """Return the query with the name that its host has for the container it must be beside, and that host.

        Where there is no such container, the engine says so. Raises `Conflict` where that host is drained.
        """
        if not query.beside:
            return query, None
        try:
            path = await self._hosts.path_of(query.beside)
        except NotFound:
            return query, None
        host = path[:2]
        if host and (await self._hosts.node(host)).drained:
            raise Conflict(
                f"the build must be on host {host[1]}, where the container of its network is, "
                "which is drained and takes nothing new: put it back first"
            )
        return query.with_beside(path[-1]), host

    async def choose(self, query: BuildQuery, last: Path | None, *, buildkit: bool) -> Path:
        """Choose by what is asked for; without any condition rather `last`, the host of the build before.

        There are the images and the cache that the next one may build upon, and nobody knows of which before it runs.
        Raises `Unavailable` that names each host and why not, and `Invalid` for a condition that cannot be read.
        """
        nodes = await self._hosts.nodes()
        spec = query.spec
        if not query.expressions and (engine := _engine(nodes, last)):
            spec = at_engine(spec, engine, wish=True)
        old = [node for node in nodes if buildkit and _is_old(node)]
        try:
            return await self._place(not_at_engines(spec, (_id(node) for node in old)))
        except Unavailable as error:
            refusals = dict(error.details.get("refusals") or ())
            if not refusals:
                raise
            refusals |= {node.name: f"BuildKit needs API {BUILDKIT_API}, and it has {_api(node)}" for node in old}
            reasons = "; ".join(f"{host}: {reason}" for host, reason in refusals.items())
            raise Unavailable(f"no host can take the build: {reasons}", refusals=refusals) from error

    async def check(self, query: BuildQuery, host: Path) -> None:
        """Raise `Conflict` where the conditions of a build rule out the host that it must be on."""
        engine = _engine(await self._hosts.nodes(), host) if query.expressions else ""
        if not engine:
            return
        try:
            await self._place(at_engine(query.spec, engine))
        except Unavailable as error:
            conditions = ", ".join(query.expressions)
            raise Conflict(
                f"the build must be on host {host[1]}, where its session or the container of its network is, "
                f"and {conditions} does not allow that"
            ) from error

    async def _place(self, spec: Mapping[str, Any]) -> Path:
        return (await self._hosts.service(Message(Verb.GET, ("nodes",), {"spec": spec}))).path


def _engine(nodes: Sequence[Node], host: Path | None) -> str:
    """Return the ID of a host's engine, nothing where it is not known."""
    return next((_id(node) for node in nodes if node.path == host), "")


def _id(node: Node) -> str:
    return str(node.document.get("ID") or "")


def _api(node: Node) -> str:
    return str(node.document.get("ApiVersion") or "")


def _is_old(node: Node) -> bool:
    """Tell whether the engine of a host is known, and too old to have BuildKit."""
    return bool(_id(node) and _api(node)) and version_key(_api(node)) < version_key(BUILDKIT_API)
