"""Names for containers that get none."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_HOW = "able bold brave calm clever eager fair fond gentle happy jolly keen kind lucid merry nice proud quick wise"
_WHO = "babbage curie dijkstra euler franklin galileo hopper hypatia kepler lamport liskov lovelace noether turing"


def random_name(taken: Callable[[str], object | None]) -> str:
    """Make a name that is not taken, as `happy_lovelace`."""
    while True:
        name = f"{secrets.choice(_HOW.split())}_{secrets.choice(_WHO.split())}"
        if taken(name) is None:
            return name
        name = f"{name}{secrets.randbelow(10**6)}"
        if taken(name) is None:
            return name
