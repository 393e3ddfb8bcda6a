"""Requests for engines of another age: translated, rid of what does no harm, or refused in words."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qs

import pytest

from swarmkit.engine.bridging import Asked, bridged, split_endpoints, to_newer, to_older
from swarmkit.engine.features import FEATURES
from swarmkit.engine.versions import version_key
from swarmkit.errors import Unimplemented

CREATE = "/containers/create"


def older(method: str, target: str, body: Any = None, *, version: str = "1.41") -> tuple[str, Any]:
    """Bridge a request of the newest version for an engine of this one; return target and body."""
    data = json.dumps(body).encode() if body is not None else b""
    target, data = bridged(target, method, data, asked="1.56", chosen=version, host="a")
    return target, json.loads(data) if data else None


@pytest.mark.parametrize(
    ("method", "target", "version", "what"),
    [
        ("POST", "/containers/web/stop?signal=INT", "1.41", "`signal` of POST /containers/{name}/stop came with 1.42"),
        ("GET", "/images/team/x/json?platform=%7B%7D", "1.48", "`platform` of GET /images/{name}/json came with 1.49"),
        ("DELETE", "/images/x?platforms=%7B%7D", "1.49", "`platforms` of DELETE /images/{name} came with 1.50"),
        (
            "POST",
            "/containers/web/wait?condition=removed",
            "1.29",
            "`condition` of POST /containers/{name}/wait came with 1.30",
        ),
        ("POST", "/containers/prune", "1.24", "POST /containers/prune came with 1.25"),
        ("PUT", "/volumes/x", "1.41", "PUT /volumes/{name} came with 1.42"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(method: str, target: str, version: str, what: str) -> None:
    """The refusal names the host, its version, and what was asked for."""
    with pytest.raises(Unimplemented) as refused:
        older(method, target, version=version)
    assert refused.value.message == (
        f"host a speaks version {version} of the Docker API, and {what}: "
        "leave it out, choose another host, or upgrade that one"
    )


@pytest.mark.parametrize(
    ("field", "version"),
    [
        ({"HostConfig": {"Annotations": {"k": "v"}}}, "1.42"),
        ({"Healthcheck": {"StartInterval": 5}}, "1.43"),
        ({"HostConfig": {"Mounts": [{"Type": "volume"}, {"VolumeOptions": {"Subpath": "x"}}]}}, "1.44"),
        ({"NetworkingConfig": {"EndpointsConfig": {"n": {"GwPriority": 7}}}}, "1.47"),
        ({"HostConfig": {"Mounts": [{"Type": "bind"}]}}, "1.24"),
        ({"HostConfig": {"CgroupnsMode": "private"}}, "1.40"),
        ({"HostConfig": {"Umask": "0027"}}, "1.55"),
    ],
)
def test_a_field_that_an_engine_does_not_know_is_refused(field: dict[str, Any], version: str) -> None:
    """It would pass over it without a word; the version that brought it takes it."""
    with pytest.raises(Unimplemented, match=r"host a speaks version .* of POST /containers/create came with"):
        older("POST", CREATE, field, version=version)
    next_one = f"1.{version_key(version)[1] + 1}"
    assert older("POST", CREATE, field, version=next_one) == (CREATE, field)


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("GET", "/images/json?all=1&manifests=1&shared-size=1", "/images/json?all=1"),
        ("GET", "/containers/x/stats?stream=0&one-shot=1", "/containers/x/stats?stream=0&one-shot=1"),
        ("POST", "/containers/x/stop?t=3&signal=", "/containers/x/stop?t=3"),
        ("POST", "/build/prune?reserved-space=5&stream=1", "/build/prune?keep-storage=5"),
        ("GET", "/containers/json?all=1&filters=%7B%7D", "/containers/json?all=1&filters=%7B%7D"),
    ],
)
def test_what_does_no_harm_is_left_out(method: str, target: str, sent: str) -> None:
    """Or said as it was said then; what the engine knows stays as it came."""
    assert older(method, target) == (sent, None)


def test_fields_that_nobody_has_set_are_no_question() -> None:
    """Clients send them all, empty."""
    host = {"Annotations": None, "ConsoleSize": [0, 0], "CgroupnsMode": "", "Mounts": [], "Init": None, "Memory": 5}
    endpoints = {"n": {"MacAddress": "", "GwPriority": 0, "Aliases": ["x"]}}
    spec = {"Image": "x", "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": endpoints}}
    before = deepcopy(spec)
    _, sent = older("POST", CREATE, spec, version="1.24")
    assert (sent["HostConfig"], sent["Image"]) == ({"Memory": 5}, "x")
    assert sent["NetworkingConfig"]["EndpointsConfig"] == {"n": {"Aliases": ["x"]}}
    assert spec == before


def test_an_address_of_the_one_network_was_the_container_s() -> None:
    """Before API 1.44; of a second network it cannot be asked for."""
    spec = {"NetworkingConfig": {"EndpointsConfig": {"n": {"MacAddress": "02:42:00:00:00:01"}}}}
    _, sent = older("POST", CREATE, spec)
    assert sent == {"MacAddress": "02:42:00:00:00:01", "NetworkingConfig": {"EndpointsConfig": {"n": {}}}}
    with pytest.raises(Unimplemented, match=r"`EndpointConfig\.MacAddress` of POST /networks/\{name\}/connect"):
        older("POST", "/networks/n/connect", {"EndpointConfig": {"MacAddress": "02:42:00:00:00:01"}})


def test_processors_are_spelled_out() -> None:
    """Engines of API 1.24 know periods only."""
    _, sent = older("POST", CREATE, {"HostConfig": {"NanoCpus": 1_500_000_000}}, version="1.24")
    assert sent == {"HostConfig": {"CpuPeriod": 100_000, "CpuQuota": 150_000}}


def test_volumes_with_names_are_not_pruned_unasked() -> None:
    """An engine before API 1.42 would remove them; one that is asked for all does."""
    with pytest.raises(Unimplemented, match="docker volume prune --all"):
        older("POST", "/volumes/prune")
    assert older("POST", '/volumes/prune?filters={"all":["true"]}')[0] == "/volumes/prune?filters=%7B%7D"


def newer(method: str, target: str, body: Any = None, *, asked: str = "1.24") -> tuple[str, Any]:
    """Bridge a request of this version for an engine whose oldest is 1.44; return query and body."""
    data = json.dumps(body).encode() if body is not None else b""
    target, data = bridged(target, method, data, asked=asked, chosen="1.44", host="a")
    return target, json.loads(data) if data else None


def test_what_was_taken_for_granted_is_said_to_a_newer_engine() -> None:
    """Its own defaults are others."""
    mounts = [{"Type": "bind", "ReadOnly": True}, {"Type": "volume", "ReadOnly": True}]
    _, sent = newer("POST", CREATE, {"HostConfig": {"Mounts": mounts}}, asked="1.39")
    assert sent["HostConfig"]["IpcMode"] == "shareable"
    assert sent["HostConfig"]["Mounts"] == [{**mounts[0], "BindOptions": {"ReadOnlyNonRecursive": True}}, mounts[1]]
    assert newer("POST", CREATE, {"HostConfig": {"IpcMode": "host"}}, asked="1.39")[1]["HostConfig"] == {
        "IpcMode": "host"
    }


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/images/json?filter=busybox", {"filters": ['{"reference":["busybox"]}']}),
        ("POST", "/volumes/prune", {"filters": ['{"all":["true"]}']}),
        (
            "GET",
            "/containers/x/attach/ws?stream=1",
            {"stream": ["1"], "stdin": ["1"], "stdout": ["1"], "stderr": ["1"]},
        ),
    ],
)
def test_parameters_of_old_are_translated_for_a_newer_engine(
    method: str, target: str, expected: dict[str, list[str]]
) -> None:
    """They mean what they meant."""
    assert parse_qs(newer(method, target)[0].partition("?")[2]) == expected


@pytest.mark.parametrize(
    "body", [b"", b"no JSON", b'{"HostConfig": "x", "NetworkingConfig": [1]}', b"[1]", b"[" * 100_000]
)
@pytest.mark.parametrize("asked", ["1.24", "1.56"])
def test_what_is_no_specification_is_left_to_the_engine(body: bytes, asked: str) -> None:
    """It has words for that."""
    assert bridged(CREATE, "POST", body, asked=asked, chosen="1.44", host="a") == (CREATE, body)


def test_one_version_needs_no_bridge() -> None:
    """Not even the order of a query changes."""
    body = b'{"HostConfig": {"Umask":"1"}}'
    assert bridged("/x?b=%20&a", "POST", body, asked="1.41", chosen="1.41", host="a") == ("/x?b=%20&a", body)


def test_one_network_of_several_is_created_with() -> None:
    """The one that the container's mode names, else the first; the others are to be connected."""
    networks = {"n1": {"Aliases": ["x"]}, "n2": {}, "n3": None}
    spec = {"Image": "x", "HostConfig": {"NetworkMode": "n2"}, "NetworkingConfig": {"EndpointsConfig": networks}}
    first, others = split_endpoints(spec)
    assert first["NetworkingConfig"] == {"EndpointsConfig": {"n2": {}}}
    assert others == {"n1": {"Aliases": ["x"]}, "n3": None}
    first, others = split_endpoints({"NetworkingConfig": {"EndpointsConfig": networks}})
    assert list(first["NetworkingConfig"]["EndpointsConfig"]) == ["n1"]
    assert split_endpoints({"Image": "x"}) == ({"Image": "x"}, {})


def test_every_feature_is_between_the_versions_that_are_bridged() -> None:
    """From 1.24, the oldest that clients may ask for, to 1.56, in order."""
    versions = [version_key(feature.since) for feature in FEATURES]
    assert versions == sorted(versions)
    assert (versions[0], versions[-1]) == ((1, 25), (1, 56))


def test_requests_are_not_changed_in_place() -> None:
    """Whoever sends one may send it to another host, too."""
    request = Asked("POST", CREATE, [], {"HostConfig": {"ConsoleSize": [1, 2]}})
    to_older(request, "1.30", "a")
    to_newer(request, "1.24")
    assert request.body == {"HostConfig": {"ConsoleSize": [1, 2]}}
