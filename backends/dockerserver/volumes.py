"""Volumes over several hosts: each has one owner, but for those of a driver that serves them on all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swarmkit.engine.shared import in_one_list, meant_of, shown_names
from swarmkit.engine.volumes import in_use, parse, select
from swarmkit.errors import Conflict
from swarmkit.http import Response
from swarmkit.message import Path
from swarmkit.rows import Row

from .answers import json_answer, naming_missing, relayed
from .call import Call
from .forwarding import forward_whole
from .hosts import Hosts, json_of
from .owned import Owned, project_of, spec_of
from .turns import Turns


class Volumes:
    """The operations on volumes."""

    def __init__(self, hosts: Hosts, turns: Turns) -> None:
        self._hosts = hosts
        self._turns = turns
        self._owned = Owned(hosts, "volumes")

    async def list(self, call: Call) -> Response:
        """List the volumes of all hosts (operation VolumeList); those that are not whole are in `Warnings`."""
        filters = parse(call.params.get("filters"))
        listing = await self._hosts.rows("volumes")
        used = in_use(await self._hosts.rows("containers")) if filters.get("dangling") else ()
        rows = in_one_list(listing)
        names = shown_names(rows)
        documents = [self._owned.document(row, names) for row in select(rows, filters, used)]
        missing = [(gap.member, gap.reason) for gap in listing.missing]
        warnings = [f"the volumes of host {host} are not known: {reason}" for host, reason in missing]
        warnings += [f"host {host} is down: its volumes are as last known" for host in _lost(rows)]
        return naming_missing(json_answer({"Volumes": documents, "Warnings": warnings or None}), missing)

    async def create(self, call: Call) -> Response:
        """Create a volume (operation VolumeCreate), or return the one that there is, as an engine does.

        On the host that its name says, else where one of this name is, else where the policy puts it.
        """
        spec = await spec_of(call)
        host, name = await self._owned.named_in(str(spec.get("Name") or ""))
        async with self._turns.taking(volume=name, project=project_of(spec)):
            held = [row for row in await self._hosts.rows("volumes") if name and row.name == name]
            host = host or await self._place(name, held, spec)
            reply = await self._owned.create(call, host, {**spec, "Name": name} if name else spec)
        if reply["status"] != 201:
            return relayed(reply)
        document = await json_of(reply)
        if any(row.member != host[1] for row in held) and meant_of(held) is None:
            document = {**document, "Name": f"{host[1]}/{name}"}
        return json_answer(document, 201)

    async def _place(self, name: str, held: Sequence[Row], spec: Mapping[str, Any]) -> Path:
        """Return the path of the host that has the volume, else of the one that the policy chooses."""
        if not held:
            return await self._owned.choose(spec)
        meant = held[0] if len(held) == 1 else meant_of(held)
        if meant is None:
            places = ", ".join(sorted(row.qualified for row in held))
            raise Conflict(f"{name} is on several hosts: say which one you mean: {places}")
        return meant.path[:2]

    async def prune(self, call: Call) -> Response:
        """Remove what is not used, on every host that answers (operation VolumePrune)."""
        return await self._owned.prune(call, "VolumesDeleted")

    async def to_owner(self, call: Call) -> Response:
        """Send an operation to the host that has the volume."""
        if self._hosts.single:
            return await forward_whole(self._hosts, call)
        if call.route.operation.name == "VolumeInspect":
            return await self._inspect(call)
        return await self._owned.to_owner(call)

    async def _inspect(self, call: Call) -> Response:
        """Add the host as `Node`; the name, which is all that tells volumes apart, is the one that the list shows."""
        reply = await self._owned.ask(call)
        if reply["status"] != 200:
            return relayed(reply)
        document, node = await json_of(reply), await self._hosts.node(reply.path)
        names = shown_names(row for row in await self._hosts.rows("volumes") if row.name == document["Name"])
        name = names.get((*reply.path[:3], document["Name"]), document["Name"])
        return json_answer({**document, "Name": name, "Node": node.shown()})


def _lost(rows: Sequence[Row]) -> list[str]:
    return sorted({row.member for row in rows if row.lost is not None})
