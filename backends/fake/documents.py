"""A container's documents as an engine of API 1.41 writes them: the inspection and the list's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmkit.engine.rows import Row
from swarmkit.engine.status import status_text
from swarmkit.engine.times import SECOND, format_time

from .container import Container, Endpoint
from .creation import Mount
from .defaults import ENDPOINT, HOST_CONFIG, HOST_CONFIG_OMITTED, filled

if TYPE_CHECKING:
    from .engine import FakeEngine

ROOT = "/var/lib/docker"
"""Where an engine would keep its data; nothing is there."""


def inspect_document(engine: FakeEngine, container: Container, *, size: bool = False) -> dict[str, Any]:
    """Return the document of `GET /containers/{id}/json`."""
    folder = f"{ROOT}/containers/{container.id}"
    connected, prepared = bool(container.sandbox), container.prepared
    log = (
        f"{folder}/{container.id}-json.log" if prepared and container.host_config["LogConfig"]["Type"] != "none" else ""
    )
    path, *arguments = container.command
    layer = f"{ROOT}/overlay2/{container.id}"
    graph = {
        "LowerDir": f"{layer}-init/diff:{ROOT}/overlay2/{container.image.id.removeprefix('sha256:')}/diff",
        "MergedDir": f"{layer}/merged",
        "UpperDir": f"{layer}/diff",
        "WorkDir": f"{layer}/work",
    }
    sizes = {"SizeRw": container.files.size(), "SizeRootFs": _root_size(container)} if size else {}
    return {
        "Id": container.id,
        "Created": format_time(container.created),
        "Path": path,
        "Args": arguments,
        "State": container.state.document(),
        "Image": container.image.id,
        "ResolvConfPath": f"{folder}/resolv.conf" if connected else "",
        "HostnamePath": f"{folder}/hostname" if prepared else "",
        "HostsPath": f"{folder}/hosts" if connected else "",
        "LogPath": log,
        "Name": f"/{container.name}",
        "RestartCount": container.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(container.execs) or None,
        "HostConfig": filled(HOST_CONFIG, container.host_config, HOST_CONFIG_OMITTED),
        "GraphDriver": {"Data": graph, "Name": "overlay2"},
        **sizes,
        "Mounts": mount_documents(container),
        "Config": container.config,
        "NetworkSettings": _network_settings(engine, container),
    }


def _network_settings(engine: FakeEngine, container: Container) -> dict[str, Any]:
    networks = network_documents(engine, container)
    bridge = networks.get("bridge", ENDPOINT)
    sandbox = container.sandbox
    kept = ("Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen", "IPv6Gateway")
    return {
        "Bridge": "",
        "SandboxID": sandbox,
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": _bindings(container),
        "SandboxKey": f"/var/run/docker/netns/{sandbox[:12]}" if sandbox else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": bridge["EndpointID"],
        **{key: bridge[key] for key in kept},
        "MacAddress": bridge["MacAddress"],
        "Networks": networks,
    }


def network_documents(engine: FakeEngine, container: Container) -> dict[str, Any]:
    """Return a container's `Networks` by name."""
    return {name: _endpoint(engine, container, endpoint) for name, endpoint in container.endpoints.items()}


def _endpoint(engine: FakeEngine, container: Container, endpoint: Endpoint) -> dict[str, Any]:
    document = {**ENDPOINT, **{key: value for key, value in endpoint.settings.items() if key in ENDPOINT}}
    network = engine.networks.find(endpoint.network)
    if network is None:
        return document
    if container.sandbox or endpoint.id:
        document["NetworkID"] = network.id
    if address := network.address(container.id):
        document |= {"Gateway": network.gateway, "IPAddress": address, "IPPrefixLen": 16}
        document["MacAddress"] = network.mac(container.id)
    document["EndpointID"] = endpoint.id
    return document


