"""The kit through the standard streams of a process: a host, one made of two, and a source; on the real clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from backends.fake import FakeStage
from backends.hosts import HostsStage
from swarmkit.parts import aggregate_of
from swarmkit.testing import (
    HOST_CHECKS,
    SERVICE_CHECKS,
    SOURCE_CHECKS,
    Check,
    HostSubject,
    SourceSubject,
    Subject,
)

from ..conformance.test_sources import hosts_subject
from .far import over_standard
from .forking import forking_on


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the socket of the process that far ends are forked of."""
    path = tmp_path_factory.mktemp("forks") / "sock"
    with forking_on(path):
        yield path


@pytest.fixture
def host(forks: Path) -> HostSubject:
    """Give a host in memory, in a process of its own."""
    return HostSubject(name="fake through standard streams", open=lambda: over_standard(FakeStage("one"), forks))


@pytest.fixture
def virtual_host(forks: Path) -> HostSubject:
    """Give a host made of two, in a process of its own."""
    stage = aggregate_of({"one": FakeStage("one"), "two": FakeStage("two")})
    return HostSubject(name="aggregate through standard streams", open=lambda: over_standard(stage, forks))


@pytest.fixture
def source(forks: Path, tmp_path: Path) -> SourceSubject:
    """Give a file of hosts that a process of its own watches."""
    stage = HostsStage(str(tmp_path / "hosts.toml"))
    return evolve(hosts_subject(tmp_path), open=lambda: over_standard(stage, forks))


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(host: HostSubject, check: Check[Subject]) -> None:
    """A host on standard streams is a service."""
    await check(host)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_host(host: HostSubject, check: Check[HostSubject]) -> None:
    """A host on standard streams is a host."""
    await check(host)


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_virtual_host_as_a_service(virtual_host: HostSubject, check: Check[Subject]) -> None:
    """A host made of two on standard streams is a service."""
    await check(virtual_host)


@pytest.mark.parametrize("check", [*SERVICE_CHECKS, *SOURCE_CHECKS], ids=str)
async def test_source(source: SourceSubject, check: Check[SourceSubject]) -> None:
    """A source on standard streams is a service and a source."""
    await check(source)
