"""The kit on real engines through the wire: one over standard streams, two as one over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.docker import EngineStage
from swarmkit.parts import aggregate_of
from swarmkit.testing import HOST_CHECKS, SERVICE_CHECKS, Check, HostSubject, Subject
from swarmkit.transport import UnixDialer

from ..real.engines import Engine
from .far import over_standard, over_tls
from .forking import forking_on


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the socket of the process that far ends are forked of."""
    path = tmp_path_factory.mktemp("forks") / "sock"
    with forking_on(path):
        yield path


@pytest.fixture
def one(engines: list[Engine], forks: Path) -> HostSubject:
    """Give a real engine behind a far end's standard streams."""
    host = _hosts(engines)[0]
    return HostSubject(name="docker over standard streams", open=lambda: over_standard(host, forks))


@pytest.fixture
def two(engines: list[Engine], tmp_path: Path) -> HostSubject:
    """Give two real engines as one behind TLS."""
    first, second, *_ = _hosts(engines)
    both = aggregate_of({"one": first, "two": second})
    return HostSubject(name="aggregate over tls", open=lambda: over_tls(both, tmp_path))


def _hosts(engines: list[Engine]) -> list[EngineStage]:
    return [EngineStage(UnixDialer(str(engine.socket)), engine.name) for engine in engines]


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_one_is_a_service(one: HostSubject, check: Check[Subject]) -> None:
    """A real engine behind a wire is a service."""
    await check(one)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_one_is_a_host(one: HostSubject, check: Check[HostSubject]) -> None:
    """A real engine behind a wire is a host."""
    await check(one)


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_two_are_a_service(two: HostSubject, check: Check[Subject]) -> None:
    """Two real engines as one behind a wire are a service; fakes show that they are a host, too."""
    await check(two)
