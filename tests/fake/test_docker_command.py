"""The real docker command works on the fake engine, through a Unix socket."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from backends.fake import FakeEngine
from swarmkit.http import serve_connection

CLIS = [path for path in ("/usr/bin/docker", "/usr/local/bin/docker") if shutil.which(path)]

Docker = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture(params=CLIS or ["docker"])
async def docker(request: pytest.FixtureRequest, tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Docker]:
    """Give a function that runs a docker command on a fake engine: exit code, output and errors."""
    if not CLIS:
        pytest.skip("there is no docker command")
    socket_path = tmp_path / "docker.sock"

    async def run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        command = [request.param, "--host", f"unix://{socket_path}", "--config", str(tmp_path / "config"), *words]
        with trio.fail_after(30):
            done = await trio.run_process(command, stdin=stdin, capture_stdout=True, capture_stderr=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    async with FakeEngine("fake").run() as engine:
        listener = trio.socket.socket(trio.socket.AF_UNIX)
        await listener.bind(str(socket_path))
        listener.listen()
        serve = partial(serve_connection, handler=engine.handler)
        nursery.start_soon(partial(trio.serve_listeners, serve, [trio.SocketListener(listener)]))
        yield run
        nursery.cancel_scope.cancel()


async def test_run(docker: Docker) -> None:
    """A foreground run gives the output, the errors and the exit code."""
    assert await docker("run", "--rm", "busybox", "sh", "-c", "echo hi; echo no >&2; exit 3") == (3, "hi\n", "no\n")
    assert await docker("ps", "-aq") == (0, "", "")


async def test_run_with_input(docker: Docker) -> None:
    """What is piped in arrives, and its end ends the command."""
    data = b"line\n" * 20000
    assert await docker("run", "--rm", "-i", "busybox", "wc", "-c", stdin=data) == (0, f"{len(data)}\n", "")


async def test_life(docker: Docker) -> None:
    """A container is created, listed, looked into, changed, stopped and removed."""
    assert (await docker("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sleep", "1000"))[0] == 0
    _, rows, _ = await docker("ps", "--format", "{{.Names}} {{.Image}} {{.Status}} {{.Ports}}")
    assert rows.startswith("web busybox Up ")
    assert "0.0.0.0:8080->80/tcp" in rows
    assert await docker("exec", "web", "sh", "-c", "echo in > /tmp/f; exit 4") == (4, "", "")
    assert await docker("exec", "-i", "web", "cat", "-", stdin=b"through") == (0, "through", "")
    assert (await docker("cp", "web:/tmp/f", "-"))[0] == 0
    assert await docker("diff", "web") == (0, "C /tmp\nA /tmp/f\n", "")
    assert (await docker("top", "web"))[1].splitlines()[1].endswith("sleep 1000")
    assert (await docker("stats", "--no-stream", "web"))[0] == 0
    assert await docker("stop", "-t", "0", "web") == (0, "web\n", "")
    assert await docker("wait", "web") == (0, "137\n", "")
    assert await docker("rm", "web") == (0, "web\n", "")


async def test_errors(docker: Docker) -> None:
    """What goes wrong is said as an engine says it."""
    code, _, errors = await docker("run", "--name", "web", "busybox", "nosuch")
    assert code == 127
    assert 'exec: "nosuch": executable file not found in $PATH' in errors
    assert (await docker("inspect", "nope"))[0] == 1
    assert "is already in use by container" in (await docker("create", "--name", "web", "busybox"))[2]


async def test_images(docker: Docker, tmp_path: Path) -> None:
    """Images are pulled, tagged, saved, loaded and removed."""
    assert (await docker("pull", "nginx:1.25"))[0] == 0
    assert (await docker("pull", "missing/thing"))[0] == 1
    assert await docker("tag", "nginx:1.25", "mine:1") == (0, "", "")
    archive = str(tmp_path / "image.tar")
    assert (await docker("save", "-o", archive, "mine:1"))[0] == 0
    assert (await docker("rmi", "mine:1", "nginx:1.25"))[0] == 0
    assert await docker("load", "-q", "-i", archive) == (0, "Loaded image: mine:1\n", "")
    assert (await docker("run", "--rm", "mine:1", "echo", "works"))[1] == "works\n"


async def test_information(docker: Docker) -> None:
    """The engine describes itself."""
    assert (await docker("version"))[0] == 0
    assert "Name: fake" in (await docker("info"))[1]
    assert (await docker("system", "df"))[0] == 0
    assert (await docker("network", "ls", "-q"))[1].count("\n") == 3
