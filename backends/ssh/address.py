"""Where an engine is, as far as ssh is concerned: `[USER@]HOST[:PORT][/SOCKET]`, parsed and checked.

What is checked is that no part of it can be taken for anything else: by ssh for an option, by a shell (the user's
`ProxyCommand` may have the host's name in it, the remote one has the socket's) for a command, by ssh for an expansion.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from attrs import frozen

from swarmkit.errors import Invalid, without_passwords

MAX_SOCKET = 107
"""Bytes of a Unix socket's path at most (`sun_path` of unix(7), its last zero left out)."""

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*\Z")
_SOCKET = re.compile(r"/[A-Za-z0-9_./@+,=~-]+\Z")
_PLACE = re.compile(
    r"(?:(?P<user>[^/]*)@)?(?:\[(?P<six>[^]/]*)\]|(?P<host>[^][:/@]*))(?::(?P<port>[^:/]*))?(?P<rest>/.*)?\Z", re.DOTALL
)
_ZONE = re.compile(r"[A-Za-z0-9_.-]+\Z")


@frozen
class SshAddress:
    """A host, and what is given of user, port and socket; the rest is ssh's configuration's, or found out there."""

    host: str
    user: str | None = None
    port: int | None = None
    socket: str | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{user}{host}{port}{self.socket or ''}"

    @property
    def url(self) -> str:
        """The address as other parts are given it."""
        return f"ssh://{self}"


def parse_address(text: str) -> SshAddress:
    """Parse `[USER@]HOST[:PORT][/SOCKET]`, with or without `ssh://`; an IPv6 address stands in brackets.

    Raises `Invalid`, saying which part is none.
    """
    place = _PLACE.match(text.removeprefix("ssh://"))
    if place is None:
        raise _invalid(text, "it reads [USER@]HOST[:PORT][/SOCKET], with an IPv6 address in brackets")
    host = _checked_host(text, place["host"], place["six"])
    return SshAddress(
        host, _checked_user(text, place["user"]), _checked_port(text, place["port"]), _checked_path(text, place["rest"])
    )


def is_socket_path(path: str) -> bool:
    """Tell whether a path can be given to ssh as it is: no expansion, no separator, and short enough."""
    return bool(_SOCKET.match(path)) and len(path) <= MAX_SOCKET


def _checked_host(text: str, name: str | None, six: str | None) -> str:
    if six is not None:
        if not _is_ipv6(six):
            raise _invalid(text, f"{six!r} is no IPv6 address")
        return six
    if not name:
        raise _invalid(text, "it names no host")
    if not _HOST.match(name):
        raise _invalid(text, f"{name!r} is no host's name (letters, digits, '.', '_' and '-', and no '-' in front)")
    return name


def _is_ipv6(text: str) -> bool:
    number, percent, zone = text.partition("%")
    try:
        IPv6Address(number)
    except ValueError:
        return False
    return bool(_ZONE.match(zone)) if percent else True


def _checked_user(text: str, user: str | None) -> str | None:
    if user is None:
        return None
    if ":" in user:
        raise _invalid(text, "it has a password in it, which ssh takes from nobody: use a key or an agent")
    if not _USER.match(user):
        raise _invalid(text, f"{user!r} is no user's name (letters, digits and '._+@-', and no '-' in front)")
    return user


def _checked_port(text: str, port: str | None) -> int | None:
    if port is None:
        return None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise _invalid(text, f"{port!r} is no port (1 to 65535)")
    return int(port)


def _checked_path(text: str, path: str | None) -> str | None:
    if path is None or path == "/":
        return None
    if not is_socket_path(path):
        raise _invalid(
            text, f"{path!r} cannot be a socket's path: letters, digits and '_./@+,=~-', at most 107 of them"
        )
    return path


def _invalid(text: str, why: str) -> Invalid:
    return Invalid(f"not an ssh address: {without_passwords(text)!r}: {why}")
