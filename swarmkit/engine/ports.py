"""The `publish` and `expose` filters: ranges of ports, as the engine reads them."""

from __future__ import annotations

from attrs import frozen

from swarmkit.errors import Invalid

from .query import parse_int


@frozen
class PortRange:
    """Ports `first` to `last`, both included, of one protocol."""

    first: int
    last: int
    protocol: str

    @classmethod
    def parse(cls, key: str, text: str) -> PortRange:
        """Read `80`, `80/udp` or `80-90/tcp`; `key` is the filter's name. Raises Invalid in the engine's words."""
        if ":" in text:
            raise Invalid(f"filter for '{key}' should not contain ':': {text}")
        ports, *protocol = text.split("/")
        try:
            first, last = _parse_range(ports)
        except Invalid as error:
            raise Invalid(f"error while looking up for {key} {text}: {error.message}") from error
        return cls(first, last, (protocol and protocol[0]) or "tcp")

    def holds(self, port: int, protocol: str) -> bool:
        """Tell whether this port is one of them."""
        return self.first <= port <= self.last and protocol == self.protocol


def _parse_range(text: str) -> tuple[int, int]:
    if not text:
        raise Invalid("Empty string specified for ports.")
    first, dash, last = text.partition("-")
    start = _parse_port(first)
    end = _parse_port(last) if dash else start
    if end < start:
        raise Invalid(f"Invalid range specified for the Port: {text}")
    return start, end


def _parse_port(text: str) -> int:
    port = parse_int(text, "ParseUint")
    if text[0] in "+-":
        raise Invalid(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if port > 65535:
        raise Invalid(f'strconv.ParseUint: parsing "{text}": value out of range')
    return port
