"""An engine and a client for each test, under the virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from trio.testing import MockClock

from backends.fake import FakeEngine

from .client import Client


@pytest.fixture
async def engine(autojump_clock: MockClock) -> AsyncIterator[FakeEngine]:
    """Give a fake engine that lives as long as the test."""
    async with FakeEngine("fake").run() as engine:
        yield engine


@pytest.fixture
def client(engine: FakeEngine) -> Client:
    """Give a client of the fake engine."""
    return Client(engine.dial)
