"""Filters of networks: the engine's, over all hosts, and `node`."""

from __future__ import annotations

import pytest

from swarmkit.engine.filters import Filters
from swarmkit.engine.networks import check, in_use, select
from swarmkit.errors import Invalid

from .things import container, network

ROWS = [
    network("a", "bridge", "a1"),
    network("a", "none", "a2", Driver="null"),
    network("a", "web", "a3", Labels={"tier": "front"}),
    network("b", "web", "b3", Driver="overlay", Scope="swarm"),
    network("b", "spare", "b4"),
]
USED = {("a", "a3"), ("b", "a3")}


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, ["a1", "a2", "a3", "b3", "b4"]),
        ({"name": ["web"]}, ["a3", "b3"]),
        ({"name": ["b/web", "none"]}, ["a2", "b3"]),
        ({"id": ["a"]}, ["a1", "a2", "a3"]),
        ({"driver": ["null", "overlay"]}, ["a2", "b3"]),
        ({"driver": ["over"]}, []),
        ({"scope": ["swarm"]}, ["b3"]),
        ({"type": ["builtin"]}, ["a1", "a2"]),
        ({"type": ["custom"]}, ["a3", "b3", "b4"]),
        ({"type": ["custom", "builtin"]}, ["a1", "a2", "a3", "b3", "b4"]),
        ({"label": ["tier=front"]}, ["a3"]),
        ({"label": ["swarmd.host=b"]}, ["b3", "b4"]),
        ({"node": ["a*"], "type": ["custom"]}, ["a3"]),
        ({"dangling": ["true"]}, ["b3", "b4"]),
        ({"dangling": ["0"]}, ["a1", "a2", "a3"]),
    ],
)
def test_filters(filters: dict[str, list[str]], ids: list[str]) -> None:
    """Values are alternatives, filters go together, and what is in use is so on its own host."""
    chosen = Filters({key: tuple(values) for key, values in filters.items()})
    check(chosen)
    assert [row.id for row in select(ROWS, chosen, USED)] == ids


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"foo": ("x",)}, "Invalid filter 'foo'"),
        ({"type": ("x",)}, "invalid filter: 'type'='x'"),
        ({"dangling": ("0", "1")}, 'got more than one value for filter key "dangling"'),
        (
            {"dangling": ("x",)},
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
        ),
    ],
)
def test_what_is_no_filter(filters: dict[str, tuple[str, ...]], message: str) -> None:
    """It is refused in the engine's words."""
    with pytest.raises(Invalid) as refused:
        check(Filters(filters))
    assert refused.value.message == message


def test_a_network_is_in_use_by_what_runs() -> None:
    """A container that does not run is on no network."""
    on = {"Networks": {"web": {"NetworkID": "1"}, "none": None}}
    rows = [container("a", "x", NetworkSettings=on), container("b", "y", NetworkSettings=on, State="exited")]
    assert in_use([*rows, container("b", "z")]) == {("a", "1")}
