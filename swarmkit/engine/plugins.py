"""Managed plug-ins of many engines: one list, and which of them a word means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .documents import Document
from .replies import Reply, answered


def merge_plugins(replies: Sequence[Reply[Sequence[Document]]]) -> list[dict[str, Any]]:
    """Merge `GET /plugins`: each host's plug-ins, of which those that several hosts have are called `host/name`."""
    held = [(host, plugin) for host, plugins in answered(replies) for plugin in plugins]
    count = Counter(str(plugin.get("Name")) for _, plugin in held)
    return [
        {**plugin, "Name": f"{host}/{plugin['Name']}"} if count[str(plugin.get("Name"))] > 1 else dict(plugin)
        for host, plugin in held
    ]


def find_plugin(reference: str, plugins: Sequence[Document]) -> Document | None:
    """Return the plug-in that a word means on its engine: a name (`:latest` understood), an id, or how one begins."""
    for plugin in plugins:
        if plugin.get("Name") in (reference, f"{reference}:latest") or plugin.get("Id") == reference:
            return plugin
    beginning = [plugin for plugin in plugins if reference and str(plugin.get("Id", "")).startswith(reference)]
    return beginning[0] if len(beginning) == 1 else None
