"""Operations on networks: NetworkList, NetworkInspect, NetworkCreate, NetworkDelete, NetworkConnect, ...Disconnect."""

from __future__ import annotations

from swarmkit.engine.filters import Filters
from swarmkit.errors import Conflict, Denied, Invalid, NotFound
from swarmkit.http import Response

from .. import connecting
from ..networks import Network
from .replies import empty_reply, json_reply
from .routing import Call

_FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")
_DRIVERS = ("bridge", "host", "null")


async def list_all(call: Call) -> Response:
    filters = call.filters(*_FILTERS)
    if len(filters.get("dangling")) > 1:
        raise Invalid('got more than one value for filter key "dangling"')
    for value in filters.get("dangling"):
        if value not in ("0", "false", "1", "true"):
            raise Invalid('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
    for value in filters.get("type"):
        if value not in ("builtin", "custom"):
            raise Invalid(f"invalid filter: 'type'='{value}'", status=500)
    return json_reply([network.document({}) for network in call.engine.networks if _is_listed(network, filters)])


def _is_listed(network: Network, filters: Filters) -> bool:
    kind = "builtin" if network.predefined else "custom"
    dangling = filters.get("dangling")
    return (
        filters.match("name", network.name)
        and filters.match("id", network.id)
        and filters.match_exact("driver", network.driver)
        and filters.match_exact("scope", "local")
        and filters.match_exact("type", kind)
        and filters.match_key_values("label", network.labels)
        and (not dangling or (dangling[0] in ("1", "true")) != network.predefined)  # in use or not: it does not look
    )


async def inspect(call: Call) -> Response:
    name, networks = call.parts["name"], call.engine.networks
    if (count := len(networks.named(name))) > 1:  # which is said in other words than to all other operations
        raise Invalid(f"{count} matches found based on name: network {name} is ambiguous")
    network = networks.require(name)
    return json_reply(network.document(connecting.connected(call.engine, network)))


async def create(call: Call) -> Response:
    document = await call.document()
    name, driver = document.get("Name") or "", document.get("Driver") or "bridge"
    engine = call.engine
    if not name:
        raise Invalid("invalid name: ", status=500)
    if name in ("bridge", "host", "none"):
        raise Denied(f"operation is not permitted on predefined {name} network ")
    alike = engine.networks.named(name)
    if document.get("CheckDuplicate") and alike:
        raise Conflict(f"network with name {name} already exists")
    if driver not in _DRIVERS:
        raise NotFound(f"plugin {driver!r} not found".replace("'", '"'))
    network = Network(
        name,
        driver,
        engine.clock.now(),
        options=document.get("Options") or {},
        labels=document.get("Labels") or {},
        internal=bool(document.get("Internal")),
        attachable=bool(document.get("Attachable")),
        enable_ipv6=bool(document.get("EnableIPv6")),
    )
    ipam = document.get("IPAM") or {}
    if ipam.get("Config"):
        network.ipam = {"Driver": ipam.get("Driver") or "default", "Options": None, "Config": ipam["Config"]}
    engine.networks.add(network)
    _say(call, "create", network)
    warning = f"Network with name {name} (id : {alike[0].id}) already exists" if alike else ""
    return json_reply({"Id": network.id, "Warning": warning}, 201)


def _say(call: Call, action: str, network: Network) -> None:
    call.engine.events.emit("network", action, network.id, {"name": network.name, "type": network.driver})


async def delete(call: Call) -> Response:
    engine = call.engine
    network = engine.networks.require(call.parts["name"])
    if network.predefined:
        raise Denied(f"{network.name} is a pre-defined network and cannot be removed")
    if connecting.connected(engine, network):
        text = f"network {network.name} id {network.id} has active endpoints"
        raise Denied(f"error while removing network: {text}")
    engine.networks.discard(network)
    _say(call, "destroy", network)
    return empty_reply()


async def connect(call: Call) -> Response:
    document = await call.document()
    container = call.engine.containers.find(document.get("Container") or "")
    network = call.engine.networks.require(call.parts["name"])
    connecting.connect(call.engine, container, network, document.get("EndpointConfig") or {})
    return Response(200)


async def disconnect(call: Call) -> Response:
    document = await call.document()
    container = call.engine.containers.find(document.get("Container") or "")
    network = call.engine.networks.require(call.parts["name"])
    connecting.disconnect(call.engine, container, network)
    return Response(200)


async def prune(call: Call) -> Response:
    filters = call.filters("label", "label!", "until")
    deleted: list[str] | None = None
    for network in call.engine.networks:
        used = network.predefined or any(network.name in each.endpoints for each in call.engine.containers)
        if not used and filters.match_labels(network.labels):
            call.engine.networks.discard(network)
            _say(call, "destroy", network)
            deleted = [*(deleted or []), network.name]
    call.engine.events.emit("network", "prune", "", {"reclaimed": "0"})
    return json_reply({"NetworksDeleted": deleted})
