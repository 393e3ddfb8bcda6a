"""Networks, volumes and the containers that want them, from the front down to in-memory engines, some nested."""

from __future__ import annotations

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

HOSTS = ("near", "dc1/node-3", "dc1/node-4")


@asynccontextmanager
async def nested() -> AsyncIterator[tuple[Client, dict[str, FakeEngine]]]:
    """Serve `near`, and `dc1` over `node-3` and `node-4`; give a client and the engines by their names in the whole."""
    async with AsyncExitStack() as stack:
        engines = {}
        for host in HOSTS:
            engines[host] = await stack.enter_async_context(FakeEngine(host.rpartition("/")[2]).run())
        inner = aggregate_of({name: FakeStage(name, engine=engines[f"dc1/{name}"]) for name in ("node-3", "node-4")})
        stages = {"near": FakeStage("near", engine=engines["near"]), "dc1": inner}
        whole = await stack.enter_async_context(whole_of_stages(stages, policy=make_policy()))
        await trio.sleep(1)
        yield await stack.enter_async_context(serving(whole)), engines


async def create(client: Client, kind: str, name: str, *, project: str = "", **more: Any) -> str:
    """Create a network, a volume or a container; return its host."""
    labels = {"com.docker.compose.project": project} if project else {}
    target = f"/{kind}/create" + (f"?name={name}" if kind == "containers" else "")
    answer = await client("POST", target, {"Name": name, "Image": "busybox", "Labels": labels, **more})
    assert answer.status == 201, answer.json
    bare = name if kind == "containers" else answer.json.get("Id") or answer.json["Name"]
    path = f"/containers/{bare}/json" if kind == "containers" else f"/{kind}/{bare}"
    return str((await client("GET", path)).json["Node"]["Name"])


@pytest.mark.parametrize("host", HOSTS)
async def test_what_a_container_names_says_where_it_goes(autojump_clock: Clock, host: str) -> None:
    """By its bare name as by its qualified one, as soon as it was created."""
    async with nested() as (client, engines):
        assert await create(client, "networks", f"{host}/net") == host
        assert await create(client, "volumes", f"{host}/data") == host
        bare = {"NetworkMode": "net", "Binds": ["data:/data"]}
        assert await create(client, "containers", "one", HostConfig=bare) == host
        qualified = {"NetworkMode": f"{host}/bridge", "Binds": [f"{host}/new:/data"]}
        assert await create(client, "containers", "two", HostConfig=qualified) == host
        assert engines[host].containers.find("two").host_config["NetworkMode"] == "bridge"
        assert engines[host].volumes.find("new") is not None


async def test_a_project_is_on_one_host(autojump_clock: Clock) -> None:
    """All that is created for it, many things at once among them; the next one goes elsewhere."""
    async with nested() as (client, _):
        places: dict[str, set[str]] = {"shop": set(), "blog": set()}

        async def one(kind: str, project: str, name: str) -> None:
            places[project].add(await create(client, kind, f"{project}_{name}", project=project))

        for project in places:
            async with trio.open_nursery() as nursery:
                for kind in ("networks", "volumes"):
                    for number in range(3):
                        nursery.start_soon(one, kind, project, str(number))
            config = {"NetworkMode": f"{project}_1", "Binds": [f"{project}_1:/data"]}
            for number in range(3):
                name = f"{project}-{number}"
                places[project].add(await create(client, "containers", name, project=project, HostConfig=config))
        assert [len(hosts) for hosts in places.values()] == [1, 1]
        assert places["shop"] != places["blog"]


async def test_a_constraint_goes_before_the_project(autojump_clock: Clock) -> None:
    """It stands in the labels of what is created."""
    async with nested() as (client, _):
        first = await create(client, "networks", "shop_net", project="shop")
        far = "dc1/node-4" if first == "near" else "near"
        labels = {"com.docker.compose.project": "shop", "com.docker.swarm.constraints": f'["node=={far}"]'}
        assert await create(client, "volumes", "shop_data", Labels=labels) == far


@pytest.mark.parametrize("host", HOSTS)
async def test_a_constraint_against_what_a_container_names(autojump_clock: Clock, host: str) -> None:
    """No other host is asked, and the refusal says why."""
    async with nested() as (client, _):
        await create(client, "networks", f"{host}/net")
        spec = {"Image": "busybox", "HostConfig": {"NetworkMode": "net"}, "Env": [f"constraint:node!={host}"]}
        answer = await client("POST", "/containers/create", spec)
        assert answer.status == 503
        assert f"{host}: does not meet constraint:node!={host}" in answer.message
        assert answer.message.endswith(f" (only {host} was asked: what it refers to is there)")


async def test_a_container_joins_what_is_on_its_host(autojump_clock: Clock) -> None:
    """By a name that all hosts have, too; what is elsewhere is refused naming both."""
    async with nested() as (client, engines):
        for host in HOSTS:
            await create(client, "networks", f"{host}/net")
        await create(client, "networks", "near/far")
        await create(client, "containers", "dc1/node-4/web")
        assert (await client("POST", "/networks/net/connect", {"Container": "web"})).status == 200
        assert list(engines["dc1/node-4"].containers.find("web").endpoints) == ["bridge", "net"]
        answer = await client("POST", "/networks/far/connect", {"Container": "web"})
        assert (answer.status, answer.message) == (
            409,
            "container web is on host dc1/node-4 and network far on host near: "
            "a container joins networks of its own host",
        )
        names = [row["Name"] for row in (await client("GET", "/networks")).json]
        assert {name for name in names if name.endswith("net")} == {f"{host}/net" for host in HOSTS}
        pruned = (await client("POST", "/networks/prune")).json["NetworksDeleted"]
        assert sorted(pruned) == ["dc1/node-3/net", "far", "near/net"]  # one is in use
