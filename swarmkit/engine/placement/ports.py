"""Ports of a host: which a container asks for or has, and which cannot be had twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from .reading import items, mapping, number, text

_LAST = 65535


@frozen
class Claim:
    """A port of the host from `first` to `last`, whichever is free, at an address (`""` is all there are)."""

    protocol: str
    first: int
    last: int
    address: str = ""

    @property
    def fixed(self) -> bool:
        """Whether it is one port, and no choice of several."""
        return self.first == self.last

    def __str__(self) -> str:
        ports = str(self.first) if self.fixed else f"{self.first}-{self.last}"
        return f"{self.address}:{ports}/{self.protocol}" if self.address else f"{ports}/{self.protocol}"


def claims_of(host_config: Mapping[str, Any], exposed: object) -> tuple[Claim, ...]:
    """Return the ports that a container asks for: those it publishes, or exposes where it shares the host's network.

    `exposed` is `ExposedPorts` of the rest of its configuration. What the engine is to choose is no claim, and in the
    network of another container, or without one, nothing is published.
    """
    mode = text(host_config.get("NetworkMode"))
    if mode == "host":
        return tuple(_exposed(exposed))
    if mode == "none" or mode.startswith("container:"):
        return ()
    return tuple(_published(host_config))


def bound_by(document: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return the ports of the host that a container has at present, from its document of `GET /containers/json`."""
    ports = (mapping(each) for each in items(document.get("Ports")))
    return tuple(
        Claim(text(each.get("Type")) or "tcp", int(port), int(port), text(each.get("IP")))
        for each in ports
        if (port := number(each.get("PublicPort")))
    )


def overlap(one: str, other: str) -> bool:
    """Tell whether one port cannot be had at both addresses; all of IPv4, or of IPv6, is told from all."""
    if "" in (one, other) or one == other:
        return True
    if (":" in one) != (":" in other):
        return False
    return one in _ALL or other in _ALL


_ALL = frozenset({"0.0.0.0", "::"})


def _exposed(exposed: object) -> Iterator[Claim]:
    for port in mapping(exposed):
        number, protocol = _split(port)
        yield from _claims(protocol, number, "")


def _published(host_config: Mapping[str, Any]) -> Iterator[Claim]:
    for port, bindings in mapping(host_config.get("PortBindings")).items():
        _, protocol = _split(port)
        for binding in map(mapping, items(bindings)):
            yield from _claims(protocol, text(binding.get("HostPort")), text(binding.get("HostIp")))


def _split(port: str) -> tuple[str, str]:
    number, _, protocol = port.partition("/")
    return number, protocol.lower() or "tcp"


def _claims(protocol: str, ports: str, address: str) -> Iterator[Claim]:
    """Yield the claim that `80` or `80-90` makes; what cannot be read, or is left to the engine (0), makes none."""
    first, dash, last = ports.partition("-")
    start, end = _port(first), _port(last if dash else first)
    if start and end and start <= end:
        yield Claim(protocol, start, end, address)


def _port(digits: str) -> int:
    """Return the number of a port, 0 where it is none."""
    found = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else 0
    return found if found <= _LAST else 0
