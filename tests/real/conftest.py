"""Two targets to compare: a bare engine, and one virtual host made of two engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from functools import partial

import pytest

from .cli import Cli, docker_binaries
from .engines import Engine
from .same import Scenario
from .swarm import Swarmd, over, serving
from .transcript import with_allowed


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


@pytest.fixture(params=docker_binaries())
def compare(request: pytest.FixtureRequest, bare: Engine, virtual_host: Swarmd) -> Callable[[Scenario], None]:
    """Give the function that plays a scenario on both targets with one docker command, and compares what it told."""

    def play_both(scenario: Scenario) -> None:
        with ThreadPoolExecutor(2) as pool:
            expected, actual = pool.map(partial(_play, scenario, request.param), (bare.url, virtual_host.url))
        difference = list(
            unified_diff(expected, with_allowed(actual), "the engine", "the virtual host", lineterm="", n=2)
        )
        if difference:
            pytest.fail("\n".join(difference), pytrace=False)

    return play_both


def _play(scenario: Scenario, binary: str, url: str) -> list[str]:
    cli = Cli(binary, url)
    try:
        scenario(cli)
        return cli.transcript.lines
    finally:
        cli.clear()
        cli.close()
