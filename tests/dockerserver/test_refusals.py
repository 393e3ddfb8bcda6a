"""Swarm mode and the installing of plug-ins: what several hosts cannot be is refused in words, by nobody else."""

from __future__ import annotations

import pytest

from backends.dockerserver import OPERATIONS, Operation, Way
from backends.dockerserver.refusals import NO_MANAGER, NO_PLACE, NO_SWARM

from .scripted import Scripted, node, reply, serving
from .test_operations import path_of

REFUSED = [operation for operation in OPERATIONS if operation.way is Way.REFUSED]
PLUGINS = {"GetPluginPrivileges", "PluginPull", "PluginCreate"}


@pytest.mark.parametrize("operation", REFUSED, ids=lambda operation: operation.name)
async def test_what_is_for_one_engine_is_refused_in_words(operation: Operation) -> None:
    """The status is that of an engine outside any swarm, the sentence says what to do, and no host is asked."""
    hosts = Scripted()
    async with serving(hosts) as client:
        answer = await client(operation.method, path_of(operation, "x"), {})
        expected = {"SwarmLeave": (503, NO_SWARM)} | dict.fromkeys(PLUGINS, (501, NO_PLACE))
        assert (answer.status, answer.message) == expected.get(operation.name, (503, NO_MANAGER))
        assert answer.headers.get("Content-Type") == "application/json"
        assert hosts.requests() == []


def test_all_of_swarm_mode_is_refused() -> None:
    """There is no operation on a swarm, its nodes, services, tasks, secrets or configs that goes anywhere else."""
    collections = {"swarm", "nodes", "services", "tasks", "secrets", "configs"}
    assert {each.name for each in OPERATIONS if each.collection in collections} | PLUGINS == {
        each.name for each in REFUSED
    }


def test_the_refusal_begins_as_an_engine_s_does() -> None:
    """Programs look for these words."""
    assert NO_MANAGER.startswith("This node is not a swarm manager. ")


async def test_one_host_alone_answers_for_its_own_swarm() -> None:
    """It may be a manager."""
    hosts = Scripted(nodes=[node("box", member="")], answers={("", "GET /services"): reply(200, [])})
    async with serving(hosts) as client:
        assert (await client("GET", "/services")).json == []
