"""The host as a whole: ping, version and info."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from typing import Any

from swarmkit.engine.info import merge_info
from swarmkit.engine.placement import reserved_on
from swarmkit.engine.versions import merge_version
from swarmkit.errors import SwarmError
from swarmkit.http import Headers, Response
from swarmkit.message import Message, Verb
from swarmkit.rows import Listing

from .answers import json_answer
from .call import Call
from .hosts import ANSWER_DEADLINE, Hosts, Node
from .versions import OLDEST_API, ApiVersion


class System:
    """The operations on the whole."""

    def __init__(self, hosts: Hosts, api: ApiVersion, software: str) -> None:
        self._hosts = hosts
        self._api = api
        self._software = software

    async def ping(self, call: Call) -> Response:
        """Say that swarmd is there, whatever its hosts do (operation SystemPing)."""
        headers = Headers(
            (
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Cache-Control", "no-cache, no-store, must-revalidate"),
                ("Pragma", "no-cache"),
            )
        )
        return Response(200, headers, b"" if call.request.method == "HEAD" else b"OK")

    async def version(self, call: Call) -> Response:
        """Say what swarmd and every host are (operation SystemVersion)."""
        answers = await self._documents("/version")
        api = await self._api.get()
        return json_answer(merge_version(answers, version=self._software, api_version=api, min_api_version=OLDEST_API))

    async def info(self, call: Call) -> Response:
        """Describe the whole: sums, and each host with its state (operation SystemInfo)."""
        answers = await self._documents("/info")
        nodes, missing = await self._hosts.survey()
        names = ",".join(node.name for node in nodes)
        images = Listing.of(await self._hosts.service(Message(Verb.LS, ("images",))))
        containers = await self._hosts.service(Message(Verb.LS, ("containers",), {"detail": True}))
        merged = merge_info(
            answers,
            id=hashlib.sha256(names.encode()).hexdigest()[:32].upper(),
            name=socket.gethostname(),
            addresses={node.name: node.address for node in nodes},
            labels={node.name: node.document.get("Labels") or {} for node in nodes},
            images=len({row.id for row in images if row.lost is None}),
            reserved=reserved_on(containers["rows"]),
            engines={node.name: str(node.document.get("ServerVersion") or "") for node in nodes},
            drained=[node.name for node in nodes if node.drained],
            missing=missing,
        )
        return json_answer(merged)

    async def _documents(self, target: str) -> list[tuple[str, Mapping[str, Any] | SwarmError]]:
        async def ask(node: Node) -> Mapping[str, Any]:
            return dict(await self._hosts.document(node.path, "GET", target))

        return await self._hosts.ask_all(ask, deadline=ANSWER_DEADLINE)
