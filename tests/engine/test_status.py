from typing import Any

import pytest

from swarmkit.engine.status import health_of, status_text
from swarmkit.engine.times import SECOND, parse_time

ZERO = "0001-01-01T00:00:00Z"
START = "2026-01-01T00:00:00.5Z"
NOW = parse_time(START) + 180 * SECOND
UP = {"Running": True, "StartedAt": START, "FinishedAt": ZERO}
DOWN = {"Running": False, "StartedAt": START, "FinishedAt": "2026-01-01T00:02:55.5Z", "ExitCode": 137}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (UP, "Up 3 minutes"),
        ({**UP, "Health": {"Status": "starting"}}, "Up 3 minutes (health: starting)"),
        ({**UP, "Health": {"Status": "healthy"}}, "Up 3 minutes (healthy)"),
        ({**UP, "Health": {"Status": "unhealthy"}}, "Up 3 minutes (unhealthy)"),
        ({**UP, "Health": {"Status": "none"}}, "Up 3 minutes"),
        ({**UP, "Health": None}, "Up 3 minutes"),
        ({**UP, "Paused": True}, "Up 3 minutes (Paused)"),
        ({**UP, "Paused": True, "Health": {"Status": "healthy"}}, "Up 3 minutes (Paused)"),
        ({**DOWN, "Running": True, "Restarting": True, "ExitCode": 1}, "Restarting (1) 5 seconds ago"),
        (DOWN, "Exited (137) 5 seconds ago"),
        ({**DOWN, "Health": {"Status": "unhealthy"}}, "Exited (137) 5 seconds ago"),
        ({**DOWN, "Status": "removing"}, "Removal In Progress"),
        ({**DOWN, "Dead": True}, "Dead"),
        ({"Running": False, "StartedAt": ZERO, "FinishedAt": ZERO}, "Created"),
        ({"Running": False}, "Created"),
        ({**DOWN, "FinishedAt": ZERO}, ""),
    ],
)
def test_the_status_is_the_engines_to_the_letter(state: dict[str, Any], expected: str) -> None:
    """Each state has the words that the engine's own list has for it."""
    assert expected == status_text(state, NOW)


@pytest.mark.parametrize(
    ("state", "expected"), [({}, "none"), ({"Health": None}, "none"), ({"Health": {"Status": "healthy"}}, "healthy")]
)
def test_health(state: dict[str, Any], expected: str) -> None:
    """Where there is no check, health is `none`."""
    assert expected == health_of(state)
