"""What a tunnel is made of: where it goes, how, and to what socket there."""

from __future__ import annotations

from attrs import evolve, field, frozen

from .address import SshAddress
from .options import SshOptions


@frozen
class Wanted:
    """What there is to be reached on a host: a Unix socket.

    `default` is its path. `candidates` are words of the host's shell that may name it instead, where the user has not.
    `relays` are commands that pass bytes between a session and the socket `{socket}`, for hosts that forbid forwarding.
    """

    default: str
    candidates: tuple[str, ...] = ()
    relays: tuple[str, ...] = ()


@frozen
class Settings:
    """What a connection is made of."""

    address: SshAddress
    wanted: Wanted
    options: SshOptions = field(factory=SshOptions)

    @property
    def host(self) -> str:
        """How the host is called in messages."""
        return self.address.host

    def found(self, socket: str) -> Settings:
        """Return the settings with the one socket that has been found, or named."""
        return evolve(self, wanted=evolve(self.wanted, default=socket, candidates=()))
