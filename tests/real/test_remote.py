"""A swarm of swarms with the real docker command: `dockerserver` over `remote`, behind a wire `listen` over engines.

What a user sees is the same over two hops, and the near half says so when the far half is lost.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..remote.serving import Far, listening
from .cli import TIMEOUT, Cli, docker_binaries, from_now
from .engines import Engine
from .looking import down_reasons, wait_up
from .processes import children
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

BULK = 10_000_000
"""Bytes that go through `cat` and back."""

SOCKET, COMMAND = "socket", "command"
"""How the near half reaches the far one."""


@pytest.fixture(scope="module")
def far(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """Give the far half: engines one and two as one, on a Unix socket."""
    with listening(tmp_path_factory.mktemp("far") / "wire.sock", over(engines[:2])) as far:
        yield far


@pytest.fixture(scope="module", params=[SOCKET, COMMAND])
def near(
    request: pytest.FixtureRequest, far: Far, engines: list[Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Swarmd]:
    """Give the near half: the far one as dc1, and engine three beside it."""
    for engine in engines:
        engine.clean()
    remote = f"remote {far.url}"
    if request.param == COMMAND:
        words = [sys.executable, "-m", "swarmkit.swarmd", "listen -", over(engines[:2])]
        remote = shlex.join(["remote", "--exec", *words])
    members = shlex.join([f"dc1={remote}", f"here=docker {engines[2].url}"])
    with serving(tmp_path_factory.mktemp("near") / "swarm.sock", f"aggregate {members}") as near:
        wait_up(near)
        yield near


@pytest.fixture
def cli(near: Swarmd) -> Iterator[Cli]:
    """Give the docker command on the near half; what it has made goes with the test."""
    cli = Cli(docker_binaries()[0], near.url)
    yield cli
    cli.clear()
    cli.close()


def on(node: str) -> tuple[str, ...]:
    """Return the options that choose where a container is made: by its name in the whole, or the last part of that."""
    return ("-e", f"constraint:node=={node}")


def run_detached(cli: Cli, node: str, name: str, script: str = "sleep 600") -> None:
    """Run a script in a container on a node."""
    cli.quiet("run", "-d", "--name", name, *on(node), "busybox", "sh", "-c", script)


# -- two hops ----------------------------------------------------------------------------------------------------------


def test_members_of_members_are_hosts(cli: Cli) -> None:
    """Each by its path, with what runs there."""
    for node in ("dc1/one", "dc1/two", "here"):
        run_detached(cli, node, f"on-{node.removeprefix('dc1/')}")
    shown = cli.quiet("ps", "--format", '{{.Label "swarmd.host"}} {{.Names}}').splitlines()
    assert sorted(shown) == ["dc1/one on-one", "dc1/two on-two", "here on-here"]
    info = cli.quiet("info")
    assert all(node in info for node in ("dc1/one", "dc1/two", "here"))
    assert cli.quiet("inspect", "-f", "{{.State.Running}}", "dc1/two/on-two") == "true"


@pytest.mark.parametrize(
    ("constraint", "node"),
    [
        ("node!=dc1/one", "dc1/two"),
        ("node==dc1/o*", "dc1/one"),
        ("node==/^dc1.two$/", "dc1/two"),
        ("node==~dc1/two", "dc1/two"),
    ],
)
def test_constraints_name_hosts_of_the_whole(cli: Cli, constraint: str, node: str) -> None:
    """The far half chooses among its hosts by the names that they have here; the container keeps the words."""
    cli.quiet("create", "--name", "dc1/web", "-e", f"constraint:{constraint}", "busybox", "true")
    assert cli.quiet("ps", "-a", "--format", '{{.Label "swarmd.host"}}') == node
    kept = cli.quiet("inspect", "-f", '{{index .Config.Labels "com.docker.swarm.constraints"}}', "web")
    assert kept == f'["{constraint}"]'


def test_run_with_input(cli: Cli) -> None:
    """Bulk goes there and back; the end of the input is the end of the input, and of nothing else."""
    data = os.urandom(BULK)
    back = cli.run("run", "--rm", "-i", *on("one"), "busybox", "cat", stdin=data, tell=False).stdout
    assert hashlib.sha256(back).hexdigest() == hashlib.sha256(data).hexdigest()
    script = "cat; sleep 1; echo late; exit 3"
    late = cli.run("run", "--rm", "-i", *on("two"), "busybox", "sh", "-c", script, stdin=b"in ", code=3)
    assert late.text == "in late\n"


def test_exec(cli: Cli) -> None:
    """With input, outputs apart, exit code; and on a terminal that is typed on and resized."""
    run_detached(cli, "one", "web")
    done = cli.run("exec", "-i", "web", "sh", "-c", "cat; echo err >&2; exit 7", stdin=b"to and fro", code=7)
    assert (done.stdout, done.stderr) == (b"to and fro", b"err\n")
    with cli.terminal("exec", "-it", "web", "sh") as terminal:
        terminal.expect("# ")
        terminal.type("echo si''zed\r")
        terminal.expect("sized")
        for rows, columns in ((24, 80), (40, 100)):
            terminal.resize(rows, columns)
            size = f"{rows} {columns}"
            terminal.type(f'until [ "$(stty size)" = "{size}" ]; do sleep 0.05; done; echo is {size}\r')
            terminal.expect(f"\\nis {size}\r\n")
            time.sleep(0.2)  # the command tells the first size just before it begins to heed changes
        terminal.type("exit\r")


def test_logs_are_followed_to_their_end(cli: Cli) -> None:
    """Line by line, and they end when the container does."""
    run_detached(cli, "two", "talker", "for i in 1 2 3; do echo line $i; sleep 0.3; done")
    with cli.background("logs", "-f", "talker") as logs:
        assert logs.stdout is not None
        assert logs.stdout.read() == b"line 1\nline 2\nline 3\n"


def test_copy_both_ways(cli: Cli, tmp_path: Path) -> None:
    """A tree with a large file comes back as it was."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "bulk").write_bytes(os.urandom(BULK))
    run_detached(cli, "one", "web")
    cli.run("cp", f"{tmp_path}/tree", "web:/")
    cli.run("cp", "web:/tree", f"{tmp_path}/back")
    assert (tmp_path / "back" / "bulk").read_bytes() == (tmp_path / "tree" / "bulk").read_bytes()


