"""The kit through the wire: hosts and sources in memory, behind `remote`, over every transport within one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from attrs import evolve
from trio.testing import MockClock

from backends.contexts import ContextsStage
from backends.fake import FakeStage
from swarmkit.debug import DebugStage
from swarmkit.part import Stage
from swarmkit.parts import aggregate_of
from swarmkit.pipeline import Pipeline
from swarmkit.testing import (
    HOST_CHECKS,
    SERVICE_CHECKS,
    SOURCE_CHECKS,
    Check,
    HeldNames,
    HostSubject,
    ListSource,
    SourceSubject,
    Subject,
)

from ..conformance.test_sources import FIRST, contexts_subject
from .far import TRANSPORTS, over_unix

HOSTS: Mapping[str, Callable[[], Stage | Pipeline]] = {
    "fake": lambda: FakeStage("one"),
    "debug": lambda: DebugStage() | FakeStage("one"),
    "aggregate": lambda: aggregate_of({"one": FakeStage("one"), "two": FakeStage("two")}),
}
"""What stands behind the wire, by name."""


PAIRS = (("fake", "memory"), ("fake", "unix"), ("fake", "tls"), ("debug", "tls"), ("aggregate", "unix"))
"""What is checked: each host, and each transport."""


@pytest.fixture(params=PAIRS, ids=" over ".join)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> HostSubject:
    """Give each pair of a host and a transport."""
    name, transport = request.param
    through = TRANSPORTS[transport]
    return HostSubject(name=f"{name} over {transport}", open=lambda: through(HOSTS[name](), tmp_path))


@pytest.fixture(params=[*TRANSPORTS, "contexts"])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceSubject:
    """Give a source in memory behind each transport, and the contexts in a folder behind one."""
    if request.param == "contexts":
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        return evolve(contexts_subject(tmp_path), open=lambda: over_unix(ContextsStage(), tmp_path))
    source, through = ListSource({"first": FIRST}, names=HeldNames()), TRANSPORTS[request.param]
    return SourceSubject(
        name=f"list over {request.param}",
        open=lambda: through(source, tmp_path),
        add=source.add,
        remove=source.remove,
        drains=True,
        holds_names=True,
    )


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(host: HostSubject, check: Check[Subject], autojump_clock: MockClock) -> None:
    """A host behind a wire is a service."""
    await check(host)


@pytest.mark.parametrize("check", HOST_CHECKS, ids=str)
async def test_host(host: HostSubject, check: Check[HostSubject], autojump_clock: MockClock) -> None:
    """A host behind a wire is a host."""
    await check(host)


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_source_as_a_service(source: SourceSubject, check: Check[Subject], autojump_clock: MockClock) -> None:
    """A source behind a wire is a service."""
    await check(source)


@pytest.mark.parametrize("check", SOURCE_CHECKS, ids=str)
async def test_source(source: SourceSubject, check: Check[SourceSubject], autojump_clock: MockClock) -> None:
    """A source behind a wire is a source."""
    await check(source)
