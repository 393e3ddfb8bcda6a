"""Answers in the shape of a version: what was removed is there for clients of old, and not for others."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from swarmkit.engine.shapes import changed_between, reshape

NONE = {"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
NETWORKS = {"bridge": {"IPAddress": "172.17.0.2", "IPPrefixLen": 16, "Gateway": "172.17.0.1", "MacAddress": "02:42"}}


@pytest.mark.parametrize(
    ("operation", "version", "given", "expected"),
    [
        ("ImageList", "1.43", {"Size": 5, "RepoTags": ["x"]}, {"Size": 5, "VirtualSize": 5}),
        ("ImageList", "1.42", {"RepoTags": [], "RepoDigests": None}, NONE),
        ("ImageList", "1.42", {"RepoTags": [], "RepoDigests": ["x@sha256:1"]}, {"RepoTags": []}),
        ("ImageList", "1.43", NONE, {"RepoTags": [], "RepoDigests": []}),
        ("ImageList", "1.50", {"Containers": 3}, {"Containers": -1}),
        ("ImageList", "1.51", {"Containers": 3}, {"Containers": 3}),
        ("ImageInspect", "1.43", {"Size": 5}, {"VirtualSize": 5}),
        ("ImageInspect", "1.44", {"Config": {"Cmd": ["sh"]}}, {"Container": ""}),
        ("ImageInspect", "1.51", {}, {"Parent": "", "Comment": "", "DockerVersion": "", "Author": ""}),
        ("SystemInfo", "1.48", {"RuncCommit": {"ID": "1"}}, {"RuncCommit": {"ID": "1", "Expected": "1"}}),
        ("SystemInfo", "1.49", {}, {"BridgeNfIptables": False, "BridgeNfIp6tables": False}),
        ("SystemDataUsage", "1.43", {"Images": [{"Size": 5}]}, {"Images": [{"Size": 5, "VirtualSize": 5}]}),
    ],
)
def test_what_was_removed_is_put_back(operation: str, version: str, given: Any, expected: dict[str, Any]) -> None:
    """Where it follows from the rest; the argument stays as it is."""
    before = deepcopy(given)
    listed = operation == "ImageList"
    found = reshape(operation, [given] if listed else given, version)
    found = found[0] if listed else found
    assert {key: found[key] for key in expected} == expected
    assert given == before


@pytest.mark.parametrize(
    ("operation", "version", "given", "gone"),
    [
        ("ImageInspect", "1.44", {"VirtualSize": 5}, "VirtualSize"),
        ("ImageInspect", "1.45", {"ContainerConfig": {}}, "ContainerConfig"),
        ("SystemInfo", "1.50", {"BridgeNfIptables": True}, "BridgeNfIptables"),
        ("SystemDataUsage", "1.52", {"Images": None, "VirtualSize": 1}, "nothing"),
    ],
)
def test_what_is_gone_is_left_out(operation: str, version: str, given: dict[str, Any], gone: str) -> None:
    """An engine of old says it all the same."""
    assert gone not in reshape(operation, given, version)


def test_the_default_network_is_told_twice_to_clients_of_old() -> None:
    """Up to API 1.51 a container has its addresses beside its networks, too."""
    given = {"NetworkSettings": {"Networks": NETWORKS}}
    settings = reshape("ContainerInspect", given, "1.51")["NetworkSettings"]
    assert (settings["IPAddress"], settings["IPPrefixLen"], settings["Gateway"]) == ("172.17.0.2", 16, "172.17.0.1")
    assert (settings["GlobalIPv6Address"], settings["Bridge"], settings["HairpinMode"]) == ("", "", False)
    assert reshape("ContainerInspect", reshape("ContainerInspect", given, "1.51"), "1.52") == given


def test_what_an_engine_says_itself_stays() -> None:
    """It is put back only where it is missing."""
    given = {"Size": 5, "VirtualSize": 7, "Container": "abc", "ContainerConfig": {"Cmd": ["x"]}}
    assert given.items() <= reshape("ImageInspect", given, "1.41").items()


def test_operations_that_never_lost_anything_are_left_alone() -> None:
    """They are not even looked at."""
    document = {"VirtualSize": 1}
    assert reshape("VolumeList", document, "1.56") is document
    assert not changed_between("VolumeList", "1.24", "1.56")


@pytest.mark.parametrize(
    ("asked", "answered", "changed"),
    [("1.43", "1.44", True), ("1.44", "1.43", True), ("1.44", "1.44", False), ("1.46", "1.49", False)],
)
def test_a_change_lies_between_versions(asked: str, answered: str, changed: bool) -> None:
    """A version has what it brought itself."""
    assert changed_between("ImageInspect", asked, answered) is changed
