"""An aggregate of scripted hosts, opened for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from swarmkit import Listing, Message, Pipeline, Receiver, Service, Stage, Verb
from swarmkit.aggregate import Aggregate, Identification, open_aggregate
from swarmkit.engine.placement import make_policy
from swarmkit.placement import Policy

from .scripted import ScriptedHost, ScriptedStage, row

CONTAINERS = ("containers",)


def pipeline(stage: Stage) -> Pipeline:
    """Make a pipeline of one stage."""
    return Pipeline((stage,))


@asynccontextmanager
async def whole_of(
    *hosts: ScriptedHost,
    policy: Policy | None = None,
    sources: Sequence[Stage] = (),
    identification: Identification | None = None,
) -> AsyncIterator[Aggregate]:
    """Open an aggregate of hosts by their names, in step, and forget the calls that they took."""
    stages = {host.name: ScriptedStage(host) for host in hosts}
    async with whole_of_stages(stages, policy=policy, sources=sources, identification=identification) as whole:
        for host in hosts:
            host.calls.clear()
        yield whole


@asynccontextmanager
async def whole_of_stages(
    stages: Mapping[str, Stage],
    *,
    policy: Policy | None = None,
    sources: Sequence[Stage] = (),
    identification: Identification | None = None,
) -> AsyncIterator[Aggregate]:
    """Open an aggregate of stages, in step."""
    members = {name: pipeline(stage) for name, stage in stages.items()}
    listed = [pipeline(source) for source in sources]
    async with open_aggregate(members, policy or make_policy(), listed, identification=identification) as whole:
        await trio.testing.wait_all_tasks_blocked()
        yield whole


def host_with(name: str, *containers: str, **options: Any) -> ScriptedHost:
    """Make a host that has containers of these names."""
    host = ScriptedHost(name, **options)
    for container in containers:
        made = row(container)
        host.rows[made.id] = made
    return host


async def ls(service: Service, *path: str, **args: Any) -> Listing:
    """List a collection."""
    return Listing.of(await service(Message(Verb.LS, path or CONTAINERS, args)))


async def watch(service: Service, **args: Any) -> Receiver:
    """Subscribe."""
    reply = await service(Message(Verb.WATCH, (), args))
    assert isinstance(reply.ret, Receiver)
    return reply.ret


def waiting(channel: Receiver) -> list[Message]:
    """Return the messages that wait in a watch."""
    return list(iter(channel.receive_nowait, None))
