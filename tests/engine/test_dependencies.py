"""What a new container refers to, and a specification with other words for it."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.engine.dependencies import networks_of, paths_of, volumes_of, with_words

SPEC: dict[str, Any] = {
    "Image": "x",
    "HostConfig": {
        "NetworkMode": "a/net",
        "Binds": ["a/data:/data:ro", "/tmp:/tmp", "/anonymous"],
        "Mounts": [
            {"Type": "volume", "Source": "a/more", "Target": "/more"},
            {"Type": "volume", "Target": "/new"},
            {"Type": "bind", "Source": "/srv", "Target": "/srv"},
            {"Type": "tmpfs", "Target": "/t"},
        ],
    },
    "NetworkingConfig": {"EndpointsConfig": {"a/net": {"Links": ["a/db:store"]}, "bridge": None}},
}


def test_what_is_referred_to() -> None:
    """Networks but for those that every host has, volumes that have a name, and paths; each once."""
    assert networks_of(SPEC) == ["a/net"]
    assert volumes_of(SPEC) == ["a/data", "a/more"]
    assert paths_of(SPEC) == ["/tmp", "/srv"]


def test_other_words() -> None:
    """They are put in wherever the old ones stand, and all else stays as it was."""
    words = {"a/net": "net", "a/data": "data", "a/more": "more", "a/db": "db"}
    renamed = with_words(SPEC, words)
    assert renamed["HostConfig"]["NetworkMode"] == "net"
    assert renamed["HostConfig"]["Binds"] == ["data:/data:ro", "/tmp:/tmp", "/anonymous"]
    assert renamed["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Source": "more", "Target": "/more"},
        *SPEC["HostConfig"]["Mounts"][1:],
    ]
    assert renamed["NetworkingConfig"] == {"EndpointsConfig": {"net": {"Links": ["db:store"]}, "bridge": None}}
    assert with_words(SPEC, {}) == SPEC


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"HostConfig": None, "NetworkingConfig": []},
        {"HostConfig": {"NetworkMode": 5, "Binds": "x:/y", "Mounts": {}}},
        {"HostConfig": {"NetworkMode": "container:db", "Binds": [5], "Mounts": [None, {"Type": "volume"}]}},
        {"HostConfig": {"NetworkMode": "default"}, "NetworkingConfig": {"EndpointsConfig": None}},
    ],
)
def test_nothing_is_referred_to(spec: dict[str, Any]) -> None:
    """What is not of the specification's types is no reference."""
    assert (networks_of(spec), volumes_of(spec), paths_of(spec)) == ([], [], [])
    assert with_words(spec, {"x": "y"}) == spec
