"""What many hosts said to one request: who answered, who did not, and what that comes to when none did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from swarmkit.errors import Code, SwarmError, error_of

T = TypeVar("T")

Reply = tuple[str, T | SwarmError]
"""A host's name, and its answer or why there is none."""


def answered(replies: Sequence[Reply[T]]) -> list[tuple[str, T]]:
    """Return the hosts that answered, with their answers."""
    return [(host, reply) for host, reply in replies if not isinstance(reply, SwarmError)]


def failed(replies: Sequence[Reply[T]]) -> list[tuple[str, SwarmError]]:
    """Return the hosts that did not answer, or refused, and why."""
    return [(host, reply) for host, reply in replies if isinstance(reply, SwarmError)]


def require_some(replies: Sequence[Reply[T]]) -> list[tuple[str, T]]:
    """Return the hosts that answered. Raises `joint_error` where there were hosts and none did."""
    answers = answered(replies)
    if replies and not answers:
        raise joint_error(failed(replies))
    return answers


def joint_error(failures: Sequence[tuple[str, SwarmError]], *, done: Sequence[str] = ()) -> SwarmError:
    """Make one error of several hosts' errors; `done` are hosts on which it was done all the same.

    What all hosts say alike is said once, in their words: a bad filter is no matter of hosts. Else each is named. An
    outcome that is unknown outweighs a refusal, and a refusal a host that cannot be reached.
    """
    messages = {error.message for _, error in failures}
    gravest = min((error for _, error in failures), key=_weight)
    if len(messages) == 1 and not done:
        return error_of(gravest.code, gravest.message, **gravest.details)
    text = "; ".join(f"{host}: {error.reason}" for host, error in failures)
    return error_of(gravest.code, f"{text}; done on {', '.join(done)}" if done else text)


def _weight(error: SwarmError) -> int:
    return {Code.TIMEOUT: 0, Code.UNAVAILABLE: 2}.get(error.code, 1)
