"""A container's state in words: the `Status` of a list, made from the `State` of an inspection."""

from __future__ import annotations

from .documents import Document
from .times import ZERO_TIME, human_duration, parse_time

RUNNING = frozenset({"running", "paused", "restarting"})
"""The `State` words of containers that a list shows unasked."""

STATES = RUNNING | {"created", "removing", "exited", "dead"}
"""All words that `State` can be."""

HEALTHS = frozenset({"none", "starting", "healthy", "unhealthy"})
"""All words that the status of a health check can be; `none` where there is no check."""


def status_text(state: Document, now: int) -> str:
    """Say a container's state as `docker ps` shows it, for a time `now` in nanoseconds since the epoch.

    `state` is the object `State` of `GET /containers/{id}/json`.
    """
    if state.get("Running"):
        return _running(state, now)
    if state.get("Status") == "removing":
        return "Removal In Progress"
    if state.get("Dead"):
        return "Dead"
    if _time(state, "StartedAt") == ZERO_TIME:
        return "Created"
    if _time(state, "FinishedAt") == ZERO_TIME:
        return ""  # between two moments of the engine's; it says nothing then
    return f"Exited ({state.get('ExitCode', 0)}) {_since(state, 'FinishedAt', now)} ago"


def health_of(state: Document) -> str:
    """Return the status of the health check, `none` where there is no check."""
    return (state.get("Health") or {}).get("Status") or "none"


def _running(state: Document, now: int) -> str:
    if state.get("Restarting") and not state.get("Paused"):
        return f"Restarting ({state.get('ExitCode', 0)}) {_since(state, 'FinishedAt', now)} ago"
    up = f"Up {_since(state, 'StartedAt', now)}"
    if state.get("Paused"):
        return f"{up} (Paused)"
    health = health_of(state)
    if health == "none":
        return up
    return f"{up} (health: starting)" if health == "starting" else f"{up} ({health})"


def _since(state: Document, field: str, now: int) -> str:
    return human_duration(now - _time(state, field))


def _time(state: Document, field: str) -> int:
    text = state.get(field)
    return parse_time(text) if text else ZERO_TIME
