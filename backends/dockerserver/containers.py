"""Containers: the list over all hosts, creation, and what goes to the owner."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from swarmkit.engine import containers as listing
from swarmkit.engine.dependencies import paths_of
from swarmkit.engine.documents import with_host_in_row, with_node_in_inspect
from swarmkit.engine.filters import Filters
from swarmkit.engine.placement import settled
from swarmkit.engine.references import find_image
from swarmkit.engine.replies import answered
from swarmkit.engine.rows import Row as ListedRow
from swarmkit.engine.status import status_text
from swarmkit.engine.times import parse_time
from swarmkit.errors import Conflict, Invalid, NotFound, Unavailable
from swarmkit.http import Response
from swarmkit.message import Message, Path, Verb
from swarmkit.rows import Listing, Row
from swarmkit.service import Service

from .answers import docker_text, empty_answer, json_answer, naming_missing, relayed
from .call import Call
from .everywhere import prune
from .execs import ExecOwners
from .forwarding import connect, forward
from .hosts import ANSWER_DEADLINE, Hosts, Node, body_of, json_of, parse_json
from .references import place_of

log = logging.getLogger(__name__)


class Containers:
    """The operations on containers; `spawn` is what creates one."""

    def __init__(self, hosts: Hosts, execs: ExecOwners, spawn: Service) -> None:
        self._hosts = hosts
        self._execs = execs
        self._spawn = spawn

    async def list(self, call: Call) -> Response:
        """List the containers of all hosts (operation ContainerList)."""
        query = listing.ListQuery.parse(call.params)
        found = await self._find(size=query.size)
        addresses = {} if self._hosts.single else {node.name: node.ip for node in await self._hosts.nodes()}
        query, images = await self._with_ancestors(query)
        rows = {row.path: row for row in found}
        chosen = listing.select([_listed(row) for row in rows.values()], query, images=images)
        by_document = {id(row.document): row for row in rows.values()}
        shared = _shared_names(found.rows)
        now = time.time_ns()
        documents = [_shown(by_document[id(each.document)], shared, addresses, now) for each in chosen]
        return naming_missing(json_answer(documents), ((gap.member, gap.reason) for gap in found.missing))

    async def _find(self, *, size: bool) -> Listing:
        """List all containers. Sizes must be asked for; of a host that does not tell, rows are as last known."""
        known = Listing.of(await self._hosts.service(Message(Verb.LS, ("containers",))))
        if not size:
            return known
        sized = Listing.of(await self._hosts.service(Message(Verb.LS, ("containers",), {"size": True})))
        silent = {gap.member for gap in sized.missing}
        rows = (*sized, *(row for row in known if row.member in silent))
        return Listing(rows, sized.missing)

    async def _with_ancestors(self, query: listing.ListQuery) -> tuple[listing.ListQuery, Sequence[Mapping[str, Any]]]:
        """Return the query with the ids of what `ancestor` names, and the images through which it is an ancestor.

        A tag may be on different images of different hosts, so that it is looked up on each.
        """
        references = query.filters.get("ancestor")
        if not references:
            return query, []

        async def ask(node: Node) -> list[Mapping[str, Any]]:
            return list(await self._hosts.document(node.path, "GET", "/images/json?all=1"))

        held = [images for _, images in answered(await self._hosts.ask_all(ask, deadline=ANSWER_DEADLINE))]
        found = {image for reference in references for images in held if (image := find_image(reference, images))}
        filters = Filters({**query.filters.values, "ancestor": tuple(found) or references})
        return evolve(query, filters=filters), [image for images in held for image in images]

    async def create(self, call: Call) -> Response:
        """Create a container on the host that its name, what it refers to, or the policy says."""
        spec = await call.json()
        if not isinstance(spec, dict):
            raise Invalid("Config cannot be empty in order to create a container")
        args: dict[str, Any] = {key: call.params[key] for key in ("name", "platform") if call.params.get(key)}
        if call.version is not None:
            args["version"] = call.version
        if not self._hosts.single:
            spec = settled(spec)
            asked = args.get("name", "").removeprefix("/").rpartition("/")[0]
            spec, host = await place_of(self._hosts, spec, asked)
            if host is not None:
                args["on"] = host
        reply = await self._created(Message(Verb.SPAWN, ("containers",), {"spec": spec, **args}))
        created = dict(reply.get("document") or {"Id": reply["id"], "Warnings": []})
        told = reply.get("warnings") or created.get("Warnings") or ()
        if warnings := [*told, *await self._of_paths(spec, reply.path)]:
            created["Warnings"] = warnings
        return json_answer(created, 201)

    async def _created(self, message: Message) -> Message:
        """Create a container; where the policy refuses that on the only host it was asked for, say why it was that."""
        try:
            return await self._spawn(message)
        except Unavailable as error:
            if "on" not in message.args or "refusals" not in error.details:
                raise
            why = f"(only {message['on']} was asked: what it refers to is there)"
            raise Unavailable(f"{error.message} {why}", **error.details) from error

    async def _of_paths(self, spec: Mapping[str, Any], path: Path) -> Sequence[str]:
        """Warn of each path that is mounted where it is not one of this machine, whose user may think that it is."""
        paths = [] if self._hosts.single else paths_of(spec)
        if not paths or not (node := await self._hosts.node(path)).remote:
            return []
        return [f"the path {path} is one of host {node.name}" for path in paths]

    async def prune(self, call: Call) -> Response:
        """Remove stopped containers on every host that answers."""
        return await prune(self._hosts, call)

    async def to_owner(self, call: Call) -> Response:
        """Send an operation to the host that has the container."""
        match call.route.operation.name:
            case "ContainerInspect" if not self._hosts.single:
                return await self._inspect(call)
            case "ContainerRename" if not self._hosts.single:
                return await self._rename(call)
            case "ContainerExec":
                return await self._create_exec(call)
        return await forward(self._hosts, call, await self._path(call), call.target)

    async def _path(self, call: Call) -> Path:
        """Return the path to the owner. What no host has is left to one of them to refuse in the engine's own words."""
        try:
            return await self._hosts.path_of(call.name)
        except NotFound:
            refusing = None if call.streams_body else await self._hosts.refusing(call.name)
            if refusing is None:
                raise
            return refusing

    async def _inspect(self, call: Call) -> Response:
        """Add the host as `Node`."""
        reply = await connect(self._hosts, call, await self._path(call), call.target)
        if reply["status"] != 200:
            return relayed(reply)
        document = await json_of(reply)
        node = await self._hosts.node(reply.path)
        return json_answer(with_node_in_inspect(document, node.shown(), address=node.ip))

    async def _rename(self, call: Call) -> Response:
        """Rename where no host has the name yet; `host/name` is compared on its host alone."""
        try:
            path, name = ("containers", call.name), call.params.get("name", "")
            reply = await self._hosts.service(Message(Verb.SET, path, {"Name": name}))
        except Conflict as error:
            if "body" in error.details:  # an engine's own, with these words in front
                raise
            raise Conflict(f"Error when allocating new name: {docker_text(error)}") from error
        for warning in reply.get("warnings") or ():  # for which the answer has no place
            log.warning("%s has been renamed: %s", call.name, warning)
        return empty_answer(204)

    async def _create_exec(self, call: Call) -> Response:
        reply = await connect(self._hosts, call, await self._path(call), call.target)
        if reply["status"] != 201:
            return relayed(reply)
        data = await body_of(reply)
        self._execs.remember(parse_json(data)["Id"], reply.path)
        headers = [(str(key), str(value)) for key, value in reply["headers"]]
        return Response(201, Response(201).headers.plus(*headers).without("Content-Length"), data)


def _listed(row: Row) -> ListedRow:
    detail = row.detail or {}
    created = detail.get("Created")
    return ListedRow(row.member, row.document, detail.get("State"), parse_time(created) if created else None)


def _shared_names(rows: Sequence[Row]) -> frozenset[str]:
    """Return the names that are on more than one host."""
    held = Counter(name for name, _ in {(row.name, row.member) for row in rows})
    return frozenset(name for name, hosts in held.items() if hosts > 1)


def _shown(row: Row, shared: frozenset[str], addresses: Mapping[str, str | None], now: int) -> Mapping[str, Any]:
    """Return a row as the virtual host shows it; that of a single host is shown as it is."""
    if not row.member:
        return row.document
    down, address = row.lost is not None, addresses.get(row.member)
    shown = with_host_in_row(row.document, row.member, shared_name=row.name in shared, down=down, address=address)
    state = (row.detail or {}).get("State")
    if state is not None and row.lost is None:
        shown["Status"] = status_text(state, now)
    return shown
