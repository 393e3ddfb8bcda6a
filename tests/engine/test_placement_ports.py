"""Ports: what is claimed, and what cannot be had twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.placement import make_policy
from swarmkit.engine.placement.ports import Claim, bound_by, claims_of, overlap
from swarmkit.errors import Unavailable

from .placing import asking, container, host, order, pending, publishing

ADDRESSES = st.sampled_from(["", "0.0.0.0", "::", "127.0.0.1", "10.0.0.1", "::1"])


@pytest.mark.parametrize(
    ("host_config", "exposed", "expected"),
    [
        ({}, {"80/tcp": {}}, []),
        ({"PortBindings": publishing("8080", "127.0.0.1:53/udp")}, None, ["8080/tcp", "127.0.0.1:53/udp"]),
        ({"PortBindings": {"80": [{"HostPort": "80"}]}}, None, ["80/tcp"]),
        ({"PortBindings": publishing("8000-8002")}, None, ["8000-8002/tcp"]),
        ({"PortBindings": publishing("", "0")}, None, []),
        ({"PortBindings": publishing("http", "70000", "9-8", "-1", "٣")}, None, []),
        ({"PortBindings": {"80/tcp": None, "81/tcp": [None], "82/tcp": [{"HostPort": 5}]}}, None, []),
        ({"PortBindings": [1]}, None, []),
        ({"NetworkMode": "host", "PortBindings": publishing("8080")}, {"80/tcp": {}}, ["80/tcp"]),
        ({"NetworkMode": "host"}, ["80/tcp"], []),
        ({"NetworkMode": "none", "PortBindings": publishing("8080")}, None, []),
        ({"NetworkMode": "container:web", "PortBindings": publishing("8080")}, None, []),
    ],
)
def test_what_is_claimed(host_config: dict[str, Any], exposed: object, expected: list[str]) -> None:
    """What is published on a port of one's choice, or exposed in the host's network; rubbish claims nothing."""
    assert list(map(str, claims_of(host_config, exposed))) == expected


def test_what_is_bound() -> None:
    """The list of containers tells the ports that the engine chose, too; those that are not published are none."""
    ports = [{"IP": "::", "PrivatePort": 80, "PublicPort": 32768, "Type": "tcp"}, {"PrivatePort": 81, "Type": "tcp"}]
    assert bound_by({"Ports": ports}) == (Claim("tcp", 32768, 32768, "::"),)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("0.0.0.0", "::", False),
        ("::", "::1", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
    ],
)
def test_addresses_that_overlap(one: str, other: str, expected: bool) -> None:
    """All addresses are those of IPv4 and of IPv6, which do not meet."""
    assert overlap(one, other) is expected


@given(ADDRESSES, ADDRESSES)
def test_overlapping_is_mutual(one: str, other: str) -> None:
    """The order does not matter."""
    assert overlap(one, other) is overlap(other, one)


HOLDERS = {
    "published": container("web", PortBindings=publishing("80")),
    "created": container("web", "created", PortBindings=publishing("80")),
    "paused": container("web", "paused", PortBindings=publishing("80")),
    "chosen by the engine": container("web", ports=[{"IP": "0.0.0.0", "PublicPort": 80, "Type": "tcp"}]),
    "in the host's network": container("web", NetworkMode="host", exposed={"80/tcp": {}}),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_a_port_that_is_taken(holder: Any) -> None:
    """A host on which the port is taken is ruled out, and it is said by whom."""
    spec = asking(PortBindings=publishing("80"))
    assert order(spec, host("a", holder), host("b", "one", "two")) == ["b"]
    with pytest.raises(Unavailable, match="a: port 80/tcp is taken by web"):
        order(spec, host("a", holder))


@pytest.mark.parametrize("state", ["exited", "dead", "removing"])
def test_a_container_that_has_ended_has_no_port(state: str) -> None:
    """Its port is free, as on an engine."""
    ended = container("web", state, PortBindings=publishing("80"))
    assert order(asking(PortBindings=publishing("80")), host("a", ended)) == ["a"]


@pytest.mark.parametrize("ports", ["81", "80/udp", "127.0.0.2:80"])
def test_another_port(ports: str) -> None:
    """Another number, protocol or address is another port."""
    holder = container("web", PortBindings=publishing("127.0.0.1:80"))
    assert order(asking(PortBindings=publishing(ports)), host("a", holder)) == ["a"]


def test_a_range_is_taken_when_all_of_it_is() -> None:
    """The engine chooses one of a range, so that one is enough; what was chosen the list tells."""
    spec = asking(PortBindings=publishing("80-81"))
    one, two = (container(f"c{port}", PortBindings=publishing(port)) for port in ("80", "81"))
    assert order(spec, host("a", one), host("b", two), host("c", one, two)) == ["a", "b"]
    assert order(asking(PortBindings=publishing("80")), host("a", container("web", PortBindings=publishing("80-81"))))


def test_exposed_ports_in_the_network_of_the_host() -> None:
    """Two that share the host's network cannot have the same port there."""
    spec = {"ExposedPorts": {"80/tcp": {}}, "HostConfig": {"NetworkMode": "host"}}
    assert order(spec, host("a", HOLDERS["published"]), host("b", "web")) == ["b"]


def test_a_port_on_its_way() -> None:
    """What is being created has its ports already."""
    taken = pending("web", HostConfig={"PortBindings": publishing("80")})
    spec = asking(PortBindings=publishing("80"))
    assert order(spec, host("a", pending=taken), host("b", "one", "two")) == ["b"]
    with pytest.raises(Unavailable, match="port 80/tcp is taken by web"):
        make_policy()(spec, [host("a", pending=taken)])
