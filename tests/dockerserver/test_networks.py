"""Networks over several hosts: the list, creation, what goes to the owner, and what is joined."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest
import trio
from attrs import evolve

from swarmkit import Message, Unavailable, Verb
from swarmkit.rows import Missing, Row

from .scripted import Scripted, container, id_of, network, node, reply, serving


def created() -> Message:
    """Return what a host answers that has created a network."""
    return reply(201, {"Id": "5" * 64, "Warning": ""})


def predefined(host: str) -> list[Row]:
    """Make the rows of a network that every host has."""
    return [network(host, "bridge"), network(host, "none", Driver="null")]


def two_hosts(**answers: Any) -> Scripted:
    """Return hosts that both have a network net, and of which a has one and b two of their own."""
    rows = [*predefined("a"), network("a", "net"), network("a", "front", Labels={"x": "y"})]
    rows += [*predefined("b"), network("b", "net"), network("b", "back")]
    return Scripted(
        networks=rows,
        containers=[container("a", "one"), container("b", "two")],
        answers={("*", request): each for request, each in answers.items()},
    )


def made(message: Message) -> dict[str, Any]:
    """Return what a host was told to create."""
    document: dict[str, Any] = json.loads(message["body"])
    return document


# -- the list ---------------------------------------------------------------------------------------------------------


async def test_the_list_is_of_all_hosts() -> None:
    """A name of both is shown with its host, and of what every host has one by its name alone."""
    async with serving(two_hosts()) as client:
        rows = (await client("GET", "/networks")).json
        assert [row["Name"] for row in rows] == [
            *("bridge", "none", "a/net", "front"),
            *("b/bridge", "b/none", "b/net", "back"),
        ]
        assert rows[3]["Labels"] == {"x": "y", "swarmd.host": "a"}
        assert rows[3]["Id"] == id_of("afront")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"name": ["net"], "node": ["b"]}, ["b/net"]),
        ({"label": ["x"]}, ["front"]),
        ({"type": ["custom"], "dangling": ["true"]}, ["a/net", "b/net", "back"]),
    ],
)
async def test_filters_see_the_whole(filters: dict[str, list[str]], expected: list[str]) -> None:
    """Names are those of the whole list, whatever a filter leaves of it; what is in use, containers tell."""
    hosts = two_hosts()
    on = {"Networks": {"front": {"NetworkID": id_of("afront")}}}
    hosts.containers.append(container("a", "web", NetworkSettings=on))
    async with serving(hosts) as client:
        rows = (await client("GET", f"/networks?filters={quote(json.dumps(filters))}")).json
        assert [row["Name"] for row in rows] == expected


async def test_hosts_never_seen_are_named() -> None:
    """The list is not whole: the header says what is missing."""
    hosts = two_hosts()
    hosts.missing.append(Missing("c", "refused"))
    async with serving(hosts) as client:
        assert (await client("GET", "/networks")).missing == "c: refused"


async def test_a_bad_filter_is_refused() -> None:
    """In the engine's words."""
    async with serving(two_hosts()) as client:
        answer = await client("GET", '/networks?filters={"foo":["x"]}')
        assert (answer.status, answer.message) == (400, "Invalid filter 'foo'")


# -- creation ---------------------------------------------------------------------------------------------------------


async def test_a_network_is_created_where_the_policy_says() -> None:
    """The policy reads the body; the answer warns of the host that was chosen."""
    hosts = two_hosts(**{"POST /networks/create": created()})
    async with serving(hosts) as client:
        body = {"Name": "new", "Labels": {"com.docker.compose.project": "shop"}, "CheckDuplicate": True}
        answer = await client("POST", "/v1.40/networks/create", body)
        assert (answer.status, answer.json) == (
            201,
            {"Id": "5" * 64, "Warning": "network new was created on host b"},
        )
        assert hosts.last(Verb.GET)["spec"] == body
        sent = hosts.last(Verb.CONNECT)
        assert (sent.path, sent["version"], made(sent)) == (("nodes", "b"), "1.40", body)


