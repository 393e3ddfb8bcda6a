"""Sockets that a service manager has opened and hands over: `fd://` for all of them, `fd://NAME` for those of a name.

The protocol is that of sd_listen_fds(3): descriptors from 3 on, and the variables LISTEN_PID, LISTEN_FDS and
LISTEN_FDNAMES. Such a socket is the manager's: its file, mode and group are not touched, and it outlives us.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import trio
from attrs import define

from ..errors import Invalid
from .sockets import host_and_port

log = logging.getLogger(__name__)

SCHEME = "fd://"
"""What an address begins with that means handed-over sockets."""

FIRST = 3
"""The number of the first descriptor (SD_LISTEN_FDS_START)."""

UNNAMED = "unknown"
"""What a socket is called where the manager names none, as with sd_listen_fds_with_names(3)."""

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

Opened = tuple[trio.SocketListener, str]
"""A listener, and its address as clients use it."""


@define(eq=False)
class _Handed:
    """A socket, and its name in the unit that describes it."""

    name: str
    socket: socket.socket

    def is_meant_by(self, address: str) -> bool:
        return address in (SCHEME, SCHEME + self.name)


@contextmanager
def activated(addresses: Sequence[str], check: Callable[[str], object]) -> Iterator[list[Opened]]:
    """Take over what the addresses mean; `check` is given the real address of each and raises where it will not do.

    All sockets are taken out of the environment, so that no child of ours has them, and closed with the block, in this
    process only. Raises `Invalid` where nothing was handed over, no socket is meant, or one cannot be served on.
    """
    names = _names()
    for variable in _VARIABLES:
        os.environ.pop(variable, None)
    with ExitStack() as sockets:
        handed = [
            _Handed(name, sockets.enter_context(_stream_listener(number, name)))
            for number, name in enumerate(names, FIRST)
        ]
        yield [_open(each, check) for each in _chosen(handed, addresses)]


def real_addresses(address: str) -> frozenset[str]:
    """Return the addresses of the sockets that an address means, taking nothing; none where none was handed over."""
    found = set()
    with suppress(Invalid, OSError):
        for number, name in enumerate(_names(), FIRST):
            with socket.socket(fileno=os.dup(number)) as copy:
                if _Handed(name, copy).is_meant_by(address):
                    found.add(_address_of(copy))
    return frozenset(found)


def _names() -> list[str]:
    """Return the name of each descriptor that was handed to this process."""
    number, pid = os.environ.get("LISTEN_FDS", ""), os.environ.get("LISTEN_PID", "")
    if not number or not pid:
        raise Invalid(f"{SCHEME} is for sockets that systemd hands over, and there are none: is there a .socket unit?")
    if pid != str(os.getpid()):
        raise Invalid(
            f"the sockets for {SCHEME} were handed to process {pid}, and this is {os.getpid()}: systemd must start"
            f" swarmd itself, not a program that starts it"
        )
    if not number.isdecimal() or int(number) < 1:
        raise Invalid(f"{SCHEME}: LISTEN_FDS is no number of sockets: {number!r}")
    given = os.environ.get("LISTEN_FDNAMES")
    names = [UNNAMED] * int(number) if given is None else given.split(":")
    if len(names) != int(number):
        raise Invalid(f"{SCHEME}: {number} sockets were handed over, and LISTEN_FDNAMES names {len(names)}: {given!r}")
    return names


def _stream_listener(number: int, name: str) -> socket.socket:
    """Return the socket of a descriptor, which children will not have; raise `Invalid` where it does not listen."""
    what = f"what was handed over as {name!r} (descriptor {number})"
    try:
        found = socket.socket(fileno=number)
    except OSError as error:
        raise Invalid(f"{what} is no socket: {error.strerror}") from error
    found.set_inheritable(False)
    if found.family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        wrong = "is no stream of TCP or Unix: ListenStream= in the .socket unit"
    elif not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        wrong = "does not listen: Accept=no in the .socket unit"
    else:
        return found
    found.close()
    raise Invalid(f"{what} {wrong}")


def _chosen(handed: list[_Handed], addresses: Sequence[str]) -> list[_Handed]:
    """Return the sockets that the addresses mean, each once; say which nobody wants."""
    chosen: list[_Handed] = []
    for address in addresses:
        meant = [each for each in handed if each.is_meant_by(address)]
        if not meant:
            raise Invalid(f"{address}: no socket of that name was handed over, only {_listed(handed)}")
        if any(each in chosen for each in meant):
            raise Invalid(f"{address}: an address before it takes {_listed(meant)}")
        chosen += meant
    if unwanted := [each for each in handed if each not in chosen]:
        log.warning("nobody is served on %s, which was handed over: no address names it", _listed(unwanted))
    return chosen


def _listed(handed: Sequence[_Handed]) -> str:
    return ", ".join(dict.fromkeys(repr(each.name) for each in handed))


def _open(handed: _Handed, check: Callable[[str], object]) -> Opened:
    address = _address_of(handed.socket)
    check(address)
    return trio.SocketListener(trio.socket.from_stdlib_socket(handed.socket)), address


def _address_of(listener: socket.socket) -> str:
    """Return the address of a socket as clients use it; an abstract one as the docker command writes it."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        path = os.fsdecode(name)
        return f"unix://@{path[1:]}" if path.startswith("\0") else f"unix://{path}"
    return f"tcp://{host_and_port(name[0].partition('%')[0], name[1])}"
