"""Disk usage of many hosts: sums, and rows that say whose they are."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.engine.df import merge_usage
from swarmkit.errors import SwarmError, Unavailable


def usage(size: int, **lists: Any) -> dict[str, Any]:
    """Return an engine's answer."""
    empty: dict[str, Any] = {"Images": [], "Containers": [], "Volumes": [], "BuildCache": None}
    return {"LayersSize": size, **empty, "BuilderSize": 0, **lists}


def image(name: str, **more: Any) -> dict[str, Any]:
    """Return an image's row."""
    return {"Id": f"sha256:{name}", "RepoTags": [f"{name}:latest"], "Labels": None, "Size": 5, **more}


def merged(*answers: tuple[str, dict[str, Any] | SwarmError], **options: Any) -> dict[str, Any]:
    """Merge answers of hosts."""
    return merge_usage(answers, **options)


def test_an_image_on_two_hosts_takes_up_two_disks() -> None:
    """So that it is two rows, each with its name and its host; one that is on one host keeps its name."""
    found = merged(("a", usage(5, Images=[image("x")])), ("b", usage(9, Images=[image("x"), image("y")])))
    assert found["LayersSize"] == 14
    assert [(row["RepoTags"], row["Labels"]) for row in found["Images"]] == [
        (["a/x:latest"], {"swarmd.host": "a"}),
        (["b/x:latest"], {"swarmd.host": "b"}),
        (["y:latest"], {"swarmd.host": "b"}),
    ]


@pytest.mark.parametrize(
    ("host", "tag"), [("dc1/node-3", "dc1/node-3/x:latest"), ("Box", "x:latest"), ("a b", "x:latest")]
)
def test_a_host_that_no_repository_could_be_called_is_left_out_of_the_name(host: str, tag: str) -> None:
    """A client could not read the name; the label says whose it is."""
    found = merged((host, usage(5, Images=[image("x")])), ("b", usage(9, Images=[image("x")])))
    assert found["Images"][0]["RepoTags"] == [tag]


def test_containers_and_volumes_say_their_host() -> None:
    """By label, and where two hosts have the name, in it."""
    first = usage(0, Containers=[{"Id": "1", "Names": ["/web"]}], Volumes=[{"Name": "data", "Labels": {"k": "v"}}])
    second = usage(0, Containers=[{"Id": "2", "Names": ["/web"]}, {"Id": "3", "Names": ["/db"]}])
    found = merged(("a", first), ("b", {**second, "Volumes": [{"Name": "data", "Labels": None}]}))
    assert [row["Names"] for row in found["Containers"]] == [["/a/web"], ["/b/web"], ["/db"]]
    assert [(row["Name"], row["Labels"]) for row in found["Volumes"]] == [
        ("a/data", {"k": "v", "swarmd.host": "a"}),
        ("b/data", {"swarmd.host": "b"}),
    ]


def test_lists_that_are_null_are_none_where_all_are() -> None:
    """As a list that was not asked for."""
    assert merged(("a", usage(0)), ("b", usage(0)))["BuildCache"] is None
    cache = [{"ID": "x", "Size": 3}]
    assert merged(("a", usage(0)), ("b", usage(0, BuildCache=cache)))["BuildCache"] == cache


def test_sums_of_newer_engines_are_added() -> None:
    """API 1.52 has sums, and the rows as items where they are asked for."""
    each = {"ActiveCount": 1, "TotalCount": 2, "TotalSize": 30, "Reclaimable": 4}
    found = merged(
        ("a", {"ImageUsage": {**each, "Items": [image("x")]}}), ("b", {"ImageUsage": {**each, "Items": [image("x")]}})
    )
    assert {key: found["ImageUsage"][key] for key in each} == {key: 2 * value for key, value in each.items()}
    assert [row["RepoTags"] for row in found["ImageUsage"]["Items"]] == [["a/x:latest"], ["b/x:latest"]]


def test_what_was_not_asked_for_is_left_out() -> None:
    """Engines that do not know `type` tell everything."""
    full = usage(5, Images=[image("x")], Containers=[{"Id": "1", "Names": ["/web"]}])
    found = merged(("a", full), types={"container"})
    assert (found["LayersSize"], found["Images"], len(found["Containers"])) == (0, None, 1)


def test_hosts_that_do_not_answer_do_not_count() -> None:
    """But where none does there is nothing to tell."""
    assert merged(("a", usage(5)), ("b", Unavailable("gone")))["LayersSize"] == 5
    with pytest.raises(Unavailable, match="gone"):
        merged(("b", Unavailable("gone")))
