"""Where a front listens: Unix sockets with mode and group, and TCP, to other machines only where that is safe.

What a service manager hands over is in `activation`.
"""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from ..errors import Conflict, Denied, Invalid, Unavailable
from .activation import SCHEME, Opened, activated
from .addresses import TcpAddress
from .sockets import host_and_port, is_loopback

BACKLOG = 1024
DEFAULT_MODE = 0o660


@frozen
class Access:
    """Who may connect to a Unix socket: its mode, and its group (a name or a number; None leaves the process's)."""

    mode: int = DEFAULT_MODE
    group: str | None = None


def check_address(address: str, *, open_to_all: bool = False) -> str:
    """Return an address if a front can listen there; raise `Invalid` or `Denied` saying what is wrong.

    `open_to_all` allows TCP that other machines reach: there is TLS, or it is meant.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        if len(os.fsencode(rest)) > 107:
            raise Invalid(f"the path of a Unix socket has at most 107 bytes: {rest}")
        return address
    if scheme == "tcp":
        where = _split(address)
        if not (open_to_all or is_loopback(where.host)):
            raise Denied(
                f"{address}: plain TCP is served on loopback only (tcp://127.0.0.1:PORT), as whoever reaches it is root"
                f" on every host: use --tlsverify with --cacert, --cert and --key, or --insecure if that is meant"
            )
        return address
    if scheme == "fd" and "/" not in rest:
        return address  # what is behind it is checked when it is taken over
    raise Invalid(f"cannot listen on {address!r}: unix:///PATH, tcp://HOST:PORT or fd://[NAME]")


def permissions(text: str) -> int:
    """Read the permissions of a Unix socket, in octal; raise `Invalid` for what is none."""
    try:
        found = int(text, 8)
    except ValueError as error:
        raise Invalid(f"not permissions in octal: {text!r}") from error
    if not 0 <= found <= 0o777:
        raise Invalid(f"not permissions in octal: {text!r}")
    return found


def _split(address: str) -> TcpAddress:
    return TcpAddress.parse(address, noun="an address to listen on")


@contextmanager
def listening_on(addresses: Sequence[str], access: Access, *, open_to_all: bool = False) -> Iterator[list[Opened]]:
    """Listen on addresses, `fd://` among them; yield each listener with its address as clients use it."""
    own = [address for address in addresses if not address.startswith(SCHEME)]
    handed = [address for address in addresses if address.startswith(SCHEME)]
    with ExitStack() as stack:
        opened = [stack.enter_context(listening(address, access)) for address in own]
        if handed:
            check = partial(check_address, open_to_all=open_to_all)
            opened += stack.enter_context(activated(handed, check))
        yield opened


@contextmanager
def listening(address: str, access: Access) -> Iterator[Opened]:
    """Listen on an address; yield the listener and the address as clients use it. A socket file ends with the block."""
    if address.startswith("unix://"):
        with _unix(Path(address.removeprefix("unix://")), access) as listener:
            yield listener, address
    else:
        with _tcp(address) as found:
            yield found


@contextmanager
def _tcp(address: str) -> Iterator[Opened]:
    where = _split(address)
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((where.host, where.port))
        except OSError as error:
            raise Unavailable(f"cannot listen on {address}: {error.strerror}") from error
        bound.listen(BACKLOG)
        shown = f"tcp://{host_and_port(where.host, bound.getsockname()[1])}"
        yield trio.SocketListener(trio.socket.from_stdlib_socket(bound)), shown


@contextmanager
def _unix(path: Path, access: Access) -> Iterator[trio.SocketListener]:
    _make_way(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        mask = os.umask(0o177)  # nobody else gets in between bind and chmod
        try:
            bound.bind(str(path))
        except OSError as error:
            raise Unavailable(f"cannot listen on unix://{path}: {error.strerror}") from error
        finally:
            os.umask(mask)
        ours = path.stat()
        try:
            _open_to(path, access)
            bound.listen(BACKLOG)
            yield trio.SocketListener(trio.socket.from_stdlib_socket(bound))
        finally:
            _remove(path, ours)


def _open_to(path: Path, access: Access) -> None:
    if access.group is not None:
        try:
            group = int(access.group) if access.group.isdigit() else grp.getgrnam(access.group).gr_gid
            os.chown(path, -1, group)
        except (KeyError, OverflowError) as error:
            raise Invalid(f"there is no group called {access.group!r}") from error
        except OSError as error:
            raise Denied(f"cannot give unix://{path} to the group {access.group}: {error.strerror}") from error
    path.chmod(access.mode)


def _make_way(path: Path) -> None:
    """Remove a socket that nobody listens on; refuse to take the place of anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise Unavailable(f"cannot listen on unix://{path}: there is no directory {path.parent}") from None
        return
    except OSError as error:
        raise Unavailable(f"cannot listen on unix://{path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise Conflict(f"cannot listen on unix://{path}: it is there, and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        refused = probe.connect_ex(str(path))
    if refused != errno.ECONNREFUSED:
        raise Conflict(f"cannot listen on unix://{path}: another process listens there")
    path.unlink()


def _remove(path: Path, ours: os.stat_result) -> None:
    """Remove our socket, unless another has taken its place."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
            path.unlink()
