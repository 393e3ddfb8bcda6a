"""A real host that is taken out of placement by a command and put back, as a user of the docker command sees it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli import Cli
from .engines import Engine
from .looking import wait_up
from .swarm import Swarmd, serving

WAIT = ("busybox", "sleep", "60")


@pytest.fixture
def hosts_file(clean_engines: list[Engine], tmp_path: Path) -> Path:
    """Give a file of engines one and two."""
    path = tmp_path / "hosts.toml"
    path.write_text("".join(f'[[host]] # {each.name}\naddress = "{each.url}"\nname = "{each.name}"\n\n'
                            for each in clean_engines[:2]))  # fmt: skip
    return path


@pytest.fixture
def swarmd(hosts_file: Path, tmp_path: Path) -> Iterator[Swarmd]:
    """Give a swarmd over what the file lists."""
    with serving(tmp_path / "swarm.sock", f"aggregate 'hosts {hosts_file}'") as swarmd:
        wait_up(swarmd)
        yield swarmd


def drain(file: Path, *words: str) -> None:
    """Run `swarmd drain` on the file."""
    command = [sys.executable, "-m", "swarmkit.swarmd", "drain", f"hosts {file}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def place(cli: Cli, *options: str) -> str:
    """Create a container; return its host."""
    identity = cli.quiet("create", *options, *WAIT)
    return cli.quiet("inspect", "-f", "{{.Node.Name}}", identity)


def refused(cli: Cli, *options: str) -> str:
    """Fail to create a container; return what is said."""
    return cli.run("create", *options, *WAIT, code=1).stderr.decode()


def test_a_host_is_drained_and_put_back(cli: Cli, hosts_file: Path) -> None:
    """What it has goes on; nothing new goes there, whatever is asked for, but by its name; then it is as before."""
    before = hosts_file.read_text()
    cli.quiet("run", "-d", "--name", "one/db", "-v", "data:/data", *WAIT)
    drain(hosts_file, "one")
    assert hosts_file.read_text() == before.replace("[[host]] # one\n", "[[host]] # one\ndrained = true\n")
    cli.until("info", gives="2 of 2 up, 1 drained")
    assert " one: " in cli.quiet("info").partition("Availability: drain")[0]
    # Nothing new.
    assert {place(cli) for _ in range(3)} == {"two"}
    assert cli.quiet("volume", "create", "other") == "other"
    assert cli.quiet("volume", "inspect", "-f", "{{.Name}}", "two/other").endswith("other")
    assert "one: is drained, and takes nothing new" in refused(cli, "-e", "constraint:node==one")
    for options, what in ((("--volumes-from", "db"), "db"), (("-v", "data:/x"), "volume data")):
        text = refused(cli, *options)
        assert "must be on the host of those it refers to, which is drained and takes nothing new" in text
        assert f"{what} on one" in text
    assert place(cli, "--name", "one/trial") == "one"
    # What is there goes on.
    assert cli.quiet("exec", "db", "echo", "here") == "here"
    cli.quiet("restart", "-t", "0", "db")
    assert cli.quiet("ps", "--filter", "name=db", "--format", "{{.State}}") == "running"
    cli.quiet("rm", "-f", "trial")
    # And back.
    drain(hosts_file, "one", "--undo")
    cli.until("info", "-f", "{{range .DriverStatus}}{{.}}{{end}}", gives="2 of 2 up]")
    assert place(cli) == "one"
