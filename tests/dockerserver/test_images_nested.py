"""Images on hosts of which some are beneath an aggregate of its own: in-memory engines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio

from backends.fake import FakeEngine, FakeStage
from swarmkit.engine.placement import make_policy
from swarmkit.parts import aggregate_of

from ..aggregate.whole import whole_of_stages
from .scripted import Client, serving

Clock = trio.testing.MockClock
Engines = dict[str, FakeEngine]


@asynccontextmanager
async def nested() -> AsyncIterator[tuple[Client, Engines]]:
    """Serve `near`, and `dc1` over `node-3` and `node-4`; give a client and the engines by their names in the whole."""
    async with AsyncExitStack() as stack:
        engines: Engines = {}
        for name in ("near", "dc1/node-3", "dc1/node-4"):
            engines[name] = await stack.enter_async_context(FakeEngine(name.rpartition("/")[2]).run())
        inner = aggregate_of({name: FakeStage(name, engine=engines[f"dc1/{name}"]) for name in ("node-3", "node-4")})
        stages = {"near": FakeStage("near", engine=engines["near"]), "dc1": inner}
        whole = await stack.enter_async_context(whole_of_stages(stages, policy=make_policy()))
        await trio.sleep(1)
        yield await stack.enter_async_context(serving(whole)), engines


def holders(engines: Engines, name: str) -> list[str]:
    """Return the hosts that have an image of this name."""
    return [host for host, engine in engines.items() if engine.images.find(name)]


async def create(client: Client, name: str, image: str, *env: str) -> Any:
    """Create a container."""
    return await client("POST", f"/containers/create?name={name}", {"Image": image, "Env": env})


@pytest.mark.parametrize(
    ("name", "env", "host"),
    [
        ("dc1/node-4/web", (), "dc1/node-4"),
        ("dc1/web", ("constraint:node==node-4",), "dc1/node-4"),
        ("web", ("constraint:node==*node-4",), "dc1/node-4"),
        ("web", ("constraint:node==near",), "near"),
    ],
)
async def test_an_image_is_copied_to_a_host_beneath_another(
    autojump_clock: Clock, name: str, env: tuple[str, ...], host: str
) -> None:
    """However the host is named; the others are left as they are."""
    async with nested() as (client, engines):
        engines["dc1/node-3"].add_image("mine:1")
        engines["dc1/node-3"].events.emit("image", "tag", "mine:1", {"name": "mine:1"})
        await trio.sleep(5)
        answer = await create(client, name, "mine:1", *env)
        assert (answer.status, answer.json.get("Warnings")) == (
            201,
            [f"the image mine:1 has been copied from host dc1/node-3 to {host}"],
        )
        assert set(holders(engines, "mine:1")) == {"dc1/node-3", host}


async def test_a_pull_goes_to_every_leaf(autojump_clock: Clock) -> None:
    """Each has its rows of progress, and the image is listed once."""
    async with nested() as (client, engines):
        answer = await client("POST", "/images/create?fromImage=app&tag=1")
        told = [json.loads(line) for line in answer.data.splitlines() if line]
        rows = {each["id"].partition(" on ")[2] for each in told if "progressDetail" in each}
        assert rows == set(engines)
        assert told[-1] == {"status": "Status: Downloaded newer image for app:1"}
        assert holders(engines, "app:1") == list(engines)
        assert [row["RepoTags"] for row in (await client("GET", "/images/json")).json].count(["app:1"]) == 1
        nodes = (await client("GET", '/images/json?filters={"node":["dc1/*"],"reference":["app"]}')).json
        assert [row["RepoTags"] for row in nodes] == [["app:1"]]


async def test_an_image_is_tagged_and_removed_on_every_leaf(autojump_clock: Clock) -> None:
    """What is done is seen by the next request."""
    async with nested() as (client, engines):
        assert (await client("POST", "/images/busybox/tag?repo=other&tag=1")).status == 201
        assert holders(engines, "other:1") == list(engines)
        answer = await client("DELETE", "/images/other:1")
        assert (answer.status, answer.json) == (200, [{"Untagged": "other:1"}])
        assert holders(engines, "other:1") == []
        assert [row["RepoTags"] for row in (await client("GET", "/images/json")).json] == [["busybox:latest"]]
