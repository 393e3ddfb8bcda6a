"""How containers come to be on networks, and leave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from swarmkit.errors import Denied, Internal

from .container import Container, Endpoint
from .networks import Network, new_id

if TYPE_CHECKING:
    from .engine import FakeEngine


def join_all(engine: FakeEngine, container: Container) -> None:
    """Connect a container that starts, and publish its ports. Raises NotFound, or Internal, as the engine does."""
    networks = [(endpoint, engine.networks.require(endpoint.network)) for endpoint in container.endpoints.values()]
    for endpoint, network in networks:
        _join(engine, container, endpoint, network)
    container.sandbox = new_id()
    _publish(engine, container)


def _join(engine: FakeEngine, container: Container, endpoint: Endpoint, network: Network) -> None:
    endpoint.id = new_id()
    if network.third is not None:
        network.join(container.id)
    _say(engine, "connect", network, container)


def _publish(engine: FakeEngine, container: Container) -> None:
    container.ports.clear()
    bindings: dict[str, Any] = dict(container.host_config["PortBindings"] or {})
    if container.host_config["PublishAllPorts"]:
        bindings = {**dict.fromkeys(container.config.get("ExposedPorts") or {}), **bindings}
    endpoint = next(iter(container.endpoints.values()), None)
    endpoint_id = endpoint.id if endpoint is not None else ""
    exposed = container.config.get("ExposedPorts") or {}
    for port, wanted in bindings.items():
        if port not in exposed:
            continue  # the engine publishes nothing that is not exposed; clients expose what they publish
        protocol = port.partition("/")[2] or "tcp"
        for index, binding in enumerate(wanted or [{}]):
            number = engine.ports.take(
                binding.get("HostPort") or "", protocol, container.id, container.name, endpoint_id
            )
            container.ports[f"{port}#{index}"] = number


def leave_all(engine: FakeEngine, container: Container) -> None:
    """Disconnect a container that has ended."""
    engine.ports.release(container.id)
    container.ports.clear()
    for endpoint in container.endpoints.values():
        network = engine.networks.find(endpoint.network)
        if network is not None and endpoint.id:
            _leave(engine, container, endpoint, network)


def _leave(engine: FakeEngine, container: Container, endpoint: Endpoint, network: Network) -> None:
    endpoint.id = ""
    network.addresses.pop(container.id, None)
    _say(engine, "disconnect", network, container)


def _say(engine: FakeEngine, action: str, network: Network, container: Container) -> None:
    attributes = {"container": container.id, "name": network.name, "type": network.driver}
    engine.events.emit("network", action, network.id, attributes)


def connect(engine: FakeEngine, container: Container, network: Network, settings: Mapping[str, Any]) -> None:
    """Connect a container to one more network (operation NetworkConnect). Raises Denied in the engine's words."""
    if network.name in container.endpoints:
        raise Denied(f"endpoint with name {container.name} already exists in network {network.name}")
    endpoint = Endpoint(network.name, dict(settings))
    endpoint.settings["Aliases"] = [*(endpoint.settings.get("Aliases") or []), container.id[:12]]
    container.endpoints[network.name] = endpoint
    if container.state.running:
        _join(engine, container, endpoint, network)


def disconnect(engine: FakeEngine, container: Container, network: Network) -> None:
    """Disconnect a container from a network (operation NetworkDisconnect). Raises Internal in the engine's words."""
    endpoint = container.endpoints.get(network.name)
    if endpoint is None:
        raise Internal(f"container {container.id} is not connected to network {network.name}")
    if endpoint.id:
        _leave(engine, container, endpoint, network)
    _say(engine, "disconnect", network, container)  # the engine says it twice of a container that runs
    del container.endpoints[network.name]


def connected(engine: FakeEngine, network: Network) -> dict[str, Any]:
    """Return the containers that run on a network, as its document shows them."""
    shown: dict[str, Any] = {}
    for container in engine.containers:
        endpoint = container.endpoints.get(network.name)
        if endpoint is None or not endpoint.id:
            continue
        address = network.address(container.id)
        shown[container.id] = {
            "Name": container.name,
            "EndpointID": endpoint.id,
            "MacAddress": network.mac(container.id),
            "IPv4Address": f"{address}/16" if address else "",
            "IPv6Address": "",
        }
    return shown