def _bindings(container: Container) -> dict[str, Any]:
    """Return the ports as the inspection shows them: only those of a container that runs."""
    if not container.state.running or container.state.status == "restarting":
        return {}
    exposed = container.config.get("ExposedPorts") or {}
    return {port: [*_addresses(container, port)] or None for port in exposed}


def _addresses(container: Container, port: str) -> list[dict[str, str]]:
    return [{"HostIp": host, "HostPort": str(number)} for host, number in published(container, port)]


def published(container: Container, port: str) -> list[tuple[str, int]]:
    """Return the addresses and ports of the host that a container's port (`80/tcp`) is published on."""
    found = []
    for index, binding in enumerate((container.host_config["PortBindings"] or {}).get(port) or [{}]):
        number = container.ports.get(f"{port}#{index}")
        if number is not None:
            hosts = (binding.get("HostIp"),) if binding.get("HostIp") else ("0.0.0.0", "::")
            found += [(str(host), number) for host in hosts]
    return found


def _ports(container: Container) -> list[dict[str, Any]]:
    """Return the ports as the list shows them."""
    rows: list[dict[str, Any]] = []
    for port in _bindings(container):
        number, _, protocol = port.partition("/")
        base = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        addresses = published(container, port)
        rows += [{"IP": host, **base, "PublicPort": public} for host, public in addresses] or [base]
    return [dict(sorted(row.items())) for row in rows]


def mount_documents(container: Container) -> list[dict[str, Any]]:
    """Return a container's `Mounts`."""
    return [_mount(mount) for mount in container.mounts]


def _mount(mount: Mount) -> dict[str, Any]:
    place = {"Destination": mount.target}
    access = {"Mode": mount.mode, "RW": not mount.read_only}
    if mount.kind == "bind":
        return {"Type": "bind", "Source": mount.source, **place, **access, "Propagation": "rprivate"}
    if mount.kind == "tmpfs":
        return {"Type": "tmpfs", "Source": "", **place, **access, "Propagation": ""}
    source = f"{ROOT}/volumes/{mount.source}/_data"
    named = {"Type": "volume", "Name": mount.source, "Source": source, **place, "Driver": "local"}
    return {**named, **access, "Propagation": ""}


def _root_size(container: Container) -> int:
    return container.image.size + container.files.size()


def row_document(engine: FakeEngine, container: Container, *, size: bool = False) -> dict[str, Any]:
    """Return the row of `GET /containers/json`."""
    state = container.state.document()
    own = container.files.size() if size else 0
    sizes = ({"SizeRw": own} if own else {}) | {"SizeRootFs": _root_size(container)} if size else {}
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": _image_name(engine, container),
        "ImageID": container.image.id,
        "Command": _command_text(container),
        "Created": container.created // SECOND,
        "Ports": _ports(container),
        **sizes,
        "Labels": container.config["Labels"],
        "State": container.state.status,
        "Status": status_text(state, engine.clock.now()),
        "HostConfig": {"NetworkMode": container.host_config["NetworkMode"]},
        "NetworkSettings": {"Networks": _listed(network_documents(engine, container))},
        "Mounts": mount_documents(container),
    }


def _listed(networks: dict[str, Any]) -> dict[str, Any]:
    """Return networks as the list has them: it knows nothing of what was asked for."""
    unknown = dict.fromkeys(("IPAMConfig", "Links", "Aliases", "DriverOpts"))
    return {name: {**document, **unknown} for name, document in networks.items()}


def list_row(engine: FakeEngine, container: Container, *, size: bool = False) -> Row:
    """Return the row with what the list's filters look at besides."""
    document = row_document(engine, container, size=size)
    return Row("", document, state=container.state.document(), created=container.created)


def _image_name(engine: FakeEngine, container: Container) -> str:
    """Return the image's name, or its id where the name means another by now."""
    name = str(container.config["Image"])
    return name if engine.images.resolve(name) == container.image.id else container.image.id


def _command_text(container: Container) -> str:
    path, *arguments = container.command
    return " ".join([path, *(f"'{word}'" if " " in word else word for word in arguments)])
