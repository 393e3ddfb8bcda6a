"""Networks over several hosts: each has one owner, but for `bridge`, `host` and `none`, which every host has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.engine.dependencies import entries, split_entry, with_links
from swarmkit.engine.filters import Filters
from swarmkit.engine.networks import check, in_use, select
from swarmkit.engine.shared import PREDEFINED, in_one_list, shown_names
from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.http import Response
from swarmkit.message import Path
from swarmkit.rows import Row

from .answers import json_answer, naming_missing, relayed
from .call import Call
from .forwarding import forward_whole
from .hosts import Hosts, json_of, path_by_word
from .owned import Owned, project_of, spec_of
from .turns import Turns


class Networks:
    """The operations on networks."""

    def __init__(self, hosts: Hosts, turns: Turns) -> None:
        self._hosts = hosts
        self._turns = turns
        self._owned = Owned(hosts, "networks", ambiguous=Invalid)

    async def list(self, call: Call) -> Response:
        """List the networks of all hosts (operation NetworkList)."""
        filters = Filters.parse(call.params.get("filters"))
        check(filters)
        listing = await self._hosts.rows("networks")
        used = in_use(await self._hosts.rows("containers")) if filters.get("dangling") else ()
        rows = in_one_list(listing)
        names = shown_names(rows)
        documents = [self._owned.document(row, names) for row in select(rows, filters, used)]
        return naming_missing(json_answer(documents), ((gap.member, gap.reason) for gap in listing.missing))

    async def create(self, call: Call) -> Response:
        """Create a network on the host that its name says, or that the policy chooses (operation NetworkCreate).

        A name is had once on all hosts, unless it is qualified; of many that want one at once, one gets it.
        """
        spec = await spec_of(call)
        named, name = await self._owned.named_in(str(spec.get("Name") or ""))
        async with self._turns.taking(network=name, project=project_of(spec)):
            host = named or await self._free_place(name, spec)
            reply = await self._owned.create(call, host, {**spec, "Name": name})
        if reply["status"] != 201:
            return relayed(reply)
        created = await json_of(reply)
        if named is None:
            warnings = (created.get("Warning"), f"network {name} was created on host {host[1]}")
            created = {**created, "Warning": "; ".join(filter(None, warnings))}
        return json_answer(created, 201)

    async def _free_place(self, name: str, spec: Mapping[str, Any]) -> Path:
        """Return the path of the host to create on. What every host has, the first refuses in the engine's words."""
        if name in PREDEFINED:
            return (await self._owned.find(name)).path[:2]
        for row in await self._hosts.rows("networks"):
            if name and row.name == name:
                raise Conflict(f"network with name {name} already exists on host {row.member}")
        return await self._owned.choose(spec)

    async def prune(self, call: Call) -> Response:
        """Remove what is not used, on every host that answers (operation NetworkPrune)."""
        return await self._owned.prune(call, "NetworksDeleted")

    async def to_owner(self, call: Call) -> Response:
        """Send an operation to the host that has the network."""
        if self._hosts.single:
            return await forward_whole(self._hosts, call)
        match call.route.operation.name:
            case "NetworkInspect":
                return await self._inspect(call)
            case "NetworkConnect" | "NetworkDisconnect":
                return await self._join(call)
        return await self._owned.to_owner(call)

    async def _inspect(self, call: Call) -> Response:
        """Add the host as `Node` (operation NetworkInspect)."""
        reply = await self._owned.ask(call)
        if reply["status"] != 200:
            return relayed(reply)
        node = await self._hosts.node(reply.path)
        return json_answer({**await json_of(reply), "Node": node.shown()})

    async def _join(self, call: Call) -> Response:
        """Connect or disconnect a container, which must be on the host of the network.

        A bare name means the network of that host, whoever else has one called so.
        """
        body = await spec_of(call)
        reference = str(body.get("Container") or "")
        try:
            container = await self._hosts.row_of(reference)
        except NotFound:  # it is left to the network's host to say so, or to let go of what is gone
            path = await self._owned.path(call.name)
        else:
            path = await self._path_beside(container, call.name, reference)
            body = _with_plain(body, path_by_word(container, reference)[-1], container.member)
        return relayed(await self._owned.post(call, path, call.target, body))

    async def _path_beside(self, container: Row, name: str, reference: str) -> Path:
        try:
            here = await self._hosts.row_of(f"{container.member}/{name}", "networks")
        except NotFound:
            return await self._path_or_apart(container, name, reference)
        return path_by_word(here, name)

    async def _path_or_apart(self, container: Row, name: str, reference: str) -> Path:
        """Return the path to a network by its qualified name; raise `Conflict` where it is on another host."""
        try:
            network = await self._owned.find(name)
        except NotFound:
            return ("nodes", container.member, "networks", name)  # whose engine refuses in its own words
        if network.member != container.member:
            raise Conflict(
                f"container {reference} is on host {container.member} and network {name} on host {network.member}: "
                "a container joins networks of its own host"
            )
        return path_by_word(network, name)


def _with_plain(body: Mapping[str, Any], word: str, host: str) -> dict[str, Any]:
    """Return the body with the words that the host knows, for the container and for those that it links to."""
    plain, settings = {**body, "Container": word}, body.get("EndpointConfig")
    names = (split_entry(link)[0] for link in entries(settings, "Links")) if isinstance(settings, Mapping) else ()
    words = {name: name.removeprefix(f"{host}/") for name in names}
    return plain if not words else {**plain, "EndpointConfig": with_links(settings, words)}
