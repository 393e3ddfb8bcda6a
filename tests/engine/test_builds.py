"""What a build asks of its host: read from its query, taken out of what the engine gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from swarmkit.engine.builds import BuildQuery, at_engine, not_at_engines
from swarmkit.engine.placement import make_policy
from swarmkit.errors import Invalid

CONSTRAINTS = "com.docker.swarm.constraints"
AFFINITIES = "com.docker.swarm.affinities"


def with_arguments(arguments: Any, *others: tuple[str, str]) -> BuildQuery:
    """Read a query with build arguments."""
    return BuildQuery.of([*others, ("buildargs", json.dumps(arguments))])


@pytest.mark.parametrize(
    ("arguments", "expressions", "left"),
    [
        ({}, (), {}),
        ({"A": "1", "B": None}, (), {"A": "1", "B": None}),
        ({"constraint:node": "=a", "A": "1"}, ("constraint:node==a",), {"A": "1"}),
        ({"constraint:node!": "a*"}, ("constraint:node!=a*",), {}),
        ({"affinity:image": "=~base"}, ("affinity:image==~base",), {}),
        ({"constraint:node": None}, ("constraint:node=",), {}),
        ({"constraint": "x"}, (), {"constraint": "x"}),
    ],
)
def test_conditions_are_taken_out_of_the_arguments(
    arguments: dict[str, Any], expressions: tuple[str, ...], left: dict[str, Any]
) -> None:
    """`--build-arg constraint:node==a` is a condition and no argument; all others stay."""
    query = with_arguments(arguments)
    assert (query.expressions, json.loads(query.first("buildargs"))) == (expressions, left)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"A":"1"}', "[" * 100_000])
def test_what_holds_no_condition_is_left_as_it_is(text: str) -> None:
    """The engine says what is wrong with it, if anything is."""
    query = BuildQuery.of([("buildargs", text), ("t", "a:1"), ("t", "b:1")])
    assert query == BuildQuery([("buildargs", text), ("t", "a:1"), ("t", "b:1")])


def test_the_query_is_encoded_again() -> None:
    """Parameters keep their order, and those that have one name their number."""
    query = BuildQuery.of([("t", "a b"), ("t", "c&d"), ("buildargs", '{"constraint:node":"=a","x":"ü"}'), ("q", "")])
    assert query.encoded == "t=a%20b&t=c%26d&buildargs=%7B%22x%22%3A%20%22%C3%BC%22%7D&q="


def test_a_build_as_a_spec() -> None:
    """Limits, network, and the image of the same tag, or else a source of cache, are as of a container."""
    query = BuildQuery.of([("t", "app:1"), ("memory", "1000"), ("cpuquota", "5"), ("networkmode", "net")])
    expected = {"NetworkMode": "net", "Memory": 1000, "CpuPeriod": 0, "CpuQuota": 5}
    assert (query.spec["Image"], query.spec["HostConfig"]) == ("app:1", expected)
    assert BuildQuery.of([("cachefrom", '["old:1","x"]')]).spec["Image"] == "old:1"
    assert BuildQuery.of([("cachefrom", "null"), ("memory", "-1")]).spec["HostConfig"]["Memory"] == 0


def test_conditions_in_the_spec() -> None:
    """They stand where placement reads them, those on the engine behind the build's own."""
    query = with_arguments({"constraint:disk": "=ssd", "affinity:image": "=base"})
    assert query.spec["Labels"] == {CONSTRAINTS: '["disk==ssd"]', AFFINITIES: '["image==base"]'}
    assert at_engine(query.spec, "ID:1")["Labels"][CONSTRAINTS] == '["disk==ssd","node==ID:1"]'
    assert not_at_engines(BuildQuery(()).spec, ["ID:1", "ID:2"])["Labels"] == {
        CONSTRAINTS: '["node!=ID:1","node!=ID:2"]'
    }
    assert not_at_engines(query.spec, []) == query.spec
    assert at_engine(BuildQuery(()).spec, "ID:1", wish=True)["Labels"] == {CONSTRAINTS: '["node==~ID:1"]'}


def test_the_container_of_the_network() -> None:
    """A build in the network of a container is beside it, by the name that its host has for it."""
    query = BuildQuery.of([("networkmode", "container:a/web"), ("q", "1")])
    assert (query.beside, query.spec["HostConfig"]["NetworkMode"]) == ("a/web", "")
    assert query.with_beside("web").params == [("networkmode", "container:web"), ("q", "1")]
    assert BuildQuery.of([("networkmode", "host")]).beside == ""


def test_uploads_have_the_id_of_their_build() -> None:
    """The request that brings a context is told from the build by what its id begins with."""
    found = [BuildQuery.of([("buildid", id)]) for id in ("upload-request:x", "x", "upload-request:", "")]
    assert [(each.build, each.uploads) for each in found] == [("x", True), ("x", False), ("", False), ("", False)]


def test_a_condition_that_cannot_be_read() -> None:
    """It is quoted when the spec is read by the policy, and never ignored."""
    with pytest.raises(Invalid, match="constraint:node= cannot be read"):
        make_policy()(with_arguments({"constraint:node": None}).spec, ())
