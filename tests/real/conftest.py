"""Two targets to compare: a bare engine, and one virtual host made of two engines."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from functools import partial

import pytest

from .cli import Cli, docker_binaries
from .docker_py import Python
from .engines import Engine
from .same import PythonScenario, Scenario
from .swarm import Swarmd, over, serving
from .transcript import with_allowed

Play = Callable[[str], list[str]]
"""Plays a scenario on the target of an address, and returns the lines of its transcript."""


@pytest.fixture(scope="module")
def virtual_host(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two, for the length of a module; that it ends cleanly is checked."""
    for engine in engines:
        engine.clean()
    with serving(tmp_path_factory.mktemp("swarm") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(scope="module")
def bare(engines: list[Engine]) -> Engine:
    """Give the engine that the virtual host is compared with."""
    return engines[2]


@pytest.fixture
def play_both(bare: Engine, virtual_host: Swarmd) -> Callable[[Play], None]:
    """Give the function that plays a scenario on both targets at once, and fails where they tell something else."""

    def play_both(play: Play) -> None:
        with ThreadPoolExecutor(2) as pool:
            expected, actual = pool.map(play, (bare.url, virtual_host.url))
        lines = unified_diff(expected, with_allowed(actual), "the engine", "the virtual host", lineterm="", n=2)
        if difference := "\n".join(lines):
            pytest.fail(difference, pytrace=False)

    return play_both


@pytest.fixture(params=docker_binaries())
def compare(request: pytest.FixtureRequest, play_both: Callable[[Play], None]) -> Callable[[Scenario], None]:
    """Give the function that compares a scenario, played with one docker command."""
    return lambda scenario: play_both(partial(_play, scenario, request.param))


@pytest.fixture
def compare_python(play_both: Callable[[Play], None]) -> Iterator[Callable[[PythonScenario], None]]:
    """Give the function that compares a scenario, played with docker-py."""
    yield lambda scenario: play_both(partial(_play_in_python, scenario))
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
