"""Volumes over several hosts: the list, creation, which is of what there is already, and what goes to the owner."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from swarmkit import Message, Verb
from swarmkit.rows import Missing

from .scripted import Scripted, container, node, reply, serving, volume


async def create(message: Message) -> Message:
    """Create as an engine does."""
    document = json.loads(message["body"])
    return reply(201, {"Name": document.get("Name", "5" * 64), "Driver": "local", "Labels": document.get("Labels")})


def two_hosts(**answers: Any) -> Scripted:
    """Return hosts that both have a volume data, and each one of its own."""
    rows = [volume("a", "data"), volume("a", "logs", Labels={"x": "y"}), volume("b", "data"), volume("b", "spare")]
    given = {"POST /volumes/create": create, **answers}
    return Scripted(volumes=rows, answers={("*", request): each for request, each in given.items()})


# -- the list ---------------------------------------------------------------------------------------------------------


async def test_the_list_is_of_all_hosts() -> None:
    """A name of both is shown with its host, and the host is a label."""
    async with serving(two_hosts()) as client:
        document = (await client("GET", "/volumes")).json
        assert [row["Name"] for row in document["Volumes"]] == ["a/data", "logs", "b/data", "spare"]
        assert document["Volumes"][1]["Labels"] == {"x": "y", "swarmd.host": "a"}
        assert document["Warnings"] is None


async def test_filters_see_the_whole() -> None:
    """What is in use, the containers of all hosts tell."""
    hosts = two_hosts()
    hosts.containers.append(container("b", "web", State="exited", Mounts=[{"Type": "volume", "Name": "data"}]))
    async with serving(hosts) as client:
        rows = (await client("GET", '/volumes?filters={"dangling":["false"]}')).json["Volumes"]
        assert [row["Name"] for row in rows] == ["b/data"]


async def test_what_is_not_whole_is_said() -> None:
    """In `Warnings`, where the operation has them: what was never seen, and what is as last known."""
    hosts = two_hosts()
    hosts.volumes.append(volume("d", "old", lost="no answer"))
    hosts.missing.append(Missing("c", "refused"))
    async with serving(hosts) as client:
        answer = await client("GET", "/volumes")
        assert answer.json["Warnings"] == [
            "the volumes of host c are not known: refused",
            "host d is down: its volumes are as last known",
        ]
        assert answer.json["Volumes"][-1]["Name"] == "old"
        assert answer.missing == "c: refused"


# -- creation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "host", "told", "shown"),
    [
        ("new", "b", "new", "new"),  # where the policy says
        ("logs", "a", "logs", "logs"),  # where it is
        ("a/new", "a", "new", "new"),
        ("b/logs", "b", "logs", "b/logs"),
        ("a/data", "a", "data", "a/data"),
        ("b/spare", "b", "spare", "spare"),
    ],
)
async def test_a_volume_is_created_or_is_there(name: str, host: str, told: str, shown: str) -> None:
    """As on an engine, to create what is there gives that; what two hosts have is called as the list does."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        answer = await client("POST", "/v1.40/volumes/create", {"Name": name, "Driver": "local"})
        assert (answer.status, answer.json["Name"]) == (201, shown)
        sent = hosts.last(Verb.CONNECT)
        assert (sent.path, sent["version"]) == (("nodes", host), "1.40")
        assert json.loads(sent["body"]) == {"Name": told, "Driver": "local"}


async def test_a_volume_without_a_name() -> None:
    """Its host gives it one."""
    async with serving(two_hosts()) as client:
        assert (await client("POST", "/volumes/create", {})).json["Name"] == "5" * 64


