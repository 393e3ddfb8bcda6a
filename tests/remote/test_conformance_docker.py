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


@pytest.fixture(params=["docker over standard streams", "aggregate over tls"])
def subject(request: pytest.FixtureRequest, engines: list[Engine], forks: Path, tmp_path: Path) -> HostSubject:
    """Give real engines behind a wire."""
    hosts = [EngineStage(UnixDialer(str(engine.socket)), engine.name) for engine in engines]
    if request.param == "docker over standard streams":
        return HostSubject(name=request.param, open=lambda: over_standard(hosts[0], forks))
    both = aggregate_of({"one": hosts[0], "two": hosts[1]})
    return HostSubject(name=request.param, open=lambda: over_tls(both, tmp_path))


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: HostSubject, check: Check[Subject]) -> None:
    """Real engines behind a wire are a service."""
    await check(subject)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_host(subject: HostSubject, check: Check[HostSubject]) -> None:
    """Real engines behind a wire are a host."""
    await check(subject)
