"""How much disk is used: that of all hosts together (operation SystemDataUsage)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.engine.df import merge_usage
from swarmkit.engine.replies import failed
from swarmkit.http import Response

from .answers import json_answer, naming_missing
from .call import Call
from .everywhere import reasons
from .hosts import Hosts, Node


async def disk_usage(hosts: Hosts, call: Call) -> Response:
    """Add up what each host uses; hosts that do not tell are named.

    It may take an engine minutes to measure its disk: what ends the wait is a host that is found not to answer.
    """
    options = await call.options()

    async def ask(node: Node) -> Mapping[str, Any]:
        return dict(await hosts.document(node.path, "GET", call.whole_target, **options))

    answers = await hosts.ask_all(ask)
    usage = merge_usage(answers, types=frozenset(call.all_params("type")))
    return naming_missing(json_answer(usage), reasons(failed(answers)))