async def test_a_qualified_name_says_where() -> None:
    """The host is told the bare name, and its answer is its own."""
    hosts = two_hosts(**{"POST /networks/create": created()})
    async with serving(hosts) as client:
        answer = await client("POST", "/networks/create", {"Name": "a/back"})
        assert answer.json["Warning"] == ""
        assert hosts.last(Verb.CONNECT).path == ("nodes", "a")
        assert made(hosts.last(Verb.CONNECT)) == {"Name": "back"}


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("front", 409, "network with name front already exists on host a"),
        ("c/new", 400, "there is no host called 'c'; the hosts are a, b"),
    ],
)
async def test_a_name_that_cannot_be(name: str, status: int, message: str) -> None:
    """It is refused, with the hosts, before any is asked."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        answer = await client("POST", "/networks/create", {"Name": name})
        assert (answer.status, answer.message) == (status, message)
        assert hosts.requests() == []


async def test_what_every_host_has_is_refused_by_one() -> None:
    """In the engine's own words."""
    refusal = reply(403, {"message": "operation is not permitted on predefined bridge network "})
    async with serving(two_hosts(**{"POST /networks/create": refusal})) as client:
        answer = await client("POST", "/networks/create", {"Name": "bridge"})
        assert (answer.status, answer.message) == (403, "operation is not permitted on predefined bridge network ")


async def test_where_no_host_can_take_it_each_says_why() -> None:
    """The policy's refusal is about the network."""

    class Refusing(Scripted):
        async def __call__(self, message: Message, /) -> Message:
            if message.verb is Verb.GET:
                raise Unavailable("no host can take the container: a: down", refusals={"a": "down", "b": "full"})
            return await super().__call__(message)

    async with serving(Refusing()) as client:
        answer = await client("POST", "/networks/create", {"Name": "new"})
        assert (answer.status, answer.message) == (503, "no host can take the network: a: down; b: full")


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", "got EOF while reading request body"), ([5], "an object is expected in the body, not [5]")],
)
async def test_a_body_that_is_none(body: Any, message: str) -> None:
    """It is refused before any host is asked."""
    async with serving(two_hosts()) as client:
        answer = await client("POST", "/networks/create", body)
        assert (answer.status, answer.message) == (400, message)


async def test_of_many_at_once_one_gets_a_name(autojump_clock: object) -> None:
    """The others find it in use, however long its host takes."""
    hosts = two_hosts()

    async def create(message: Message) -> Message:
        await trio.sleep(1)
        hosts.networks.append(network("b", made(message)["Name"]))
        return created()

    hosts.answers["*", "POST /networks/create"] = create
    statuses: Counter[int] = Counter()
    async with serving(hosts) as client, trio.open_nursery() as nursery:

        async def one() -> None:
            statuses[(await client("POST", "/networks/create", {"Name": "new"})).status] += 1

        for _ in range(5):
            nursery.start_soon(one)
    assert statuses == {201: 1, 409: 4}


