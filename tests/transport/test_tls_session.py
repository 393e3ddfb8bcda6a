"""TLS without I/O: however its bytes are cut, and wherever they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.transport import tls_reason
from swarmkit.transport.tls_session import TlsSession

from .certificates import Authority

Sessions = tuple[TlsSession, TlsSession]


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """Give a client's and a server's session."""
    files = Authority(tmp_path).issue("both")
    client = TlsSession(files.client_context(), tls_reason, server_hostname="localhost", server_side=False)
    server = TlsSession(files.server_context(), tls_reason, server_hostname=None, server_side=True)
    return client, server


def carry(source: TlsSession, sink: TlsSession, size: int) -> bytes:
    """Carry what one says to the other, so many bytes at a time; return what that reads."""
    data, read = source.take(), b""
    for start in range(0, len(data), size):
        sink.feed(data[start : start + size])
        if not sink.ready:
            sink.shake()
        else:
            read += sink.read(1 << 20) or b""
    return read


def shake(client: TlsSession, server: TlsSession, size: int = 1 << 20) -> None:
    """Make the handshake."""
    client.shake()
    while not (client.ready and server.ready):
        carry(client, server, size)
        carry(server, client, size)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_it_is_the_same_however_it_is_cut(sessions: Sessions, size: int) -> None:
    """Byte by byte, in pieces, and whole."""
    client, server = sessions
    shake(client, server, size)
    for source, sink in ((client, server), (server, client)):
        assert source.write(memoryview(b"some words")) == 10
        assert carry(source, sink, size) == b"some words"
    client.write_eof()
    assert carry(client, server, size) == b""
    assert (server.ended, server.fault) == (True, None)
    server.write(memoryview(b"an answer"))
    assert carry(server, client, size) == b"an answer"


def test_an_end_within_the_handshake_is_a_fault(sessions: Sessions) -> None:
    """Wherever it is."""
    client, server = sessions
    client.shake()
    hello = client.take()
    server.feed(hello[: len(hello) // 2])
    server.shake()
    assert server.fault is None
    server.feed(b"")
    server.shake()
    assert server.fault is not None
    assert server.fault.reason == "it ended the connection during the handshake of TLS"


def test_what_came_before_a_fault_is_read_first(sessions: Sessions) -> None:
    """Then a garbled record is told, and told again."""
    client, server = sessions
    shake(client, server)
    client.write(memoryview(b"good"))
    good = client.take()
    client.write(memoryview(b"bad"))
    bad = client.take()
    server.feed(good + bad[:-1] + bytes([bad[-1] ^ 1]))
    assert server.read(100) == b"good"
    assert server.read(100) == b""
    assert server.fault is not None
    assert server.fault.reason.startswith("TLS failed: ")
    assert server.read(100) == b""


def test_a_record_cut_short_is_waited_for(sessions: Sessions) -> None:
    """There is nothing to read until all of it has come; where it never comes, that is a cut."""
    client, server = sessions
    shake(client, server)
    client.write(memoryview(b"all or nothing"))
    record = client.take()
    server.feed(record[:-1])
    assert server.read(100) is None
    server.feed(b"")
    assert server.read(100) == b""
    assert server.fault is not None
    assert "cut off" in server.fault.reason
