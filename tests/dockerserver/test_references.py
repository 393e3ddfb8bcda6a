"""Where what a new container refers to puts it."""

from __future__ import annotations

import pytest

from backends.dockerserver.hosts import Hosts
from backends.dockerserver.references import place_of
from swarmkit.errors import Conflict
from swarmkit.message import Message, ack
from swarmkit.rows import Row

SPEC = {"Image": "x", "HostConfig": {"NetworkMode": "container:dc1/node-3/db"}}


async def nested(message: Message) -> Message:
    """Answer every ATTACH with a container on a host of a nested aggregate."""
    row = Row(name="db", path=("nodes", "dc1/node-3", "containers", "5" * 64), id="5" * 64, member="dc1/node-3")
    return ack(row.to_plain(), path=row.path)


@pytest.mark.parametrize("asked", ["", "dc1", "dc1/node-3"])
async def test_the_host_asked_for_may_be_one_above(asked: str) -> None:
    """A name below a whole data centre leaves the host of it to what is referred to."""
    spec, host = await place_of(Hosts(nested, []), SPEC, asked)
    assert host == "dc1/node-3"
    assert spec["HostConfig"] == {"NetworkMode": f"container:{'5' * 64}"}


@pytest.mark.parametrize("asked", ["dc", "dc1/node-30", "dc2"])
async def test_another_host_is_refused(asked: str) -> None:
    """What is referred to must be on the host asked for."""
    with pytest.raises(Conflict, match=f"and {asked} is asked for"):
        await place_of(Hosts(nested, []), SPEC, asked)
