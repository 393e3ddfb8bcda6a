"""Filters of volumes: the engine's, over all hosts, and `node`."""

from __future__ import annotations

import json

import pytest

from swarmkit.engine.volumes import in_use, parse, select
from swarmkit.errors import Invalid

from .things import container, volume

ROWS = [
    volume("a", "data", Labels={"tier": "back"}),
    volume("a", "logs", Driver="nfs"),
    volume("b", "data"),
]
USED = {("a", "data")}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["a/data", "a/logs", "b/data"]),
        ({"name": ["ata", "x"]}, ["a/data", "b/data"]),
        ({"name": ["b/da"]}, ["b/data"]),
        ({"driver": ["nfs"]}, ["a/logs"]),
        ({"driver": ["nf"]}, []),
        ({"label": ["tier"]}, ["a/data"]),
        ({"label": ["swarmd.host=a", "tier"]}, ["a/data"]),
        ({"node": ["b"]}, ["b/data"]),
        ({"dangling": ["true"]}, ["a/logs", "b/data"]),
        ({"dangling": ["0"]}, ["a/data"]),
        ({"dangling": ["0", "1"]}, ["a/logs", "b/data"]),
    ],
)
def test_filters(filters: dict[str, list[str]], names: list[str]) -> None:
    """Values are alternatives, filters go together, and what is in use is so on its own host."""
    assert [row.qualified for row in select(ROWS, parse(json.dumps(filters)), USED)] == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"foo":["x"]}', "Invalid filter 'foo'"),
        ('{"dangling":["x","y"]}', "Invalid filter 'dangling=[x y]'"),
        ("{x", "error reading volume filters: invalid character 'x' looking for beginning of object key string"),
    ],
)
def test_what_is_no_filter(text: str, message: str) -> None:
    """It is refused in the engine's words."""
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.message == message


def test_a_volume_is_in_use_by_every_container() -> None:
    """One that does not run keeps its volumes; a path of the host is none."""
    mounts = [{"Type": "volume", "Name": "data"}, {"Type": "bind", "Source": "/tmp"}]
    assert in_use([container("a", "x", State="exited", Mounts=mounts), container("b", "y")]) == {("a", "data")}