# -- one owner --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("front", "nodes/a/networks/front"),
        ("b/net", "nodes/b/networks/net"),
        ("b%2Fnet", "nodes/b/networks/net"),
        (id_of("bback"), f"nodes/b/networks/{id_of('bback')}"),
        ("bridge", "nodes/a/networks/bridge"),
        ("b/bridge", "nodes/b/networks/bridge"),
        ("nobody", "nodes/a/networks/nobody"),  # a host is left to refuse it in its own words
    ],
)
async def test_an_operation_goes_to_the_owner(reference: str, path: str) -> None:
    """By the word that the client used, and untouched."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        await client("DELETE", f"/networks/{reference}?x=1")
        assert hosts.requests() == [f"{path} DELETE ?x=1"]


async def test_what_every_host_has_is_read_from_one_that_answers() -> None:
    """A host that is down is passed over."""
    hosts = two_hosts(**{"GET /networks/bridge": {"Name": "bridge"}})
    hosts.networks = [evolve(row, lost="gone" if row.member == "a" else None) for row in hosts.networks]
    async with serving(hosts) as client:
        assert (await client("GET", "/networks/bridge")).json["Node"]["Name"] == "b"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_ambiguous_name_is_refused(method: str) -> None:
    """With the status that it has on an engine, naming the hosts."""
    async with serving(two_hosts()) as client:
        answer = await client(method, "/networks/net")
        assert (answer.status, answer.message) == (400, "net is on several hosts: a/net, b/net")


async def test_an_inspection_has_the_host() -> None:
    """As `Node`, beside what the owner says, labels included, which clients compare."""
    hosts = two_hosts(**{"GET /networks/front": {"Name": "front", "Labels": {"x": "y"}, "Containers": {"1": {}}}})
    hosts.nodes = [node("a", Address="unix:///a.sock", NCPU=2), node("b")]
    async with serving(hosts) as client:
        document = (await client("GET", "/networks/front?verbose=1")).json
        shown = document.pop("Node")
        assert document == {"Name": "front", "Labels": {"x": "y"}, "Containers": {"1": {}}}
        assert (shown["Name"], shown["Addr"], shown["Cpus"]) == ("a", "unix:///a.sock", 2)
        assert hosts.requests() == ["nodes/a/networks/front GET ?verbose=1"]


# -- joining ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["connect", "disconnect"])
@pytest.mark.parametrize(
    ("name", "word", "path"),
    [
        ("front", "one", "nodes/a/networks/front"),
        ("net", "one", "nodes/a/networks/net"),
        ("net", "two", "nodes/b/networks/net"),
        ("b/net", "b/two", "nodes/b/networks/net"),
        ("bridge", "two", "nodes/b/networks/bridge"),
        ("nobody", "two", "nodes/b/networks/nobody"),
        ("net", id_of("btwo"), "nodes/b/networks/net"),
        ("front", "nobody", "nodes/a/networks/front"),
    ],
)
async def test_a_bare_name_means_the_network_of_the_container_s_host(
    what: str, name: str, word: str, path: str
) -> None:
    """That host is told its own words; what is nowhere it refuses itself."""
    hosts = two_hosts(**{f"POST /networks/{path.rpartition('/')[2]}/{what}": reply(200, b"")})
    async with serving(hosts) as client:
        settings = {"Aliases": ["x"], "Links": [f"{path.split('/')[1]}/db:store"]} if "/" in word else {}
        body = {"Container": word, "EndpointConfig": settings, "Force": True}
        assert (await client("POST", f"/networks/{name}/{what}", body)).status == 200
        assert hosts.requests() == [f"{path} POST /{what}"]
        expected = {"Aliases": ["x"], "Links": ["db:store"]} if "/" in word else {}
        bare = word.removeprefix("b/")
        assert json.loads(hosts.bodies[-1]) == {"Container": bare, "EndpointConfig": expected, "Force": True}


async def test_a_container_does_not_join_a_network_of_another_host() -> None:
    """The refusal names both hosts, and none is asked."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        answer = await client("POST", "/networks/front/connect", {"Container": "two"})
        assert (answer.status, answer.message) == (
            409,
            "container two is on host b and network front on host a: a container joins networks of its own host",
        )
        assert hosts.requests() == []


# -- pruning ----------------------------------------------------------------------------------------------------------


async def test_prune_names_what_went_as_the_list_does() -> None:
    """Of every host that answers; one that is down is named."""
    hosts = two_hosts()
    hosts.nodes.append(node("c", lost="no answer"))
    hosts.answers["a", "POST /networks/prune"] = {"NetworksDeleted": ["net", "front"]}
    hosts.answers["b", "POST /networks/prune"] = {"NetworksDeleted": None}
    async with serving(hosts) as client:
        answer = await client("POST", "/networks/prune?filters=%7B%7D")
        assert answer.json == {
            "NetworksDeleted": ["a/net", "front"],
            "Warnings": ["not pruned on host c: no answer"],
        }
        assert answer.missing == "c: no answer"


async def test_one_host_alone_is_asked_for_everything() -> None:
    """Untouched, names with a slash among them."""
    hosts = Scripted(nodes=[node("box", member="")], answers={("*", "GET /networks/a/net"): {"Name": "a/net"}})
    async with serving(hosts) as client:
        assert (await client("GET", "/networks/a/net")).json == {"Name": "a/net"}
        for target in ("/networks", "/networks/prune", "/networks/create", "/networks/x/connect"):
            await client("POST" if target != "/networks" else "GET", target)
        assert len(hosts.requests()) == 5
