"""Clients and engines of different ages: over fakes that have some versions of the API only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from backends.dockerserver.versions import NEWEST_API, OLDEST_API
from swarmkit import open_pipeline
from swarmkit.http import Connection, Headers, RequestHead
from swarmkit.streams import read_whole

OLD, NEW = "1.24-1.41", "1.44-1.52"
"""What an engine of 20.10 has, and one of 29."""


class Client:
    """Asks the front in one version of the API."""

    def __init__(self, path: Path, version: str) -> None:
        self._path, self.version = path, version

    async def __call__(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """Send one request; return status and JSON."""
        connection = Connection(await trio.open_unix_socket(str(self._path)))
        headers = Headers((("Host", "x"), ("Content-Type", "application/json")))
        data = b"" if body is None else json.dumps(body).encode()
        await connection.send(RequestHead(method, f"/v{self.version}{target}", headers), data)
        answer = await connection.receive(method)
        assert answer is not None
        answered = await read_whole(answer.body)
        await connection.aclose()
        return answer.head.status, json.loads(answered) if answered else None

    async def create(self, name: str, **spec: Any) -> tuple[int, Any]:
        """Create a container."""
        return await self("POST", f"/containers/create?name={name}", {"Image": "busybox", **spec})


@asynccontextmanager
async def serving(folder: Path, *hosts: str, api: str = "") -> AsyncIterator[Path]:
    """Serve hosts, each `name=versions`, as one."""
    path = folder / "s"
    members = (
        f'"{name}=fake {name} --api {versions}"' for name, _, versions in (host.partition("=") for host in hosts)
    )
    options = f" --api {api}" if api else ""
    async with open_pipeline((f"dockerserver unix://{path}{options}", f"aggregate {' '.join(members)}")):
        yield path


@pytest.mark.parametrize(("hosts", "offered"), [((OLD, NEW), "1.41"), ((NEW, "1.44-1.47"), "1.47")])
async def test_one_version_is_offered(tmp_path: Path, hosts: tuple[str, str], offered: str) -> None:
    """The newest that all hosts have, whatever the oldest of one of them is."""
    async with serving(tmp_path, f"a={hosts[0]}", f"b={hosts[1]}") as path:
        status, version = await Client(path, OLDEST_API)("GET", "/version")
        assert (status, version["ApiVersion"], version["MinAPIVersion"]) == (200, offered, OLDEST_API)


@pytest.mark.parametrize("version", ["1.24", "1.30", "1.41"])
async def test_a_client_below_an_engine_s_oldest_finds_what_it_reads(tmp_path: Path, version: str) -> None:
    """The engine has these versions no more; what has been removed since then is there all the same."""
    async with serving(tmp_path, f"a={OLD}", f"b={NEW}") as path:
        client = Client(path, version)
        for host in "ab":
            assert (await client.create(f"{host}/on-{host}", Cmd=["sleep", "60"]))[0] == 201
            assert (await client("POST", f"/containers/on-{host}/start"))[0] == 204
            settings = (await client("GET", f"/containers/on-{host}/json"))[1]["NetworkSettings"]
            assert settings["IPAddress"] == settings["Networks"]["bridge"]["IPAddress"] != ""
            assert settings["Bridge"] == ""
        (image,) = (await client("GET", "/images/json"))[1]
        assert image["VirtualSize"] == image["Size"]
        inspected = (await client("GET", "/images/busybox/json"))[1]
        assert inspected["VirtualSize"] == inspected["Size"]
        assert {"Container", "ContainerConfig", "Parent", "Comment"} <= set(inspected)
        info = (await client("GET", "/info"))[1]
        assert info["RuncCommit"] == {"ID": "fake", "Expected": "fake"}


async def test_a_client_of_an_engine_s_version_finds_its_fields_gone(tmp_path: Path) -> None:
    """Fields that have been removed are not told by engines of old either."""
    async with serving(tmp_path, f"a={OLD}", f"b={NEW}", api="1.52") as path:
        client = Client(path, "1.52")
        assert (await client.create("a/web", Cmd=["sleep", "60"]))[0] == 201
        assert "IPAddress" not in (await client("GET", "/containers/web/json"))[1]["NetworkSettings"]
        (image,) = (await client("GET", "/images/json"))[1]
        assert "VirtualSize" not in image
        assert "BridgeNfIptables" not in (await client("GET", "/info"))[1]


async def test_what_one_host_cannot_do_is_refused_there_in_words(tmp_path: Path) -> None:
    """The refusal names the host, its version, and what was asked for; on the other one it is done."""
    async with serving(tmp_path, f"a={OLD}", f"b={NEW}", api="1.52") as path:
        client = Client(path, "1.52")
        for host in "ab":
            await client.create(f"{host}/on-{host}", Cmd=["sleep", "60"])
            await client("POST", f"/containers/on-{host}/start")
        assert (await client("POST", "/containers/on-b/stop?signal=KILL&t=1"))[0] == 204
        status, answer = await client("POST", "/containers/on-a/stop?signal=KILL&t=1")
        assert (status, answer["message"]) == (
            501,
            "host a speaks version 1.41 of the Docker API, and `signal` of POST /containers/{name}/stop came with "
            "1.42: leave it out, choose another host, or upgrade that one",
        )
        status, answer = await client.create("a/x", HostConfig={"Annotations": {"k": "v"}})
        assert (status, answer["message"].partition(":")[0]) == (
            501,
            "host a speaks version 1.41 of the Docker API, and `HostConfig.Annotations` of POST /containers/create "
            "came with 1.43",
        )
        assert (await client("GET", "/containers/x/json"))[0] == 404


async def test_several_networks_are_connected_one_after_the_other(tmp_path: Path) -> None:
    """By an engine that takes one at a creation; the container is on all of them before the answer."""
    async with serving(tmp_path, f"a={OLD}", api="1.44") as path:
        client = Client(path, "1.44")
        for network in ("n1", "n2"):
            assert (await client("POST", "/networks/create", {"Name": network}))[0] == 201
        networking: dict[str, Any] = {"EndpointsConfig": {"n1": {}, "n2": {}}}
        host = {"NetworkMode": "n2"}
        assert (await client.create("web", HostConfig=host, NetworkingConfig=networking))[0] == 201
        found = (await client("GET", "/containers/web/json"))[1]["NetworkSettings"]["Networks"]
        assert set(found) == {"n1", "n2"}
        refused, answer = await Client(path, "1.43").create("old", HostConfig=host, NetworkingConfig=networking)
        assert (refused, answer["message"]) == (400, "Container cannot be connected to network endpoints: n1, n2")


async def test_a_container_that_cannot_be_connected_is_not_left(tmp_path: Path) -> None:
    """The refusal of the second network is the answer, and the name is free again."""
    async with serving(tmp_path, f"a={OLD}", api="1.44") as path:
        client = Client(path, "1.44")
        await client("POST", "/networks/create", {"Name": "n1"})
        networking: dict[str, Any] = {"EndpointsConfig": {"n1": {}, "n2": {}}}
        status, answer = await client.create("web", HostConfig={"NetworkMode": "n1"}, NetworkingConfig=networking)
        assert (status, answer["message"]) == (404, "network n2 not found")
        assert (await client("GET", "/containers/json?all=1"))[1] == []
        endpoint = {"MacAddress": "02:42:00:00:00:01"}
        networking = {"EndpointsConfig": {"n1": {}, "bridge": endpoint}}
        status, answer = await client.create("web", HostConfig={"NetworkMode": "n1"}, NetworkingConfig=networking)
        assert status == 501
        assert "`EndpointConfig.MacAddress` of POST /networks/{name}/connect came with 1.44" in answer["message"]
        assert (await client("GET", "/containers/json?all=1"))[1] == []


async def test_every_version_is_served_over_every_engine(tmp_path: Path) -> None:
    """A container lives and dies for clients from the oldest to the newest version, on engines of any age."""
    async with serving(tmp_path, f"a={OLD}", "b=1.44-1.56", "c=1.30-1.47", api=NEWEST_API) as path:
        for version in ("1.24", "1.35", "1.41", "1.44", "1.47", "1.52", NEWEST_API):
            client = Client(path, version)
            for host in "abc":
                assert (await client.create(f"{host}/web-{host}", Cmd=["sleep", "60"]))[0] == 201
                assert (await client("POST", f"/containers/web-{host}/start"))[0] == 204
                assert (await client("POST", f"/containers/web-{host}/kill"))[0] == 204
                assert (await client("DELETE", f"/containers/web-{host}?force=1"))[0] == 204
            assert (await client("GET", "/system/df"))[0] == 200
