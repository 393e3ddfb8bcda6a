"""Two targets to compare: a bare engine, and one virtual host made of two engines, at hand or through ssh."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff

import pytest

from ..ssh.sshd import why_no_sshd
from .cli import Cli, docker_binaries
from .docker_py import Python
from .engines import Engine
from .looking import wait_up
from .same import PlayBoth, PythonScenario, Scenario
from .ssh_hosts import SshHost
from .swarm import Swarmd, over, serving
from .transcript import as_remote, with_allowed

ANY_ADDRESS = "<address>"
"""Stands for the address of whichever engine a container is on."""

LOCAL, SSH = "local", "ssh"
"""How the virtual host reaches its engines."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play each scenario with every docker command that is found, or docker-py; and through ssh what is so marked."""
    through_ssh = [SSH] if metafunc.definition.get_closest_marker("over_ssh") else []
    if "compare" in metafunc.fixturenames:
        binaries = docker_binaries()
        local = binaries[:1] if metafunc.definition.get_closest_marker("first_command") else binaries
        ways = [*((LOCAL, binary) for binary in local), *((way, binaries[0]) for way in through_ssh)]
        metafunc.parametrize(("way", "docker_command"), ways, indirect=True, scope="module")
    elif "compare_python" in metafunc.fixturenames:
        metafunc.parametrize("way", [LOCAL, *through_ssh], indirect=True, scope="module")


@pytest.fixture(scope="session")
def ssh_machines(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SshHost]]:
    """Give the three engines as hosts with an sshd, which lives as long as the session, or its machine."""
    if reason := why_no_sshd():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("ssh")
    hosts = [SshHost(engine, folder / engine.name) for engine in engines]
    yield hosts
    for host in hosts:
        host.sshd.stop()


@pytest.fixture
def ssh_hosts(ssh_machines: list[SshHost], clean_engines: list[Engine]) -> list[SshHost]:
    """Give the three hosts with their engines clean and their sshd healthy, without a connection."""
    for host in ssh_machines:
        host.start()
    return ssh_machines


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest) -> str:
    """Give the way in which the virtual host reaches its engines."""
    return str(request.param)


@pytest.fixture(scope="module")
def virtual_host(
    request: pytest.FixtureRequest, way: str, engines: list[Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two, for the length of a module; that it ends cleanly is checked."""
    for engine in engines:
        engine.clean()
    behind, stages = engines[:2], {}
    if way == SSH:
        for engine, remote in zip(behind, request.getfixturevalue("ssh_machines"), strict=False):
            remote.start()
            stages[engine.name] = remote.stage
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", over(behind, **stages)) as swarmd:
        wait_up(swarmd)
        yield swarmd


@pytest.fixture(scope="module")
def bare(engines: list[Engine]) -> Engine:
    """Give the engine that the virtual host is compared with."""
    return engines[2]


@pytest.fixture(scope="module")
def told() -> dict[object, list[str]]:
    """Hold what the engine told of each scenario: how a virtual host reaches its engines is nothing to it."""
    return {}


@pytest.fixture
def play_both(
    bare: Engine, virtual_host: Swarmd, way: str, engines: list[Engine], told: dict[object, list[str]]
) -> PlayBoth:
    """Give the function that plays on both targets; on the engine it does so once in a module."""
    if any(engine.has_failed for engine in engines):
        for engine in engines:
            engine.clean()
        wait_up(virtual_host)

    def play_both(play: Callable[..., list[str]], *what: object) -> None:
        with ThreadPoolExecutor(2) as pool:
            direct = pool.submit(play, *what, bare.url) if (play, what) not in told else None
            actual = pool.submit(play, *what, virtual_host.url).result()
            expected = told[play, what] = direct.result() if direct is not None else told[play, what]
        if way == SSH:
            expected = as_remote(expected, ANY_ADDRESS)
            for engine in engines[:2]:
                actual = [line.replace(engine.address, ANY_ADDRESS) for line in actual]
        lines = unified_diff(expected, with_allowed(actual), "the engine", "the virtual host", lineterm="", n=2)
        if difference := "\n".join(lines):
            pytest.fail(difference, pytrace=False)

    return play_both


@pytest.fixture(scope="module")
def docker_command(request: pytest.FixtureRequest) -> str:
    """Give the path of a docker command."""
    return str(request.param)


@pytest.fixture
def compare(docker_command: str, play_both: PlayBoth) -> Callable[[Scenario], None]:
    """Give the function that compares a scenario, played with one docker command."""
    return lambda scenario: play_both(_play, scenario, docker_command)


@pytest.fixture
def compare_python(play_both: PlayBoth) -> Iterator[Callable[[PythonScenario], None]]:
    """Give the function that compares a scenario, played with docker-py."""
    yield lambda scenario: play_both(_play_in_python, scenario)
    with warnings.catch_warnings():
        # docker-py leaves the sockets of streams to the garbage collector, which else complains in some later test.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _play(scenario: Scenario, binary: str, url: str) -> list[str]:
    cli = Cli(binary, url)
    try:
        scenario(cli)
        return cli.transcript.lines
    finally:
        cli.clear()
        cli.close()


def _play_in_python(scenario: PythonScenario, url: str) -> list[str]:
    python = Python(url)
    try:
        scenario(python)
        return python.transcript.lines
    finally:
        python.close()


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two, which are clean at first, for the length of a module."""
    for engine in engines[:2]:
        engine.clean()
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture
def cli(swarmd: Swarmd) -> Iterator[Cli]:
    """Give the docker command on the virtual host; what it has made goes with the test."""
    cli = Cli(docker_binaries()[0], swarmd.url)
    yield cli
    cli.clear()
    cli.quiet("network", "prune", "-f")
    cli.quiet("volume", "prune", "-f")
    cli.close()
