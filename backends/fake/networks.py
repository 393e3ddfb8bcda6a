"""Networks and the addresses and ports that containers have on them."""

from __future__ import annotations

import secrets
from typing import Any

from attrs import define, field

from swarmkit.engine.times import format_time
from swarmkit.errors import Internal

FIRST_PORT, LAST_PORT = 32768, 60999
"""The ports that are given where none is asked for."""


def new_id() -> str:
    """Make an id as the engine's are."""
    return secrets.token_hex(32)


@define(eq=False)
class Network:
    """A network. `third` numbers its subnet: 172.`third`.0.0/16; the networks without addresses have none."""

    name: str
    driver: str
    created: int
    third: int | None = None
    options: dict[str, str] = field(factory=dict)
    labels: dict[str, str] = field(factory=dict)
    internal: bool = False
    attachable: bool = False
    enable_ipv6: bool = False
    ipam: dict[str, Any] | None = None
    id: str = field(factory=new_id)
    addresses: dict[str, int] = field(factory=dict)  # container ids and the last part of their addresses

    @property
    def predefined(self) -> bool:
        return self.name in ("bridge", "host", "none")

    @property
    def gateway(self) -> str:
        return "" if self.third is None else f"172.{self.third}.0.1"

    def join(self, container_id: str) -> None:
        """Give a container an address."""
        taken = set(self.addresses.values())
        self.addresses[container_id] = next(number for number in range(2, 65535) if number not in taken)

    def address(self, container_id: str) -> str:
        """Return a container's address, empty where it has none."""
        number = self.addresses.get(container_id)
        if number is None or self.third is None:
            return ""
        return f"172.{self.third}.{number // 256}.{number % 256}"

    def mac(self, container_id: str) -> str:
        """Return a container's hardware address, made of its address."""
        address = self.address(container_id)
        return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split(".")) if address else ""

    def document(self, containers: dict[str, Any]) -> dict[str, Any]:
        """Return the document of `GET /networks/{id}`; `containers` are those connected, as it shows them."""
        config = [] if self.third is None else [{"Subnet": f"172.{self.third}.0.0/16"}]
        if self.third is not None and not self.predefined:
            config[0]["Gateway"] = self.gateway
        return {
            "Name": self.name,
            "Id": self.id,
            "Created": format_time(self.created),
            "Scope": "local",
            "Driver": self.driver,
            "EnableIPv6": self.enable_ipv6,
            "IPAM": self.ipam or {"Driver": "default", "Options": None, "Config": config},
            "Internal": self.internal,
            "Attachable": self.attachable,
            "Ingress": False,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": False,
            "Containers": containers,
            "Options": self.options,
            "Labels": self.labels,
        }


_BRIDGE_OPTIONS = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": "true",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
    "com.docker.network.bridge.name": "docker0",
    "com.docker.network.driver.mtu": "1500",
}


def predefined_networks(now: int) -> list[Network]:
    """Make the networks that every engine has."""
    bridge = Network("bridge", "bridge", now, third=17, options=dict(_BRIDGE_OPTIONS))
    return [bridge, Network("host", "host", now), Network("none", "null", now)]


class Ports:
    """The host's ports: which are taken, and by whom."""

    def __init__(self) -> None:
        self._taken: dict[tuple[int, str], str] = {}

    def take(self, wanted: str, protocol: str, container_id: str, name: str, endpoint: str) -> int:
        """Take a port, any where none is wanted. Raises Internal, in the engine's words, where it is taken."""
        if wanted in ("", "0"):
            port = next(each for each in range(FIRST_PORT, LAST_PORT) if (each, protocol) not in self._taken)
        else:
            port = int(wanted.partition("-")[0])
        if (port, protocol) in self._taken:
            raise Internal(
                f"driver failed programming external connectivity on endpoint {name} ({endpoint}): "
                f"Bind for 0.0.0.0:{port} failed: port is already allocated"
            )
        self._taken[port, protocol] = container_id
        return port

    def release(self, container_id: str) -> None:
        """Release all that a container has."""
        self._taken = {port: owner for port, owner in self._taken.items() if owner != container_id}
