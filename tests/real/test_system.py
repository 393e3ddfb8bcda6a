"""Two engines as one host: its disks, what is pruned of them, its own account, and what it cannot be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .swarm import Swarmd, over, serving

pytestmark = pytest.mark.engine

NOT_A_MANAGER = "This node is not a swarm manager. It is several hosts that swarmd shows as one"


REFUSED = (
    *("service ls", "node ls", "swarm join-token worker", "swarm init", "secret ls", "config ls", "stack ls"),
    "stack ps x",
)


@pytest.fixture(scope="module")
def swarm(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Two engines as one host."""
    for engine in engines:
        engine.clean()
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(params=docker_binaries())
def cli(request: pytest.FixtureRequest, swarm: Swarmd) -> Iterator[Cli]:
    """Each docker command on it."""
    cli = Cli(str(request.param), swarm.url)
    yield cli
    cli.clear()
    cli.close()


def refused(cli: Cli, *words: str) -> str:
    """Run a command that must fail; return what it says."""
    command = [cli.binary, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=cli.environment, timeout=30)
    assert done.returncode == 1
    return done.stderr


def test_swarm_mode_is_refused_in_a_sentence(cli: Cli) -> None:
    """Which the command prints."""
    for words in REFUSED:
        assert f"Error response from daemon: {NOT_A_MANAGER}" in refused(cli, *words.split())


def test_the_disks_are_added_up_and_pruned(cli: Cli, engines: list[Engine]) -> None:
    """An image on two hosts is on two disks; `system prune` frees both."""
    one, two = engines[:2]
    for engine in (one, two):
        cli.quiet("create", "--name", f"{engine.name}/on-{engine.name}", "busybox")
        engine.docker("volume", "create", "data")
        engine.docker("network", "create", "unused")
    rows = cli.quiet("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}").splitlines()
    assert rows[:3] == ["Images 2 2", "Containers 2 0", "Local Volumes 2 0"]
    verbose = cli.quiet("system", "df", "-v")
    for name in ("one/busybox", "two/busybox", "on-one", "on-two", "one/data", "two/data"):
        assert name in verbose
    pruned = cli.quiet("system", "prune", "-f", "--volumes")
    assert pruned.count("Deleted Containers:") == 1
    assert "Total reclaimed space:" in pruned
    for engine in (one, two):
        assert engine.call("GET", "/containers/json?all=1") == []
        assert [row["Name"] for row in engine.call("GET", "/networks") if row["Name"] == "unused"] == []
        assert engine.call("GET", "/volumes")["Volumes"] == []


def test_info_tells_of_each_host(cli: Cli, engines: list[Engine]) -> None:
    """Its state, engine, and what is reserved of it, where the command prints what a driver says."""
    cli.quiet("run", "-d", "--name", "one/busy", "--cpus", "0.5", "-m", "64m", "busybox", "sleep", "60")
    text = cli.quiet("info")
    assert "Hosts: 2 of 2 up" in text
    assert "(0.5 reserved)" in text
    assert "(64MiB reserved)" in text
    assert "\n Images: 1\n" in text
    assert engines[0].url in text


def test_a_plug_in_is_its_host_s(cli: Cli, engines: list[Engine], tmp_path: Path) -> None:
    """It is listed, inspected and removed by name; installing one is refused in a sentence."""
    folder = tmp_path / "plugin"
    (folder / "rootfs").mkdir(parents=True)
    interface = '{"socket": "x.sock", "types": ["docker.logdriver/1.0"]}'
    (folder / "config.json").write_text(f'{{"description": "a test", "entrypoint": ["/x"], "interface": {interface}}}')
    engines[1].docker("plugin", "create", "team/log", str(folder))
    try:
        assert cli.quiet("plugin", "ls", "--format", "{{.Name}}") == "team/log:latest"
        assert cli.quiet("plugin", "inspect", "two/team/log", "--format", "{{.Config.Description}}") == "a test"
        assert "A plug-in is installed on one engine" in refused(cli, "plugin", "create", "team/other", str(folder))
        assert cli.quiet("plugin", "rm", "team/log") == "team/log"
        assert engines[1].call("GET", "/plugins") == []
    finally:
        for row in engines[1].call("GET", "/plugins"):
            engines[1].call("DELETE", f"/plugins/{row['Id']}?force=1")
