"""`@same` makes a test of a scenario: played on an engine and on the virtual host, it is told the same by both."""

from __future__ import annotations

from collections.abc import Callable

from .cli import Cli

Scenario = Callable[[Cli], None]


def same(scenario: Scenario) -> Callable[[Callable[[Scenario], None]], None]:
    """Return the test that plays `scenario` through the fixture `compare`."""

    def test(compare: Callable[[Scenario], None]) -> None:
        compare(scenario)

    test.__name__ = test.__qualname__ = scenario.__name__
    test.__doc__, test.__module__ = scenario.__doc__, scenario.__module__
    return test
