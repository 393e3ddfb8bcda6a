"""Hosts through ssh: a tunnel to a Unix socket there, which any protocol may use, and the part for Docker Engines.

Public to sibling backends: the part, the transport of the scheme `ssh`, and what a tunnel of another kind is made of.
"""

from .address import SshAddress, parse_address
from .options import SshOptions
from .settings import Settings, Wanted
from .stage import SshStage, ssh, transport
from .tunnel import SshTunnel

__all__ = [
    "Settings",
    "SshAddress",
    "SshOptions",
    "SshStage",
    "SshTunnel",
    "Wanted",
    "parse_address",
    "ssh",
    "transport",
]
