"""A request as an engine of another age understands it: translated, rid of what does no harm, or refused in words.

An engine that is older than its client is asked in its newest version, and would pass over what came later; one that is
newer is asked in its oldest, in which some words mean something else than they did. Pure; nothing changes its argument.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlencode

from attrs import evolve, frozen

from swarmkit.errors import Invalid, Unimplemented

from .features import FEATURES, Feature, asks_for_nothing, fields_at
from .filters import Filters
from .versions import version_key

Query = list[tuple[str, str]]


@frozen
class Asked:
    """A request without its version: `query` as pairs, `body` as JSON, None where it is none or not at hand."""

    method: str
    path: str
    query: Query
    body: Any = None

    def param(self, name: str) -> str:
        """Return the first value of a parameter."""
        return next((value for key, value in self.query if key == name), "")

    def with_param(self, name: str, value: str | None) -> Asked:
        """Return the request with this value of a parameter alone; None takes it away."""
        others = [(key, each) for key, each in self.query if key != name]
        return evolve(self, query=others if value is None else [*others, (name, value)])


def to_older(request: Asked, version: str, host: str) -> Asked:
    """Return a request for an engine whose newest version is this one.

    Raises `Unimplemented`, naming the host, its version and what was asked, where the engine cannot do it.
    """
    newest = version_key(version)
    request = evolve(request, body=deepcopy(request.body))
    if newest < (1, 48):
        request = _renamed(request, "/build/prune", "reserved-space", "keep-storage")
    if newest < (1, 44):
        _move_mac_address(request)
    if newest < (1, 42) and request.path == "/volumes/prune":
        request = _prune_all_volumes(request, version, host)
    if newest < (1, 25) and request.path == "/containers/create":
        _spell_cpus(request)
    for feature in FEATURES:
        if feature.newer_than(newest) and feature.is_for(request.method, request.path):
            request = _without(request, feature, version, host)
    return request


def to_newer(request: Asked, asked: str) -> Asked:
    """Return a request of a version that an engine has no more, for its oldest one: what it did not say is said."""
    version = version_key(asked)
    request = evolve(request, body=deepcopy(request.body))
    if version < (1, 41) and request.path == "/images/json" and request.param("filter"):
        filters = Filters.parse(request.param("filters"))
        named = Filters({**filters.values, "reference": (request.param("filter"),)})
        request = request.with_param("filter", None).with_param("filters", named.encode())
    if version < (1, 42) and request.path == "/volumes/prune":
        filters = Filters.parse(request.param("filters"))
        request = request.with_param("filters", Filters({**filters.values, "all": ("true",)}).encode())
    if version < (1, 42) and request.path.endswith("/attach/ws"):
        for stream in ("stdin", "stdout", "stderr"):
            request = request.with_param(stream, "1")
    if request.path == "/containers/create" and isinstance(request.body, dict):
        _keep_defaults(request.body, version)
    return request


def bridged(target: str, method: str, body: bytes, *, asked: str, chosen: str, host: str) -> tuple[str, bytes]:
    """Return target and body of a request of the version `asked` for an engine that is asked in the version `chosen`.

    What is not JSON is left as it is. Raises as `to_older`.
    """
    if version_key(asked) == version_key(chosen):
        return target, body
    path, _, query = target.partition("?")
    try:
        document = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        document = None
    before = Asked(method, path, parse_qsl(query, keep_blank_values=True), document)
    newer = version_key(asked) < version_key(chosen)
    after = to_newer(before, asked) if newer else to_older(before, chosen, host)
    if after.query != before.query:
        target = f"{path}?{urlencode(after.query)}" if after.query else path
    return target, body if after.body == before.body else json.dumps(after.body).encode()


def split_endpoints(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the networks of a creation: one that an engine before API 1.44 takes, and those to connect after it.

    The first is the one of `NetworkMode`, else the first that is named.
    """
    endpoints = dict(_object(_object(spec, "NetworkingConfig"), "EndpointsConfig"))
    if len(endpoints) < 2:
        return spec, {}
    mode = str(_object(spec, "HostConfig").get("NetworkMode") or "")
    first = mode if mode in endpoints else next(iter(endpoints))
    networking = {**spec["NetworkingConfig"], "EndpointsConfig": {first: endpoints.pop(first)}}
    return {**spec, "NetworkingConfig": networking}, endpoints


def _without(request: Asked, feature: Feature, version: str, host: str) -> Asked:
    """Leave out what is safe to leave out; refuse what is not, if it is asked for."""
    refusal = Unimplemented(
        f"host {host} speaks version {version} of the Docker API, and {feature.shown} came with {feature.since}: "
        "leave it out, choose another host, or upgrade that one",
        host=host,
    )
    if not feature.key:
        raise refusal
    if feature.key.startswith("?"):
        name = feature.key[1:]
        if not feature.safe and any(
            key == name and not asks_for_nothing(feature.key, value) for key, value in request.query
        ):
            raise refusal
        return request.with_param(name, None)
    for holder, name in list(fields_at(request.body, feature.key.split("."))):
        if not feature.safe and not asks_for_nothing(feature.key, holder[name]):
            raise refusal
        del holder[name]
    return request


def _renamed(request: Asked, path: str, name: str, old: str) -> Asked:
    value = request.param(name)
    return request.with_param(name, None).with_param(old, value) if request.path == path and value else request


def _move_mac_address(request: Asked) -> None:
    """Ask for the address of the one network where it was asked for before: of the whole container."""
    if request.path != "/containers/create" or not isinstance(request.body, dict):
        return
    endpoints = _object(_object(request.body, "NetworkingConfig"), "EndpointsConfig")
    for network in endpoints if len(endpoints) == 1 else ():
        if mac := _object(endpoints, network).pop("MacAddress", None):
            request.body["MacAddress"] = mac


def _prune_all_volumes(request: Asked, version: str, host: str) -> Asked:
    """Refuse to prune volumes without a name alone, which such an engine cannot: it would remove all others, too."""
    filters = Filters.parse(request.param("filters"))
    if not any(value in ("1", "true") for value in filters.get("all")):
        raise Unimplemented(
            f"host {host} speaks version {version} of the Docker API, in which volumes that have a name are pruned "
            "with those that have none: say that this is meant (docker volume prune --all), or upgrade that host",
            host=host,
        )
    return request.with_param("filters", filters.without("all").encode())


def _spell_cpus(request: Asked) -> None:
    """Say in periods how much of the processors may be used."""
    host = _object(request.body, "HostConfig")
    nano = host.pop("NanoCpus", 0)
    if nano and isinstance(nano, int):
        if host.get("CpuPeriod") or host.get("CpuQuota"):
            raise Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
        host |= {"CpuPeriod": 100_000, "CpuQuota": nano // 10_000}


def _keep_defaults(spec: dict[str, Any], version: tuple[int, ...]) -> None:
    """Say what a client of old took for granted."""
    if spec.get("HostConfig") is None:
        spec["HostConfig"] = {}
    host = _object(spec, "HostConfig")
    if version < (1, 40) and not host.get("IpcMode"):
        host["IpcMode"] = "shareable"
    for mount, _ in fields_at(host, ["Mounts", "*", "ReadOnly"]) if version < (1, 44) else ():
        if mount["ReadOnly"] and mount.get("Type") == "bind":
            mount["BindOptions"] = {**_object(mount, "BindOptions"), "ReadOnlyNonRecursive": True}


def _object(document: Any, key: str) -> dict[str, Any]:
    """Return an object in a body; an empty one where there is none, or another thing, which the engine refuses."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}
