"""Why a peer could not be reached, in words."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

import pytest

from swarmkit.transport import TcpDialer, dialling_reason


def tried(*errors: OSError) -> OSError:
    """Make the error of a name each of whose addresses was tried, as trio makes it."""
    error = OSError("all attempts to connect to web:2375 failed")
    error.__cause__ = ExceptionGroup("all attempts to connect to web:2375 failed", errors)
    return error


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Error connecting to ('10.0.0.1', 2375): Connection refused")
NO_ROUTE = OSError(errno.EHOSTUNREACH, "Error connecting to ('fe80::1', 2375): No route to host")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "connection refused"),
        (tried(REFUSED), "connection refused"),
        (tried(REFUSED, REFUSED), "connection refused"),
        (tried(NO_ROUTE, REFUSED), "no route to host; connection refused"),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "its name cannot be resolved: name or service not known",
        ),
        (OSError("not a host's name: 'a b'"), "not a host's name: 'a b'"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission denied"),
    ],
)
def test_reason_is_in_the_systems_words(error: OSError, reason: str) -> None:
    """No number and no address of Python's, each reason once; what has its own words keeps them."""
    assert dialling_reason(error, "tcp://web:2375") == reason


def test_socket_that_is_not_there_asks_for_the_engine() -> None:
    """A Unix socket that does not exist is not told as a missing file."""
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert dialling_reason(error, "unix:///none.sock") == "there is no such socket; is the engine running?"


@pytest.mark.parametrize(
    ("mode", "hint"), [(0o660, "; members of the group '{}' may use it"), (0o600, ""), (0o640, "")]
)
def test_denied_socket_names_the_group_that_may(tmp_path: Path, mode: int, hint: str) -> None:
    """A socket that its group may write to names the group; another names none."""
    path = tmp_path / "engine.sock"
    path.touch()
    path.chmod(mode)
    error = PermissionError(errno.EACCES, "Permission denied")
    assert dialling_reason(error, f"unix://{path}") == "permission denied" + hint.format(path.group())


async def test_port_that_nobody_listens_on_is_a_connection_refused() -> None:
    """What the real dialer raises for it is told in two words."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listened on: nobody else can take it meanwhile
        dialer = TcpDialer("127.0.0.1", unused.getsockname()[1])
        with pytest.raises(OSError, match="failed") as caught:
            await dialer()
    assert dialling_reason(caught.value, dialer.address) == "connection refused"
