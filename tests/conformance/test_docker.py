"""The kit on real engines: `docker`, and many of them as one."""

from __future__ import annotations

import pytest

from backends.docker import EngineStage
from swarmkit.testing import HOST_CHECKS, SERVICE_CHECKS, Check, HostSubject, Subject
from swarmkit.transport import UnixDialer

from ..real.engines import Engine
from .stages import BUILDS, host_subject

ON_ENGINES = ("alone", "aggregate", "debug over aggregate")
"""Compositions that are run on real engines, too; what a layer does to what passes is seen on engines in memory."""


@pytest.fixture(params=ON_ENGINES)
def subject(request: pytest.FixtureRequest, engines: list[Engine]) -> HostSubject:
    """Give a composition of real engines."""
    hosts = [EngineStage(UnixDialer(str(engine.socket)), engine.name) for engine in engines]
    return host_subject(f"docker, {request.param}", BUILDS[request.param](hosts))


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: HostSubject, check: Check[Subject]) -> None:
    """Every composition of real engines is a service."""
    await check(subject)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_host(subject: HostSubject, check: Check[HostSubject]) -> None:
    """Every composition of real engines is a host."""
    await check(subject)