async def test_a_volume_that_all_hosts_have() -> None:
    """A driver that serves it everywhere makes no name ambiguous: it is listed once, and asked of one host."""
    hosts = Scripted(
        nodes=[node("a", lost="gone"), node("b")],
        volumes=[volume("a", "nfs", lost="gone", Scope="global"), volume("b", "nfs", Scope="global")],
        answers={("b", "POST /volumes/create"): create, ("b", "DELETE /volumes/nfs"): reply(204)},
    )
    async with serving(hosts) as client:
        assert [row["Name"] for row in (await client("GET", "/volumes")).json["Volumes"]] == ["nfs"]
        assert (await client("POST", "/volumes/create", {"Name": "nfs"})).json["Name"] == "nfs"
        assert (await client("DELETE", "/volumes/nfs")).status == 204


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("data", 409, "data is on several hosts: say which one you mean: a/data, b/data"),
        ("c/new", 400, "there is no host called 'c'; the hosts are a, b"),
    ],
)
async def test_a_name_that_cannot_be(name: str, status: int, message: str) -> None:
    """It is refused, with the hosts, before any is asked."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        answer = await client("POST", "/volumes/create", {"Name": name})
        assert (answer.status, answer.message) == (status, message)
        assert hosts.requests() == []


async def test_a_refusal_is_the_host_s() -> None:
    """Status and text."""
    refusal = reply(404, {"message": 'plugin "x" not found'})
    async with serving(two_hosts(**{"POST /volumes/create": refusal})) as client:
        answer = await client("POST", "/volumes/create", {"Name": "new", "Driver": "x"})
        assert (answer.status, answer.message) == (404, 'plugin "x" not found')


@pytest.mark.parametrize(("labels", "hosts_used"), [({"com.docker.compose.project": "shop"}, 1), ({}, 2)])
async def test_what_belongs_together_is_placed_one_after_the_other(
    autojump_clock: object, labels: dict[str, str], hosts_used: int
) -> None:
    """The second of a project is placed when the first is there, and can follow it; others do not wait."""
    hosts = Scripted()
    running: list[str] = []
    most = 0

    async def slow(message: Message) -> Message:
        nonlocal most
        running.append(message.path[1])
        most = max(most, len(running))
        await trio.sleep(1)
        running.pop()
        return await create(message)

    hosts.answers["*", "POST /volumes/create"] = slow
    async with serving(hosts) as client, trio.open_nursery() as nursery:
        for name in ("one", "two"):
            nursery.start_soon(client, "POST", "/volumes/create", {"Name": name, "Labels": labels})
    assert most == hosts_used


# -- one owner --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("logs", "nodes/a/volumes/logs"),
        ("b/data", "nodes/b/volumes/data"),
        ("nobody", "nodes/a/volumes/nobody"),  # a host is left to refuse it in its own words
        ("b/nobody", "nodes/b/volumes/nobody"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT"])
async def test_an_operation_goes_to_the_owner(method: str, reference: str, path: str) -> None:
    """By the word that the client used, and untouched."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        await client(method, f"/volumes/{reference}?force=1")
        assert hosts.requests() == [f"{path} {method} ?force=1"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_ambiguous_name_is_refused(method: str) -> None:
    """Naming the hosts."""
    async with serving(two_hosts()) as client:
        answer = await client(method, "/volumes/data")
        assert (answer.status, answer.message) == (409, "data is on several hosts: a/data, b/data")


@pytest.mark.parametrize(("reference", "shown"), [("logs", "logs"), ("b/data", "b/data")])
async def test_an_inspection_has_the_host(reference: str, shown: str) -> None:
    """As `Node`; the name, by which clients ask again, is the one of the list."""
    name = shown.rpartition("/")[2]
    hosts = two_hosts(**{f"GET /volumes/{name}": {"Name": name, "Labels": None}})
    async with serving(hosts) as client:
        document = (await client("GET", f"/volumes/{reference}")).json
        assert document.pop("Node")["Name"] == ("b" if "/" in shown else "a")
        assert document == {"Name": shown, "Labels": None}


async def test_prune_names_what_went_as_the_list_does() -> None:
    """Sums, and names of both hosts told apart."""
    hosts = two_hosts()
    for host in ("a", "b"):
        hosts.answers[host, "POST /volumes/prune"] = {"VolumesDeleted": ["data"], "SpaceReclaimed": 5}
    async with serving(hosts) as client:
        answer = await client("POST", "/volumes/prune")
        assert answer.json == {"VolumesDeleted": ["a/data", "b/data"], "SpaceReclaimed": 10}
