"""What `swarmd up` says once it serves: which hosts it found, how each is, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from ..errors import SwarmError
from ..host import Host
from ..placement import is_drained
from ..rows import Listing, Row
from ..running import say
from ..service import Service
from .columns import columns

SETTLE_SECONDS = 3.0
"""How long hosts may take to answer before it is told how they are; those that answer at once are not waited for."""

_POLL_SECONDS = 0.1

_ADD_ONE = "docker context create NAME --docker host=ssh://USER@HOST"


async def greet(front: Service) -> None:
    """Print the hosts behind a front as they are after a moment, then commands to try."""
    try:
        hosts = await settled(Host(front))
    except SwarmError as error:
        say(f"The hosts cannot be listed: {error}")
        return
    say("", *table(hosts), *advice(hosts, getattr(front, "addresses", ()), getattr(front, "hint", "")))


async def settled(host: Host, seconds: float = SETTLE_SECONDS) -> Listing:
    """Return the hosts beneath as soon as all of them have said what they are, at the latest after `seconds`."""
    deadline = trio.current_time() + seconds
    before: list[str] | None = None
    while True:
        hosts = await host.ls("nodes")
        names = [row.name for row in hosts]
        # Twice the same: what sources list comes in one by one.
        if trio.current_time() >= deadline or (names and names == before and all(map(_is_described, hosts))):
            return hosts
        before = names
        await trio.sleep(_POLL_SECONDS)


def table(hosts: Listing) -> list[str]:
    """Return a line for each host: its name, its state, its software, and its address or why it does not answer.

    They are headed, and followed by an empty line; where there is no host there is nothing.
    """
    rows = [*map(_cells, hosts), *((gap.member, "missing", "-", gap.reason) for gap in hosts.missing)]
    if not rows:
        return []
    return [*columns([("HOST", "STATE", "ENGINE", "ADDRESS"), *rows]), ""]


def _cells(row: Row) -> tuple[str, str, str, str]:
    document = row.document
    where = [document.get("Address"), None if _answers(row) else document.get("Reason") or row.lost]
    state, software = str(document.get("State") or "-"), str(document.get("ServerVersion") or "-")
    if is_drained(document):
        state += ", drained"
    return row.name, state, software, ": ".join(str(word) for word in where if word)


def _answers(row: Row) -> bool:
    return row.lost is None


def _is_described(row: Row) -> bool:
    """Tell whether a host has said what it is, which an engine does a moment after its first answer."""
    return _answers(row) and "ServerVersion" in row.document


def advice(hosts: Listing, addresses: Sequence[str], hint: str) -> list[str]:
    """Return what can be done now: use the host, or where there is none give it some."""
    up = sum(map(_answers, hosts))
    if up:
        answer = "answers" if up == 1 else "answer"
        return [f"{up} of {len(hosts)} hosts {answer}. Try:", f"  {hint}", *_lasting(addresses)]
    return [_why_none(hosts), "Add a host, now or later (contexts are followed while this runs):", f"  {_ADD_ONE}"]


def _lasting(addresses: Sequence[str]) -> list[str]:
    """Return how the host becomes what `docker` means; TCP would need its TLS files as well."""
    for address in addresses:
        if address.startswith("unix:///"):
            create = f"docker context create swarm --docker host={address}"
            return ["Or make it what `docker` means:", f"  {create} && docker context use swarm"]
    return []


def _why_none(hosts: Listing) -> str:
    if not hosts:
        return "There is no host: no Docker context leads anywhere but to this very socket."
    if [row.name for row in hosts] == ["default"]:
        return "There is no Docker context but the default one, and nothing answers there."
    return "None of these hosts answers yet; each is tried again by itself."
