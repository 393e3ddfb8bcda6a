"""`@same` makes a test of a scenario: played on an engine and on the virtual host, it is told the same by both.

What plays it is a fixture: `compare`, with every docker command there is, or `compare_python`, with docker-py. Marked
`over_ssh` it is played on a virtual host through ssh, too, with the first docker command: what streams, ends one of its
ways or tells an address, that is; ssh is the same to all other requests. Marked `first_command` it is not played with
the other docker commands: what takes long, for a reason that is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .cli import Cli
from .docker_py import Python

Scenario = Callable[[Cli], None]
PythonScenario = Callable[[Python], None]
Test = TypeVar("Test", bound=Callable[..., None])


class PlayBoth(Protocol):
    """Plays what `play(*what, address)` plays on both targets at once, and fails where they tell something else."""

    def __call__(self, play: Callable[..., list[str]], *what: object) -> None:
        """Play; the function returns the lines of the transcript."""


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
