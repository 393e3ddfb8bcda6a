"""`@same` makes a test of a scenario: played on an engine and on the virtual host, it is told the same by both.

What plays it is a fixture: `compare`, with the docker command, or `compare_python`, with docker-py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .cli import Cli
from .docker_py import Python

Scenario = Callable[[Cli], None]
PythonScenario = Callable[[Python], None]
Test = TypeVar("Test", bound=Callable[..., None])


def same(scenario: Scenario) -> Callable[[Callable[[Scenario], None]], None]:
    """Return the test that plays a scenario of the docker command."""

    def test(compare: Callable[[Scenario], None]) -> None:
        compare(scenario)

    return _called_like(scenario, test)


def same_in_python(scenario: PythonScenario) -> Callable[[Callable[[PythonScenario], None]], None]:
    """Return the test that plays a scenario of docker-py."""

    def test(compare_python: Callable[[PythonScenario], None]) -> None:
        compare_python(scenario)

    return _called_like(scenario, test)


def _called_like(scenario: Callable[..., Any], test: Test) -> Test:
    test.__name__ = test.__qualname__ = scenario.__name__
    test.__doc__, test.__module__ = scenario.__doc__, scenario.__module__
    return test
