"""What a document of one host becomes when many hosts are shown as one: the few exceptions to *verbatim*.

The host is a label in lists and a `Node` object in inspect; a name two hosts share is qualified; a host that is down
says so; an address that means "every address of that host" is replaced by one that works from elsewhere. Nothing here
changes its argument.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .names import aliases_of, primary_name

Document = Mapping[str, Any]
"""An object of the Engine API, as parsed from JSON."""

HOST_LABEL = "swarmd.host"
"""The label (in events: the attribute) that names the host a thing lives on."""

HOST_DOWN = "Host Down"
"""The status of a container whose host does not answer; its State stays as last known."""

_ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})


def with_host_in_row(
    document: Document, host: str, *, shared_name: bool, down: bool, address: str | None = None
) -> dict[str, Any]:
    """Return a row of `GET /containers/json` as the virtual host shows it.

    `shared_name` says that another host has a container of this name; `address` is that of a remote host, put where a
    published port says 0.0.0.0.
    """
    row = dict(document)
    row["Labels"] = {**(document.get("Labels") or {}), HOST_LABEL: host}
    if shared_name:
        row["Names"] = [f"/{host}/{name}" for name in (primary_name(document), *aliases_of(document)) if name]
    if down:
        row["Status"] = HOST_DOWN
    if address is not None:
        ports = document.get("Ports") or ()
        row["Ports"] = unique({**port, "IP": address} if _any(port.get("IP")) else port for port in ports)
    return row


def with_node_in_inspect(document: Document, node: Document, *, address: str | None = None) -> dict[str, Any]:
    """Return the document of `GET /containers/{id}/json` with the host it lives on as `Node`.

    `address` is that of a remote host, put where a published port says 0.0.0.0; without it nothing else is changed.
    """
    inspect = {**document, "Node": dict(node)}
    settings = document.get("NetworkSettings")
    if address is not None and settings and settings.get("Ports"):
        ports = {port: _bindings(bindings, address) for port, bindings in settings["Ports"].items()}
        inspect["NetworkSettings"] = {**settings, "Ports": ports}
    return inspect


def node_document(name: str, info: Document, *, address: str, ip: str = "") -> dict[str, Any]:
    """Make the `Node` object of a host from its `GET /info`, in the shape classic Swarm gave it."""
    return {
        "Name": name,
        "ID": info.get("ID", ""),
        "Addr": address,
        "IP": ip,
        "Cpus": info.get("NCPU", 0),
        "Memory": info.get("MemTotal", 0),
        "Labels": dict(_pair(label) for label in info.get("Labels") or ()),
    }


def unique(items: Iterable[Any]) -> list[Any]:
    """Return JSON values in their order, each once."""
    first: dict[str, Any] = {}
    for item in items:
        first.setdefault(json.dumps(item, sort_keys=True), item)
    return list(first.values())


def _bindings(bindings: Iterable[Document] | None, address: str) -> list[Document] | None:
    if bindings is None:
        return None
    # 0.0.0.0 and :: become one and the same.
    return unique({**each, "HostIp": address} if _any(each.get("HostIp")) else each for each in bindings)


def _any(address: str | None) -> bool:
    # An unpublished port has no address at all (None), which is not the same as any address.
    return address is not None and address in _ANY_ADDRESS


def _pair(label: str) -> tuple[str, str]:
    key, _, value = label.partition("=")
    return key, value
