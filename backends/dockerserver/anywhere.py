"""What any host can do as well as another: asking a registry."""

from __future__ import annotations

from swarmkit.errors import SwarmError, Unavailable, no_hosts
from swarmkit.http import Response

from .answers import relayed
from .call import Call
from .hosts import Hosts
from .progress import is_down


async def to_any(hosts: Hosts, call: Call) -> Response:
    """Send a request to the first host that answers, and to the next where one is not reached at all.

    What an engine answers is the answer, errors too: a registry that refuses one refuses all.
    """
    options = await call.options()
    nodes, missing = await hosts.survey()
    error: SwarmError = no_hosts(missing)
    for node in nodes:
        if node.lost is not None:
            error = Unavailable(node.lost, host=node.name)
            continue
        try:
            return relayed(await hosts.connect(node.path, call.request.method, call.whole_target, **options))
        except SwarmError as failure:
            if not is_down(failure):
                raise
            error = failure
    raise error
