"""The kit on engines in memory: `fake`, and every layer over it."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from backends.fake import FakeStage
from swarmkit.testing import HOST_CHECKS, SERVICE_CHECKS, Check, HostSubject, Subject

from .stages import BUILDS, host_subject


@pytest.fixture(params=list(BUILDS))
def subject(request: pytest.FixtureRequest) -> HostSubject:
    """Give each composition of engines in memory."""
    hosts = [FakeStage(name) for name in ("one", "two", "three")]
    return host_subject(f"fake, {request.param}", BUILDS[request.param](hosts))


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: HostSubject, check: Check[Subject], autojump_clock: MockClock) -> None:
    """Every composition of engines in memory is a service."""
    await check(subject)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_host(subject: HostSubject, check: Check[HostSubject], autojump_clock: MockClock) -> None:
    """Every composition of engines in memory is a host."""
    await check(subject)
