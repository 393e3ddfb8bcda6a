from copy import deepcopy
from typing import Any

import pytest

from swarmkit.engine.documents import node_document, unique, with_host_in_row, with_node_in_inspect

from .rows_of import container

ROW = container(
    "web",
    Names=["/app/w", "/web"],
    Labels={"x": "1"},
    Ports=[
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 81, "PublicPort": 8081, "Type": "tcp"},
        {"PrivatePort": 90, "Type": "tcp"},
    ],
    FieldOfAnotherCentury=[1],
)
INSPECT: dict[str, Any] = {
    "Id": "1",
    "State": {"Running": True},
    "NetworkSettings": {
        "Bridge": "",
        "Ports": {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
            "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}],
            "90/tcp": None,
        },
    },
}
NODE = {"Name": "a", "Labels": {}}


def test_a_row_gets_its_host_as_a_label_and_nothing_else() -> None:
    """All other fields are the engine's, those we do not know too."""
    row = with_host_in_row(ROW, "a", shared_name=False, down=False)
    assert row == {**ROW, "Labels": {"x": "1", "swarmd.host": "a"}}


def test_a_row_without_labels_gets_one() -> None:
    """An engine may write null."""
    assert with_host_in_row({"Labels": None}, "a", shared_name=False, down=False)["Labels"] == {"swarmd.host": "a"}


def test_a_shared_name_is_qualified() -> None:
    """The own name comes first, and the links' aliases are that host's."""
    assert with_host_in_row(ROW, "a", shared_name=True, down=False)["Names"] == ["/a/web", "/a/app/w"]


def test_a_shared_name_that_is_none() -> None:
    """A container that is being removed has no name to qualify."""
    assert with_host_in_row(container("x", Names=[]), "a", shared_name=True, down=False)["Names"] == []


def test_a_row_of_a_host_that_is_down() -> None:
    """The status says so; the state stays as last known."""
    row = with_host_in_row(ROW, "a", shared_name=False, down=True)
    assert (row["Status"], row["State"]) == ("Host Down", "running")


def test_ports_of_a_remote_host_have_its_address() -> None:
    """Instead of any address, in IPv4 and IPv6 alike; what is bound to one address or not published stays."""
    row = with_host_in_row(ROW, "a", shared_name=False, down=False, address="10.0.0.1")
    assert [port.get("IP") for port in row["Ports"]] == ["10.0.0.1", "127.0.0.1", None]


def test_an_inspection_gets_its_node_and_nothing_else() -> None:
    """The host is a field of its own."""
    assert with_node_in_inspect(INSPECT, NODE) == {**INSPECT, "Node": NODE}


def test_an_inspections_ports_have_the_remote_hosts_address() -> None:
    """As in the list."""
    settings = with_node_in_inspect(INSPECT, NODE, address="10.0.0.1")["NetworkSettings"]
    assert settings == {
        "Bridge": "",
        "Ports": {
            "80/tcp": [{"HostIp": "10.0.0.1", "HostPort": "8080"}],
            "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}],
            "90/tcp": None,
        },
    }


@pytest.mark.parametrize("settings", [None, {}, {"Ports": None}, {"Ports": {}}])
def test_an_inspection_without_ports(settings: dict[str, Any] | None) -> None:
    """There is nothing to replace."""
    document = {"NetworkSettings": settings}
    assert {**document, "Node": NODE} == with_node_in_inspect(document, NODE, address="10.0.0.1")


def test_arguments_are_not_changed() -> None:
    """The mirror keeps the documents."""
    row, inspect = deepcopy(ROW), deepcopy(INSPECT)
    with_host_in_row(ROW, "a", shared_name=True, down=True, address="10.0.0.1")
    with_node_in_inspect(INSPECT, NODE, address="10.0.0.1")
    assert (row, inspect) == (ROW, INSPECT)


def test_a_node_is_made_of_the_hosts_info() -> None:
    """The shape is classic Swarm's; labels of an engine are words."""
    info = {"ID": "E4KU", "NCPU": 2, "MemTotal": 5, "Labels": ["disk=ssd", "edge", "a=b=c"]}
    expected = {
        "Name": "a",
        "ID": "E4KU",
        "Addr": "tcp://10.0.0.1:2375",
        "IP": "10.0.0.1",
        "Cpus": 2,
        "Memory": 5,
        "Labels": {"disk": "ssd", "edge": "", "a": "b=c"},
    }
    assert expected == node_document("a", info, address="tcp://10.0.0.1:2375", ip="10.0.0.1")


def test_a_node_of_a_host_never_seen() -> None:
    """There is no info yet."""
    node = node_document("a", {}, address="unix:///a.sock")
    assert (node["ID"], node["Cpus"], node["Labels"]) == ("", 0, {})


def test_unique_keeps_the_order_of_first_appearance() -> None:
    """JSON values need not be hashable."""
    assert unique([{"a": 1, "b": 2}, 1, {"b": 2, "a": 1}, "1", 1]) == [{"a": 1, "b": 2}, 1, "1"]
