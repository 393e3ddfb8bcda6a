"""What networks and volumes have in common: one owner each, found by name, by id, or by either behind `host/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from swarmkit.engine.documents import HOST_LABEL
from swarmkit.engine.merges import merge_prune
from swarmkit.engine.placement.compose import PROJECT
from swarmkit.engine.replies import failed
from swarmkit.engine.shared import meant_of, shown_names, with_host_label
from swarmkit.errors import Conflict, Invalid, NotFound, SwarmError, Unavailable, no_such_host
from swarmkit.http import Response
from swarmkit.message import Message, Path, Verb
from swarmkit.rows import Row

from .answers import json_answer, naming_missing
from .call import Call
from .everywhere import reasons
from .forwarding import connect, forward
from .hosts import Hosts, Node, path_by_word

_JSON = [["Content-Type", "application/json"]]


class Owned:
    """Finding and making the things of one collection, `networks` or `volumes`.

    `ambiguous` is the error by which an engine refuses a name of several of them.
    """

    def __init__(self, hosts: Hosts, collection: str, *, ambiguous: type[SwarmError] = Conflict) -> None:
        self._ambiguous = ambiguous
        self.hosts = hosts
        self.collection = collection
        self.noun = collection.removesuffix("s")

    # -- finding ------------------------------------------------------------------------------------------------------

    async def find(self, reference: str) -> Row:
        """Find the one thing meant. Of what all hosts have (the network `bridge`) it is the first that answers.

        Raises `NotFound`, or the error for what is ambiguous, naming the hosts.
        """
        try:
            return await self.hosts.row_of(reference, self.collection)
        except Conflict as error:
            meant = meant_of(row for row in await self.hosts.rows(self.collection) if reference in (row.name, row.id))
            if meant is None:
                raise self._ambiguous(error.message) from error
            return meant

    async def path(self, reference: str) -> Path:
        """Return the path to it, by the word that the client used.

        What no host has is left to one of them to refuse in the engine's own words.
        """
        try:
            return path_by_word(await self.find(reference), reference)
        except NotFound:
            refusing = await self.hosts.refusing(reference, self.collection)
            if refusing is None:
                raise
            return refusing

    async def to_owner(self, call: Call) -> Response:
        """Send an operation, untouched, to the host that has it."""
        return await forward(self.hosts, call, await self.path(call.name), call.target)

    async def ask(self, call: Call) -> Message:
        """Send an operation to the host that has it, for an answer that the caller reads."""
        return await connect(self.hosts, call, await self.path(call.name), call.target)

    # -- lists --------------------------------------------------------------------------------------------------------

    def document(self, row: Row, names: Mapping[Path, str]) -> dict[str, Any]:
        """Return a row as the list of all hosts shows it."""
        return with_host_label(row, names[row.path], HOST_LABEL)

    async def prune(self, call: Call, key: str) -> Response:
        """Prune on every host that answers; the others are named. Names are those that the list shows."""
        rows = await self.hosts.rows(self.collection)
        shown = shown_names(rows)
        names = {(row.member, row.name): shown[row.path] for row in rows}
        options = await call.options()

        async def prune_one(node: Node) -> Mapping[str, Any]:
            pruned = dict(await self.hosts.document(node.path, "POST", call.whole_target, **options))
            if pruned.get(key):
                pruned[key] = [names.get((node.name, name), name) for name in pruned[key]]
            return pruned

        answers = await self.hosts.ask_all(prune_one)
        return naming_missing(json_answer(merge_prune(answers)), reasons(failed(answers)))

    # -- making -------------------------------------------------------------------------------------------------------

    async def named_in(self, name: str) -> tuple[Path | None, str]:
        """Split `host/name`; return the path of the host, None where the name is bare.

        Raises `Invalid` where there is no such host.
        """
        host, slash, bare = name.rpartition("/")
        if not slash:
            return None, name
        nodes = {node.name: node.path for node in await self.hosts.nodes()}
        if host not in nodes:
            raise Invalid(no_such_host(host, nodes))
        return nodes[host], bare

    async def choose(self, spec: Mapping[str, Any]) -> Path:
        """Return the path of the host that the policy puts first: its Compose project's, if that has anything."""
        try:
            return (await self.hosts.service(Message(Verb.GET, ("nodes",), {"spec": dict(spec)}))).path
        except Unavailable as error:
            refusals = error.details.get("refusals")
            if not refusals:
                raise
            text = "; ".join(f"{host}: {reason}" for host, reason in refusals.items())
            raise Unavailable(f"no host can take the {self.noun}: {text}") from error

    async def create(self, call: Call, host: Path, spec: Mapping[str, Any]) -> Message:
        """Create on a host; return its answer."""
        return await self.post(call, host, f"/{self.collection}/create", spec)

    async def post(self, call: Call, path: Path, target: str, body: Mapping[str, Any]) -> Message:
        """Send a body of our making instead of the client's to what a path names; return the answer."""
        version = {} if call.version is None else {"version": call.version}
        return await self.hosts.connect(path, "POST", target, headers=_JSON, body=json.dumps(body).encode(), **version)


async def spec_of(call: Call) -> dict[str, Any]:
    """Read the body of a creation, or of what is done with a network. Raises `Invalid` in the engine's words."""
    spec = await call.json()
    if spec is None:
        raise Invalid("got EOF while reading request body")
    if not isinstance(spec, dict):
        raise Invalid(f"an object is expected in the body, not {json.dumps(spec)[:80]}")
    return spec


def project_of(spec: Mapping[str, Any]) -> str:
    """Return the Compose project to which something new belongs, if any."""
    labels = spec.get("Labels")
    return str(labels.get(PROJECT) or "") if isinstance(labels, Mapping) else ""
