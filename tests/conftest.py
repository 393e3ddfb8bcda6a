"""What all tests share: real engines for those that ask for them, and their logs beside a failure."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from .real.engines import Engine, remove_engines, start_engines, why_not
from .real.etcd import EtcdCluster, Place, fresh_place, serving_etcd, why_no_etcd

REQUIRED = os.environ.get("SWARMD_REQUIRE_ENGINES") == "1"
"""Whether every test must run, as in CI: one that would be skipped fails, with the reason for skipping it."""

# That an example takes long says more of the machine than of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_ENGINES = pytest.StashKey[list[Engine]]()
_LOG_SIZES = pytest.StashKey[dict[str, int]]()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Engine]]:
    """Give three real engines, started together; they live as long as the session."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    engines = start_engines(("one", "two", "three"), tmp_path_factory.mktemp("engines"))
    request.config.stash[_ENGINES] = engines
    yield engines
    remove_engines(engines)


@pytest.fixture
def clean_engines(engines: list[Engine]) -> Iterator[list[Engine]]:
    """Give the three engines healthy and empty, and leave them so."""
    for engine in engines:
        engine.clean()
    yield engines
    for engine in engines:
        engine.clean()


@pytest.fixture(scope="session")
def etcd_of_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """Give a real etcd of one member; it lives as long as the session."""
    yield from _served(1, tmp_path_factory)


@pytest.fixture(scope="session")
def etcd_of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """Give a real etcd of three members; it lives as long as the session."""
    yield from _served(3, tmp_path_factory)


def _served(size: int, folders: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    reason = why_no_etcd()
    if reason is not None:
        pytest.skip(reason)
    with serving_etcd(size, folders.mktemp("etcd") / "members") as cluster:
        yield cluster


@pytest.fixture
def etcd(etcd_of_one: EtcdCluster) -> Iterator[Place]:
    """Give an empty prefix in the etcd of one, which the test may stop, kill and freeze."""
    with fresh_place(etcd_of_one) as place:
        yield place


@pytest.fixture
def etcd_cluster(etcd_of_three: EtcdCluster) -> Iterator[Place]:
    """Give an empty prefix in the etcd of three, whose members the test may stop, kill and freeze."""
    with fresh_place(etcd_of_three) as place:
        yield place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses an engine: `-m 'not engine'` leaves these tests out."""
    for item in items:
        if "engines" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note how far the engines' logs have come."""
    running = item.config.stash.get(_ENGINES, [])
    item.stash[_LOG_SIZES] = {engine.name: engine.log.stat().st_size for engine in running if engine.log.exists()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Allow no skipping where all must run; show with a failure what the engines logged since the test began."""
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"every test must run, and this one: {_reason(call)}"
    if report.failed and "engines" in getattr(item, "fixturenames", ()):
        sizes = item.stash.get(_LOG_SIZES, {})
        for engine in item.config.stash.get(_ENGINES, []):
            text = engine.log_since(sizes.get(engine.name, 0)) if engine.log.exists() else ""
            report.sections.append((f"engine {engine.name}", text[-4000:]))
    return report


def _reason(call: pytest.CallInfo[None]) -> str:
    return call.excinfo.exconly() if call.excinfo is not None else "was skipped"
