"""Whether two hosts are one engine by two ways, or two engines that carry one id; told by what lives there. Pure.

An engine keeps its id in a file, and a copied machine has the same. What it draws at random it draws anew: the id of
the bridge network at each start of the daemon, those of containers when they are created.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

EVIDENCE = ("networks", "containers")
"""The collections whose ids are looked at: long random numbers that never come back."""

Looks = Sequence[frozenset[str]]
"""What was there at each of two looks at a host."""


def one_engine(first: Looks, second: Looks) -> bool | None:
    """Tell whether two hosts that carry one id are one engine; None where there is nothing to tell it by.

    The looks were taken by turns: first, second, first, second. What was there at both looks at one host was there all
    the time between them, and the other's look that falls between would have met it, if they were one.
    """
    lasting = [earlier & later for earlier, later in (first, second)]
    if lasting[0] - second[0] or lasting[1] - first[1]:
        return False
    return True if lasting[0] and lasting[1] else None


def clones_warning(hosts: Sequence[str]) -> str:
    """Say that engines carry one id, and what to do about it."""
    names = " and ".join([", ".join(hosts[:-1]), hosts[-1]])
    return (
        f"hosts {names} carry one engine id: if that is one engine, list it once; if a machine was copied, on all but "
        "one remove engine-id in the engine's data root (before Docker 23 /etc/docker/key.json) and restart the engine"
    )


def clones(ids: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the hosts that share an id, of pairs of host and id; hosts without one share nothing."""
    known = sorted(((id, host) for host, id in ids if id), key=lambda pair: pair[0])
    groups = [[host for _, host in group] for _, group in groupby(known, key=lambda pair: pair[0])]
    return [group for group in groups if len(group) > 1]
