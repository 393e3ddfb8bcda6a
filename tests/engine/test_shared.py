"""What networks and volumes of many hosts are called in one list, and which are the same wherever they are."""

from __future__ import annotations

import pytest

from swarmkit.engine.filters import Filters
from swarmkit.engine.shared import has_name, in_one_list, meant_of, shown_names, with_host_label
from swarmkit.rows import Row

from .things import network, volume


def names(*rows: Row) -> list[str]:
    """Return what rows are called, in their order."""
    shown = shown_names(rows)
    return [shown[row.path] for row in rows]


def test_a_name_of_one_host_is_bare() -> None:
    """So it is on an engine, and there two networks may have one name."""
    assert names(network("a", "x"), network("b", "y"), network("a", "z", "1"), network("a", "z", "2")) == [*"xyzz"]


def test_a_name_of_two_hosts_is_qualified() -> None:
    """Neither is meant by the name alone."""
    assert names(volume("a", "x"), volume("dc1/b", "x"), volume("b", "y")) == ["a/x", "dc1/b/x", "y"]


def test_of_what_every_host_has_one_is_meant() -> None:
    """It is that of the first host which answers, and shown by the name alone."""
    assert names(network("b", "bridge"), network("a", "bridge"), network("c", "bridge")) == [
        "b/bridge",
        "bridge",
        "c/bridge",
    ]
    assert names(network("a", "none", lost="gone"), network("b", "none")) == ["a/none", "none"]
    assert names(volume("a", "bridge"), volume("b", "bridge")) == ["a/bridge", "b/bridge"]


def test_a_thing_that_hosts_share_is_listed_once() -> None:
    """By its scope and its id; that of the first host which answers."""
    rows = [volume("a", "x", Scope="global", lost="gone"), volume("b", "x", Scope="global"), volume("a", "y")]
    assert in_one_list(rows) == rows[1:]
    assert names(*in_one_list(rows)) == ["x", "y"]
    swarm = [network("a", "net", "1", Scope="swarm"), network("b", "net", "1", Scope="swarm")]
    assert in_one_list(swarm) == swarm[:1]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [volume("a", "x"), volume("b", "x")],
        [volume("a", "x", Scope="global"), volume("b", "x")],
        [network("a", "net", "1", Scope="swarm"), network("b", "net", "2", Scope="swarm")],
    ],
)
def test_different_things_of_one_name(rows: list[Row]) -> None:
    """None of them is meant, and all are listed."""
    assert meant_of(rows) is None
    assert in_one_list(rows) == rows


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("web", True), ("^we", True), ("a/we", True), ("a", False), ("b/web", False), ("^a/web$", True)],
)
def test_only_what_has_a_slash_is_held_against_the_qualified_name(pattern: str, found: bool) -> None:
    """`a` means names, not all of host a."""
    assert has_name(network("a", "web"), Filters({"name": (pattern,)})) is found


def test_the_host_is_a_label() -> None:
    """Beside those that there are, in a copy."""
    row = network("a", "web", Labels={"x": "y"})
    assert with_host_label(row, "a/web", "host") == {
        **row.document,
        "Name": "a/web",
        "Labels": {"x": "y", "host": "a"},
    }
    assert row.document["Labels"] == {"x": "y"}