def test_build(cli: Cli, tmp_path: Path) -> None:
    """The context goes there, the output comes back, and the image runs where it was built."""
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nCOPY word /word\nRUN echo built > /built\nCMD cat /word /built\n"
    )
    (tmp_path / "word").write_text("copied\n")
    said = cli.run("build", "-t", "mine:1", "--build-arg", "constraint:node==two", str(tmp_path), tell=False)
    assert "Successfully tagged mine:1" in said.text
    assert cli.quiet("run", "--rm", "mine:1") == "copied\nbuilt"
    cli.quiet("rmi", "mine:1")


def test_events(cli: Cli) -> None:
    """What happens there is told here, with the host's path."""
    shown = ("--format", "{{.Action}} {{.Actor.Attributes.name}}")
    with cli.background("events", *from_now(), *shown, code=None) as events:
        assert events.stdout is not None
        cli.quiet("create", "--name", "told", *on("one"), "busybox", "true")
        assert re.match(rb"create \S*told\n", events.stdout.readline())
        events.kill()


# -- the far half is lost ----------------------------------------------------------------------------------------------


@pytest.fixture
def apart(engines: list[Engine], tmp_path: Path) -> Iterator[tuple[Far, Swarmd, Cli]]:
    """Give both halves for one test, joined by a Unix socket, and the docker command on the near one."""
    for engine in engines:
        engine.clean()
    with listening(tmp_path / "wire.sock", over(engines[:2])) as far:
        members = shlex.join([f"dc1=remote {far.url}", f"here=docker {engines[2].url}"])
        with serving(tmp_path / "swarm.sock", f"aggregate {members}") as near:
            wait_up(near)
            cli = Cli(docker_binaries()[0], near.url)
            yield far, near, cli
            cli.clear()
            cli.close()


def until_down(near: Swarmd) -> dict[str, str]:
    """Wait until the near half warns of hosts; return why they are down."""
    deadline = time.monotonic() + TIMEOUT
    while not (down := down_reasons(near)):
        assert time.monotonic() < deadline, near.log
        time.sleep(0.1)
    return down


def test_the_far_half_dies_and_comes_back(apart: tuple[Far, Swarmd, Cli]) -> None:
    """What was under way fails and says so, the other member goes on, and all is there again afterwards."""
    far, near, cli = apart
    run_detached(cli, "one", "web", "while :; do echo more; sleep 0.1; done")
    run_detached(cli, "here", "near-by")
    with (
        cli.background("logs", "-f", "web", code=None) as logs,
        cli.background("exec", "-i", "web", "cat", code=None) as cat,
    ):
        assert logs.stdout is not None
        assert cat.stdin is not None
        assert cat.stdout is not None
        assert logs.stdout.readline() == b"more\n"
        cat.stdin.write(b"heard\n")
        cat.stdin.flush()
        assert cat.stdout.readline() == b"heard\n"
        far.kill()
        assert ended(logs) != 0
        assert ended(cat) != 0
    down = until_down(near)
    assert sorted(down) == ["dc1/one", "dc1/two"]
    assert cli.quiet("exec", "near-by", "echo", "still") == "still"
    refused = cli.run("exec", "web", "true", code=1, tell=False).stderr.decode()
    assert "down" in refused
    far.start()
    wait_up(near)
    assert cli.quiet("exec", "web", "echo", "again") == "again"


def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait until a docker command has ended; return its exit code."""
    assert process.stdout is not None
    process.stdout.read()
    return process.wait(TIMEOUT)


def test_the_command_that_was_the_far_half_is_killed(near: Swarmd, cli: Cli, request: pytest.FixtureRequest) -> None:
    """Another is started, and all is there again."""
    if request.node.callspec.params["near"] == SOCKET:
        assert children(near.pid) == []
        return
    run_detached(cli, "one", "web")
    (command,) = children(near.pid)
    os.kill(command, signal.SIGKILL)
    down = until_down(near)
    assert sorted(down) == ["dc1/one", "dc1/two"]
    assert all("was ended by SIGKILL" in reason for reason in down.values())
    wait_up(near)
    assert cli.quiet("exec", "web", "echo", "again") == "again"
