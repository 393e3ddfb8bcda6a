"""The private directory of a connection: ours alone, gone with its block; where we were killed, with the next one."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.ssh.folder import CONTROL, FORWARDED, private_folder


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime directory of the test's own."""
    with tempfile.TemporaryDirectory(prefix="run-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def left(runtime: Path, name: str, socket_name: str = FORWARDED) -> Path:
    """Leave a directory as a killed process does: with a socket that nobody listens on."""
    folder = runtime / name
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(folder / socket_name))
    return folder


def test_directory_is_private_and_goes(runtime: Path) -> None:
    """Nobody else may look into it, and it is removed with what is in it."""
    with private_folder() as name:
        folder = runtime / Path(name).name
        (folder / "s").touch()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize("socket_name", [CONTROL, FORWARDED])
def test_what_a_killed_process_left_is_removed(runtime: Path, socket_name: str) -> None:
    """A directory with a socket on which nobody listens is nobody's any more."""
    folder = left(runtime, "swarmd-left", socket_name)
    with private_folder():
        assert not folder.exists()


def test_what_is_in_use_stays(runtime: Path) -> None:
    """Another's connection, one that is just being made, and what only resembles one are left alone."""
    other = left(runtime, "other-left")
    beginning = runtime / "swarmd-beginning"
    beginning.mkdir()
    used = runtime / "swarmd-used"
    used.mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(used / CONTROL))
        control.listen()
        with private_folder():
            assert [each.exists() for each in (other, beginning, used)] == [True, True, True]
