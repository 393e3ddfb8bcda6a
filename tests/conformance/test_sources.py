"""The kit on the source in memory."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from swarmkit.testing import SERVICE_CHECKS, SOURCE_CHECKS, Check, ListSource, SourceSubject, Subject


@pytest.fixture
def subject() -> SourceSubject:
    """Give a source that lists one member already."""
    source = ListSource({"first": "docker unix:///run/first.sock"})
    return SourceSubject(name="list", open=source.open, add=source.add, remove=source.remove)


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: SourceSubject, check: Check[Subject], autojump_clock: MockClock) -> None:
    """The source in memory is a service."""
    await check(subject)


@pytest.mark.parametrize("check", SOURCE_CHECKS, ids=str)
async def test_source(subject: SourceSubject, check: Check[SourceSubject], autojump_clock: MockClock) -> None:
    """The source in memory is a source."""
    await check(subject)
