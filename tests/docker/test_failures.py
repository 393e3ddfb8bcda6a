"""What a failure means, and the words that it is told in."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

import pytest

from backends.docker.failures import engine_error, understanding
from swarmkit.errors import Code, Internal, NotFound, host_down
from swarmkit.transport import TcpDialer, dialling_reason


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b'{"message":"No such container: x"}', Code.NOT_FOUND, "No such container: x"),
        (409, b'{"message":"in use"}', Code.CONFLICT, "in use"),
        (500, b"plain words\n", Code.INTERNAL, "plain words"),
        (400, b'{"other":1}', Code.INVALID, '{"other":1}'),
        (418, b"[]", Code.INVALID, "[]"),
        (503, b"", Code.UNAVAILABLE, "host e answered with status 503"),
    ],
)
def test_engines_error_is_kept(status: int, body: bytes, code: Code, message: str) -> None:
    """An engine's error has its text, and keeps its status and its body to the byte."""
    error = engine_error(status, body, "e")
    assert (error.code, error.message, error.status) == (code, message, status)
    assert error.details["body"] == body


def test_what_a_host_that_is_down_says() -> None:
    """It names the host and the reason, and says what will happen without anybody's doing."""
    error = host_down("b", "no answer to a ping in 2 s")
    text = "host b is down: no answer to a ping in 2 s (it is tried again by itself; other hosts are not affected)"
    assert (error.message, error.details["host"]) == (text, "b")


def test_document_of_another_shape_is_the_engines_fault() -> None:
    """What taking a document apart raises is Internal, with what it should have been; other errors pass."""
    odd = r"host e answered with what is not a list of images: KeyError\('Id'\)"
    with pytest.raises(Internal, match=odd), understanding("e", "a list of images"):
        raise KeyError("Id")
    with pytest.raises(NotFound), understanding("e", "a list of images"):
        raise NotFound("no such image")


# -- why an engine could not be dialled ---------------------------------------------------------------------------


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
