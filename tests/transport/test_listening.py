"""Where a front listens: what takes whose place, who may connect, and that nothing is left behind."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from swarmkit import Conflict, Denied, Invalid, Unavailable
from swarmkit.transport.listening import Access, check_address, listening


@contextmanager
def listener(path: Path, *, live: bool) -> Iterator[None]:
    """Have a socket file, with somebody who listens or left over."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        if live:
            other.listen()
            yield
    if not live:
        yield


def connects(path: Path) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def test_a_socket_is_served_and_removed(tmp_path: Path) -> None:
    """The file is there as long as the block, for its owner and group only."""
    path = tmp_path / "x.sock"
    with listening(f"unix://{path}", Access()) as (_, address):
        assert address == f"unix://{path}"
        assert connects(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_the_mode_is_the_one_asked_for(tmp_path: Path, mode: int) -> None:
    """Whatever the process's own mask is, which stays as it was."""
    mask = os.umask(0o027)
    try:
        with listening(f"unix://{tmp_path}/x", Access(mode)):
            assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)


def test_a_group_may_be_given(tmp_path: Path) -> None:
    """By number or by name."""
    with listening(f"unix://{tmp_path}/x", Access(group=str(os.getegid()))):
        assert (tmp_path / "x").stat().st_gid == os.getegid()


@pytest.mark.parametrize("group", ["no-such-group", "99999999999999"])
def test_a_group_that_is_none_is_refused(tmp_path: Path, group: str) -> None:
    """The refusal names it, and leaves no file."""
    with pytest.raises(Invalid, match=group), listening(f"unix://{tmp_path}/x", Access(group=group)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """A file on which nobody listens is what a killed process left."""
    with listener(tmp_path / "x", live=False), listening(f"unix://{tmp_path}/x", Access()):
        assert connects(tmp_path / "x")


def test_a_live_socket_is_refused(tmp_path: Path) -> None:
    """Another's socket stays where it is."""
    with listener(tmp_path / "x", live=True):
        with pytest.raises(Conflict, match="another process listens"), listening(f"unix://{tmp_path}/x", Access()):
            pass
        assert connects(tmp_path / "x")


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(tmp_path: Path, kind: str) -> None:
    """A path may have been mistyped."""
    path = tmp_path / "x"
    match kind:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("nowhere")
    before = path.lstat().st_ino
    with pytest.raises(Conflict, match="no socket"), listening(f"unix://{path}", Access()):
        pass
    assert path.lstat().st_ino == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """It is not made: with which permissions?"""
    with (
        pytest.raises(Unavailable, match=f"there is no directory {tmp_path}/no"),
        listening(f"unix://{tmp_path}/no/x", Access()),
    ):
        pass


def test_only_our_own_file_is_removed(tmp_path: Path) -> None:
    """What took its place is another's."""
    path = tmp_path / "x"
    with listening(f"unix://{path}", Access()):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_a_file_that_has_gone_is_no_error(tmp_path: Path) -> None:
    """Somebody tidied up before us."""
    with listening(f"unix://{tmp_path}/x", Access()):
        (tmp_path / "x").unlink()


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("unix:///" + "x" * 107, Invalid, "at most 107 bytes"),
        ("unix://relative", Invalid, "unix:///PATH"),
        ("/run/x.sock", Invalid, "unix:///PATH"),
        ("http://127.0.0.1:1", Invalid, "unix:///PATH"),
        ("tcp://0.0.0.0:2375", Denied, "--tlsverify with --cacert, --cert and --key, or --insecure"),
        ("tcp://10.0.0.1:2375", Denied, "--tlsverify with --cacert, --cert and --key, or --insecure"),
        ("tcp://[::]:2375", Denied, "--tlsverify with --cacert, --cert and --key, or --insecure"),
        ("tcp://example.org:2375", Denied, "--tlsverify with --cacert, --cert and --key, or --insecure"),
        ("tcp://:2375", Invalid, "tcp://HOST:PORT"),
        ("tcp://127.0.0.1", Invalid, "tcp://HOST:PORT"),
        ("tcp://127.0.0.1:x", Invalid, "Port"),
        ("tcp://127.0.0.1:70000", Invalid, "Port"),
        ("tcp://127.0.0.1:1/x", Invalid, "tcp://HOST:PORT"),
        ("tcp://127.0.0.1:1?x", Invalid, "tcp://HOST:PORT"),
        ("tcp://me@127.0.0.1:1", Invalid, "tcp://HOST:PORT"),
    ],
)
def test_an_address_that_will_not_do_is_refused(address: str, error: type[Exception], says: str) -> None:
    """The refusal says what would do."""
    with pytest.raises(error, match=says):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["unix:///" + "x" * 106, "tcp://127.0.0.1:0", "tcp://127.8.9.1:1", "tcp://localhost:1", "tcp://[::1]:1"]
)
def test_addresses_of_this_machine_will_do(address: str) -> None:
    """A Unix socket, or loopback in any of its forms."""
    assert check_address(address) == address


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:2376", "tcp://[::]:2376", "tcp://web-1.example.org:2376"])
def test_addresses_for_others_will_do_where_that_is_safe_or_meant(address: str) -> None:
    """With TLS, or with --insecure."""
    assert check_address(address, open_to_all=True) == address


async def test_tcp_tells_the_port_it_got() -> None:
    """Port 0 is any free one."""
    with listening("tcp://127.0.0.1:0", Access()) as (_, address):
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        stream = await trio.open_tcp_stream(host, int(port))
        await stream.aclose()


def test_a_port_in_use_is_named() -> None:
    """The refusal has the address."""
    with (
        listening("tcp://127.0.0.1:0", Access()) as (_, address),
        pytest.raises(Unavailable, match=f"cannot listen on {address}"),
        listening(address, Access()),
    ):
        pass
