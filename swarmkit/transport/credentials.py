"""Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED of unix(7)), and who of these is let in."""

from __future__ import annotations

import os
import socket
import struct

import trio
from attrs import field, frozen

_UCRED = struct.Struct("3i")


@frozen
class Credentials:
    """The process that connected: its number, and the user and the group that it ran as then."""

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"process {self.pid} of uid {self.uid}, gid {self.gid}"


def credentials_of(stream: trio.SocketStream) -> Credentials | None:
    """Return who connected; None where it is no Unix socket."""
    if stream.socket.family != socket.AF_UNIX:
        return None
    return Credentials(*_UCRED.unpack(stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


@frozen
class Allowed:
    """Who may connect to a Unix socket besides root and the user that serves it."""

    uids: frozenset[int] = field(factory=frozenset)
    gids: frozenset[int] = field(factory=frozenset)

    def lets_in(self, who: Credentials) -> bool:
        """Tell whether somebody is let in. Of groups the process's own counts, and none of the others it is in."""
        return who.uid in (0, os.geteuid()) or who.uid in self.uids or who.gid in self.gids
