"""Engines of API 1.41 behind a front that offers a newer one: what they can do is done, the rest refused in words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .swarm import over, serving

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def cli(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The user's own docker command on two engines that are offered as of API 1.48."""
    for engine in engines:
        engine.clean()
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", over(engines[:2]), front="--api 1.48") as swarm:
        cli = Cli(docker_binaries()[0], swarm.url)
        if cli.quiet("version", "--format", "{{.Client.APIVersion}}") != "1.48":
            cli.close()
            pytest.skip("the docker command is too old to speak API 1.48")
        yield cli
        cli.clear()
        cli.close()
        for network in ("n1", "n2"):
            engines[0].docker("network", "rm", network)


def refused(cli: Cli, *words: str) -> str:
    """Run a command that must fail; return what it says."""
    done = subprocess.run(
        [cli.binary, *words], capture_output=True, text=True, check=False, env=cli.environment, timeout=30
    )
    assert done.returncode != 0
    return done.stderr


def test_a_container_is_run_on_several_networks(cli: Cli, engines: list[Engine]) -> None:
    """Which its engine takes one after the other."""
    for network in ("n1", "n2"):
        engines[0].docker("network", "create", network)
    cli.quiet(
        "run", "-d", "--name", "one/web", "--network", "n1", "--network", "name=n2,alias=www", "busybox", "sleep", "60"
    )
    networks = json.loads(cli.quiet("inspect", "web", "--format", "{{json .NetworkSettings.Networks}}"))
    assert set(networks) == {"n1", "n2"}
    assert all(network["IPAddress"] for network in networks.values())
    assert "www" in networks["n2"]["Aliases"]


def test_an_address_of_the_hardware_is_given(cli: Cli) -> None:
    """To the one network, which was the container's then."""
    address = "02:42:ac:11:00:99"
    cli.quiet("run", "-d", "--name", "marked", "--mac-address", address, "busybox", "sleep", "60")
    assert cli.quiet("exec", "marked", "cat", "/sys/class/net/eth0/address") == address


def test_what_these_engines_cannot_do_is_refused_in_words(cli: Cli) -> None:
    """By name of the host, with its version, and what was asked for."""
    cli.quiet("run", "-d", "--name", "one/old", "busybox", "sleep", "60")
    said = refused(cli, "stop", "--signal", "KILL", "old")
    assert "host one speaks version 1.41 of the Docker API, and `signal` of POST /containers/{name}/stop" in said
    said = refused(cli, "run", "--annotation", "k=v", "busybox", "true")
    assert "`HostConfig.Annotations` of POST /containers/create came with 1.43" in said
    said = refused(cli, "volume", "prune", "-f")
    assert "volumes that have a name are pruned with those that have none" in said
    assert cli.quiet("volume", "prune", "-f", "--all") == "Total reclaimed space: 0B"
