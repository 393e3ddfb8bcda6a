"""Ways to reach a peer over a byte stream: sockets and TLS here, and further ones by the scheme of their address.

Any backend that speaks over a byte stream can be put behind any of them.
"""

from .dialer import Dialer, Transport, Tunnel, open_dialer
from .reasons import dialling_reason
from .schemes import MakeTransport, find_transport
from .sockets import TcpDialer, UnixDialer, foreign_ip, host_and_port, is_loopback, keep_alive
from .tls import NotTls, TlsFailure, TlsStream
from .tls_dialer import TlsDialer, TlsTransport
from .tls_files import FreshContext, TlsFiles
from .tls_options import client_files, client_tls, server_files, tls_options, words_of
from .tls_reasons import tls_reason

__all__ = [
    "Dialer",
    "FreshContext",
    "MakeTransport",
    "NotTls",
    "TcpDialer",
    "TlsDialer",
    "TlsFailure",
    "TlsFiles",
    "TlsStream",
    "TlsTransport",
    "Transport",
    "Tunnel",
    "UnixDialer",
    "client_files",
    "client_tls",
    "dialling_reason",
    "find_transport",
    "foreign_ip",
    "host_and_port",
    "is_loopback",
    "keep_alive",
    "open_dialer",
    "server_files",
    "tls_options",
    "tls_reason",
    "words_of",
]
