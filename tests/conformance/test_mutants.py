"""The kit itself: on services that break a rule, the checks of that rule fail, and each check has such a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from trio.testing import MockClock

from backends.fake import FakeStage
from swarmkit.layer import layer
from swarmkit.service import Service
from swarmkit.testing import (
    HOST_CHECKS,
    SERVICE_CHECKS,
    SOURCE_CHECKS,
    Check,
    HeldNames,
    HostSubject,
    ListSource,
    SourceSubject,
)

from .mutants import MUTANTS, SOURCE_MUTANTS, Mutant
from .stages import host_subject

CHECKS: dict[str, Check[Any]] = {check.name: check for check in SERVICE_CHECKS}
CHECKS |= {check.name: check for check in HOST_CHECKS}
OF_SOURCES: dict[str, Check[Any]] = {check.name: check for check in SOURCE_CHECKS}


def _pairs(mutants: list[Mutant]) -> list[object]:
    return [
        pytest.param(mutant, name, id=f"{mutant}-{name}") for mutant in mutants for name in sorted(mutant.caught_by)
    ]


@pytest.mark.parametrize(("mutant", "name"), _pairs(MUTANTS))
async def test_host_mutant_is_caught(mutant: Mutant, name: str, autojump_clock: MockClock) -> None:
    """A host that breaks a rule fails the checks of it, and says so."""
    good = host_subject("good", FakeStage())

    @asynccontextmanager
    async def open_mutant() -> AsyncIterator[Service]:
        async with good.open() as service, layer(mutant.make()).open(service) as spoilt:
            yield spoilt

    with pytest.raises(AssertionError, match=f"{name} fails for {mutant}: "):
        await CHECKS[name](HostSubject(name=mutant.name, open=open_mutant))


@pytest.mark.parametrize(("mutant", "name"), _pairs(SOURCE_MUTANTS))
async def test_source_mutant_is_caught(mutant: Mutant, name: str, autojump_clock: MockClock) -> None:
    """A source that breaks a rule fails the checks of it, and says so."""
    source = ListSource({"first": "docker unix:///run/first.sock"}, names=HeldNames())

    @asynccontextmanager
    async def open_mutant() -> AsyncIterator[Service]:
        async with source.open() as service, layer(mutant.make()).open(service) as spoilt:
            yield spoilt

    subject = SourceSubject(
        name=mutant.name, open=open_mutant, add=source.add, remove=source.remove, drains=True, holds_names=True
    )
    with pytest.raises(AssertionError, match=f"{name} fails for {mutant}: "):
        await OF_SOURCES[name](subject)


def test_every_check_has_a_mutant() -> None:
    """Every check is shown to be able to fail."""
    of_hosts = {name for mutant in MUTANTS for name in mutant.caught_by}
    of_sources = {name for mutant in SOURCE_MUTANTS for name in mutant.caught_by}
    assert (sorted(CHECKS), sorted(OF_SOURCES)) == (sorted(of_hosts), sorted(of_sources))
