"""`GET /version` of many hosts as one engine's, and which of some versions is the lowest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from swarmkit.errors import SwarmError

from .documents import Document
from .replies import Reply, answered

_NUMBER = re.compile(r"\d+")
_FIELDS = ("Version", "Os", "Arch", "KernelVersion", "GitCommit", "GoVersion", "BuildTime")


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions are ordered by: the numbers they begin with, `20.10.24+dfsg1` as (20, 10, 24)."""
    return tuple(int(number) for number in _NUMBER.findall(re.split(r"[^0-9.]", version, maxsplit=1)[0]))


def lowest_version(versions: Iterable[str]) -> str:
    """Return the lowest version, empty where there is none (an empty one is none)."""
    return min((version for version in versions if version), key=version_key, default="")


def highest_version(versions: Iterable[str]) -> str:
    """Return the highest version, empty where there is none."""
    return max((version for version in versions if version), key=version_key, default="")


def merge_version(
    replies: Sequence[Reply[Document]], *, version: str, api_version: str | None = None, min_api_version: str = ""
) -> dict[str, Any]:
    """Merge the hosts' `GET /version`: the engine is the oldest there is, as the whole can do no more.

    `version` is ours, a component of its own beside each host's engine; a host that did not answer is one that says
    why. `api_version` and `min_api_version` are those we offer; without them, those that all hosts have.
    """
    documents = [document for _, document in answered(replies)]
    oldest = min(documents, key=lambda document: version_key(str(document.get("Version", ""))), default={})
    lowest = api_version or lowest_version(str(document.get("ApiVersion", "")) for document in documents)
    floor = min_api_version or highest_version(str(document.get("MinAPIVersion", "")) for document in documents)
    engine = _engine(oldest, lowest, floor)
    hosts = {"Hosts": f"{len(documents)} of {len(replies)} up"}
    components = [engine, {"Name": "swarmd", "Version": version, "Details": hosts}, *(_host(*each) for each in replies)]
    return {
        **dict.fromkeys(_FIELDS, ""),
        **oldest,
        "Platform": {"Name": f"swarmd {version}"},
        "ApiVersion": lowest,
        "MinAPIVersion": floor,
        "Components": components,
    }


def _engine(document: Document, api_version: str, min_api_version: str) -> dict[str, Any]:
    """Make the component that the docker command prints first, and looks for by name."""
    details = {key: str(document.get(key, "")) for key in ("Arch", "BuildTime", "GitCommit", "GoVersion", "Os")}
    details |= {"ApiVersion": api_version, "MinAPIVersion": min_api_version}
    details |= {
        "KernelVersion": str(document.get("KernelVersion", "")),
        "Experimental": str(bool(document.get("Experimental"))).lower(),
    }
    return {"Name": "Engine", "Version": str(document.get("Version", "")), "Details": details}


def _host(name: str, reply: Document | SwarmError) -> dict[str, Any]:
    if isinstance(reply, SwarmError):
        return {"Name": f"host {name}", "Version": "down", "Details": {"Reason": reply.message}}
    details = {key: str(reply.get(key, "")) for key in ("ApiVersion", "Arch", "GitCommit", "KernelVersion", "Os")}
    return {"Name": f"host {name}", "Version": str(reply.get("Version", "")), "Details": details}
