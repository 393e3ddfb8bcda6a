"""What a host made of many cannot be: a node of Swarm mode, and a place for plug-ins. Refused as an engine does it.

Swarm mode is another way of making one of many engines, with a manager of its own. Passing `docker swarm init` on to
one of the hosts would make that one a manager and let services run on it alone; on all of them, as many swarms of one.
"""

from __future__ import annotations

from swarmkit.errors import Unavailable, Unimplemented
from swarmkit.http import Response

from .call import Call

NO_MANAGER = (
    "This node is not a swarm manager. It is several hosts that swarmd shows as one, and cannot be part of a swarm; "
    "for a host's own swarm, ask that host itself."
)
"""The beginning is an engine's own: there are programs that look for it."""

NO_SWARM = "This node is not part of a swarm"

NO_PLACE = (
    "A plug-in is installed on one engine, and here are several hosts that swarmd shows as one: "
    "install it on each host that is to have it, by asking that host itself."
)


async def refuse(call: Call) -> Response:
    """Refuse an operation with the status that it has on an engine outside any swarm, and say what can be done."""
    if call.route.operation.collection == "plugins":
        raise Unimplemented(NO_PLACE)
    raise Unavailable(NO_SWARM if call.route.operation.name == "SwarmLeave" else NO_MANAGER)
