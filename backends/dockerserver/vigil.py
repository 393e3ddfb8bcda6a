"""Telling a host that is gone from one that is slow, for streams that wait for it together with others."""

from __future__ import annotations

import trio

from swarmkit.errors import SwarmError, Unavailable

from .hosts import Hosts

PATIENCE = 10.0
"""Seconds that a host may be lost before streams of it are given up: it may have been frozen, or very busy."""

_LOOKED_AT = 1.0
"""Seconds between two looks; what is known of hosts is looked at, and none is asked."""


async def wait_lost(hosts: Hosts, *names: str) -> Unavailable:
    """Wait until one of these hosts has been lost for as long as is borne; return the error that says which, and why.

    The stream of a host that turned unhealthy flows on should it thaw; but one that stands still would hold up the
    others for ever.
    """
    since: dict[str, float] = {}
    while True:
        await trio.sleep(_LOOKED_AT)
        try:
            lost = {node.name: node.lost for node in await hosts.nodes()}
        except SwarmError:
            continue  # who lists the hosts does not answer: nothing is known to be lost
        for name in names:
            reason = lost.get(name, "it is not a host any more")
            if reason is None:
                since.pop(name, None)
            elif trio.current_time() - since.setdefault(name, trio.current_time()) >= PATIENCE:
                return Unavailable(f"host {name} is lost: {reason}", host=name, reason=reason)
