"""Ways to reach a peer over a byte stream: sockets here, and further ones by the scheme of their address.

Any backend that speaks over a byte stream can be put behind any of them.
"""

from .dialer import Dialer, Transport, Tunnel, open_dialer
from .reasons import dialling_reason
from .schemes import MakeTransport, find_transport
from .sockets import TcpDialer, UnixDialer, is_loopback

__all__ = [
    "Dialer",
    "MakeTransport",
    "TcpDialer",
    "Transport",
    "Tunnel",
    "UnixDialer",
    "dialling_reason",
    "find_transport",
    "is_loopback",
    "open_dialer",
]
