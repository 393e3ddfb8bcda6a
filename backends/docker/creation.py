"""Creating a container on an engine (operation ContainerCreate), on several networks where it takes one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import trio

from swarmkit.engine.bridging import split_endpoints
from swarmkit.engine.versions import version_key
from swarmkit.errors import Internal, NotFound, SwarmError
from swarmkit.http import Headers
from swarmkit.message import Message

from .client import EngineClient
from .request import EngineRequest, bridge

SEVERAL_NETWORKS = (1, 44)
"""The version of the API since which a creation may name several networks."""

REMOVAL_SECONDS = 10.0
"""How long the removal of a container may take that could not be connected to all its networks."""


async def create_container(client: EngineClient, message: Message) -> dict[str, Any]:
    """Create a container as SPAWN says; return what the engine answers.

    Where the engine takes one network and the client, being newer, has named several, the container is connected to the
    others when it is there. What the engine cannot do at all is refused before; where one refuses, the container is
    removed and the refusal raised.
    """
    version = str(message.get("version") or "") or None
    spec = message.get("spec") or {}
    spec, others = await _networks_apart(client, spec, version)
    connections = [_connection(name, endpoint, version) for name, endpoint in others.items()]
    for connection in connections:
        bridge(connection("x"), client.versions, client.where)
    query = {key: message.get(key) for key in ("name", "platform") if message.get(key)}
    target = f"/containers/create?{urlencode(query)}" if query else "/containers/create"
    data = await client.whole(await client.exchange(_post(target, spec, version)))
    try:
        created: dict[str, Any] = json.loads(data)
        id = str(created["Id"])
    except (ValueError, KeyError, TypeError) as error:
        raise Internal(f"host {client.where} created a container and did not say which: {data[:80]!r}") from error
    try:
        for connection in connections:
            await client.whole(await client.exchange(connection(id)))
    except BaseException:
        await _remove(client, id)
        raise
    return created


async def _networks_apart(
    client: EngineClient, spec: dict[str, Any], version: str | None
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    await client.health.settled.wait()
    newest = client.versions.newest
    if version is None or newest is None or not newest < SEVERAL_NETWORKS <= version_key(version):
        return spec, {}
    return split_endpoints(spec)


def _connection(network: str, endpoint: Any, version: str | None) -> Callable[[str], EngineRequest]:
    """Return what makes the request that connects a container to one more network (operation NetworkConnect)."""

    def request(container: str) -> EngineRequest:
        body = {"Container": container, "EndpointConfig": endpoint or {}}
        return _post(f"/networks/{quote(network, safe='')}/connect", body, version)

    return request


def _post(target: str, body: Mapping[str, Any], version: str | None) -> EngineRequest:
    headers = Headers((("Content-Type", "application/json"),))
    return EngineRequest(method="POST", target=target, headers=headers, body=json.dumps(body).encode(), version=version)


async def _remove(client: EngineClient, id: str) -> None:
    """Remove what was created in vain; where that fails too, raise that it stays."""
    with trio.move_on_after(REMOVAL_SECONDS, shield=True):
        try:
            await client.call("DELETE", f"/containers/{id}", {"force": "1", "v": "1"})
        except NotFound:
            return  # somebody was quicker
        except SwarmError as error:
            raise Internal(f"host {client.where}: container {id[:12]} is left without its networks: {error}") from error
