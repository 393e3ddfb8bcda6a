"""Answers in the version that the client speaks, where a host had to be asked in another one."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.engine.shapes import SHAPED, changed_between, reshape
from swarmkit.engine.versions import highest_version, lowest_version
from swarmkit.http import Response
from swarmkit.streams import read_whole

from .answers import json_answer
from .call import Call
from .hosts import MAX_DOCUMENT, Hosts, Node, parse_json

_HELD = frozenset({"SystemInfo"})
"""Operations for which several hosts were asked in their newest version, before the client was there."""

_WRITTEN = frozenset({"ImageList"})
"""Operations whose answer over several hosts is written in the client's version to begin with."""


async def in_version(hosts: Hosts, call: Call, response: Response) -> Response:
    """Return an answer in the shape of the call's version; untouched where all hosts can be asked in that version."""
    name, version = call.route.operation.name, call.version
    if response.status != 200 or name not in SHAPED or version is None:
        return response
    if name in _WRITTEN and not hosts.single:
        return response
    held = name in _HELD and not hosts.single
    if not any(changed_between(name, version, each) for each in _asked(await hosts.nodes(), version, held=held)):
        return response
    body = response.body
    document = parse_json(body if isinstance(body, bytes) else await read_whole(body, MAX_DOCUMENT))
    kept = response.headers.without("Content-Length", "Content-Type")
    return json_answer(reshape(name, document, version), headers=list(kept))


def _asked(nodes: Sequence[Node], version: str, *, held: bool) -> list[str]:
    """Return the versions that hosts are asked in by a client of a version."""
    documents = [node.document for node in nodes]
    ranges = [(str(each.get("MinApiVersion") or ""), str(each.get("ApiVersion") or "")) for each in documents]
    if held:
        return [newest for _, newest in ranges if newest]
    return [highest_version([oldest, lowest_version([version, newest])]) for oldest, newest in ranges if newest]
