"""What is done on every host that answers, and said once: pruning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from swarmkit.engine.merges import merge_prune
from swarmkit.engine.replies import failed
from swarmkit.errors import SwarmError
from swarmkit.http import Response

from .answers import json_answer, naming_missing
from .call import Call
from .hosts import Hosts, Node


async def prune(hosts: Hosts, call: Call) -> Response:
    """Prune on every host that answers; the others are named.

    Hosts are not asked to tell it as a stream (API 1.56): the sums are known at the end, and clients take a report.
    """
    options = await call.options()
    query = urlencode([(key, value) for key, value in parse_qsl(call.query, keep_blank_values=True) if key != "stream"])
    target = f"{call.path}?{query}" if query else call.path

    async def prune_one(node: Node) -> Mapping[str, Any]:
        return dict(await hosts.document(node.path, "POST", target, **options))

    answers = await hosts.ask_all(prune_one)
    return naming_missing(json_answer(merge_prune(answers)), reasons(failed(answers)))


def reasons(failures: Iterable[tuple[str, SwarmError]]) -> list[tuple[str, str]]:
    """Return the hosts that failed with what each said."""
    return [(host, error.reason) for host, error in failures]
