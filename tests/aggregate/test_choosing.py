"""Asking where something would go, without creating it."""

from __future__ import annotations

import json

import pytest
import trio

from swarmkit import Message, Verb
from swarmkit.errors import Unavailable
from swarmkit.message import Path
from swarmkit.parts import aggregate_of
from swarmkit.service import Service

from .scripted import ScriptedHost, ScriptedStage
from .whole import host_with, whole_of, whole_of_stages

Clock = trio.testing.MockClock


async def choice(whole: Service, *constraints: str) -> Path:
    """Ask where something with these constraints would go."""
    labels = {"com.docker.swarm.constraints": json.dumps(constraints)}
    return (await whole(Message(Verb.GET, ("nodes",), {"spec": {"Labels": labels}}))).path


async def test_the_policy_chooses(autojump_clock: Clock) -> None:
    """What is there counts, and what is asked for; no host hears of it."""
    a, b = host_with("a", "web"), ScriptedHost("b")
    async with whole_of(a, b) as whole:
        assert await choice(whole) == ("nodes", "b")
        assert await choice(whole, "node==a") == ("nodes", "a")
        assert [*a.calls, *b.calls] == []


async def test_a_member_of_many_hosts_chooses_among_them(autojump_clock: Clock) -> None:
    """The answer is a leaf, by its whole name."""
    inner = aggregate_of({name: ScriptedStage(host_with(name, *have)) for name, have in (("n3", ("db",)), ("n4", ()))})
    async with whole_of_stages({"near": ScriptedStage(host_with("near", "web")), "dc1": inner}) as whole:
        assert await choice(whole, "node==n3") == ("nodes", "dc1/n3")
        assert await choice(whole, "node!=near") == ("nodes", "dc1/n4")


async def test_no_host_may_have_it(autojump_clock: Clock) -> None:
    """The policy's refusal is the answer."""
    async with whole_of(ScriptedHost("a")) as whole:
        with pytest.raises(Unavailable, match="a: does not meet constraint:node==b"):
            await choice(whole, "node==b")


async def test_there_are_no_hosts(autojump_clock: Clock) -> None:
    """An aggregate may be empty."""
    async with whole_of() as whole:
        with pytest.raises(Unavailable, match="there are no hosts"):
            await choice(whole)
