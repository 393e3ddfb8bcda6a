"""A registry on this machine that test engines reach, whose images want a login."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "docker-registry"
"""The program, and the Debian package that brings it."""

USER, PASSWORD = "user", "secret"
_USERS = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"  # bcrypt
_READY_WITHIN = 20.0  # seconds


def why_no_registry() -> str | None:
    """Return why none can be started here, or None if one can."""
    return None if shutil.which(PROGRAM) else f"a registry needs the package {PROGRAM}"


@contextmanager
def serving_registry(address: str, folder: Path) -> Iterator[str]:
    """Serve a registry on an address of this machine for the length of a block; give its `host:port`."""
    folder.mkdir(parents=True)
    (folder / "users").write_text(_USERS)
    port = _free_port(address)
    settings = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"{address}:{port}", "secret": "test"},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "users")}},
    }
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        command = [PROGRAM, "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_ready(process, address, port, folder / "log")
        yield f"{address}:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], address: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the registry did not start:\n{log.read_text()}")


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
