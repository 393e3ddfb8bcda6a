"""Builds over several hosts: all requests of one go to one host, which its conditions, its images or the policy say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
import trio
import trio.testing
from attrs import define, evolve, field

from backends.dockerserver.build import BUILD_WITHIN, UPLOADED_WITHIN
from backends.dockerserver.build_output import BuildOutput
from backends.dockerserver.sessions import BuildHosts
from swarmkit import Message, NotFound, Row, Unavailable, Verb, ack
from swarmkit.engine.placement import make_policy
from swarmkit.message import Path
from swarmkit.placement import Candidate
from swarmkit.streams import BytesStream, PipeSender, open_pipe, read_whole

from .scripted import Client, Scripted, container, node, reply, serving

Clock = trio.testing.MockClock

A, B = ("nodes", "a"), ("nodes", "b")


@define(eq=False)
class Placing(Scripted):
    """Hosts that are chosen among as an aggregate does: `holding` are their images; `busy` ones come last."""

    nodes: list[Row] = field(factory=lambda: [node("a", ID="ID:A"), node("b", ID="ID:B")])
    holding: dict[str, tuple[str, ...]] = field(factory=dict)
    busy: list[str] = field(factory=lambda: ["a"])

    async def __call__(self, message: Message, /) -> Message:
        if (message.verb, message.path) != (Verb.GET, ("nodes",)):
            return await super(Placing, self).__call__(message)
        self.asked.append(message)
        return ack(path=("nodes", make_policy()(message["spec"], [self._candidate(row) for row in self.nodes])[0].name))

    def _candidate(self, row: Row) -> Candidate:
        rows = tuple(
            Row(name=tag, path=("images", tag), document={"RepoTags": [tag]}) for tag in self.holding.get(row.name, ())
        )
        return Candidate(
            name=row.name,
            hosts=(evolve(row, member=""),),
            containers=(container("", "web"),) if row.name in self.busy else (),
            lost={"": row.lost} if row.lost else {},
            images=rows,
        )

    def sent(self, target: str) -> list[Path]:
        """Return the hosts to which requests of a target went."""
        sent = (message for message in self.asked if message.verb is Verb.CONNECT)
        return [message.path for message in sent if message["target"].partition("?")[0] == target]


def building(*, output: bytes = b"done", **options: Any) -> Placing:
    """Return hosts that build, and cancel builds."""
    hosts = Placing(**options)

    async def build(message: Message) -> Message:
        hosts.bodies.append(await read_whole(message.att) if message.att is not None else message["body"])
        return reply(200, output)

    async def cancel(message: Message) -> Message:
        return reply(200)

    hosts.answers |= {("*", "POST /build"): build, ("*", "POST /build/cancel"): cancel}
    return hosts


def arguments(**values: str | None) -> str:
    """Return a query of build arguments, `:` written as `__`."""
    return "buildargs=" + quote(json.dumps({key.replace("__", ":"): value for key, value in values.items()}))


def on(host: str) -> str:
    """Return the query of a build that must be on a host."""
    return arguments(constraint__node=f"={host}")


@asynccontextmanager
async def held(
    client: Client, hosts: Placing, target: str, *, to: str = "*", id: str = ""
) -> AsyncIterator[PipeSender]:
    """Make a request whose answer goes on for the length of a block."""
    sender, body = open_pipe()
    hosts.answers[to, f"POST {target.partition('?')[0]}"] = reply(200, body)
    headers = [("X-Docker-Expose-Session-Uuid", id)] if id else []
    connection, answer = await client.open("POST", target, headers=headers)
    assert answer.head.status == 200
    try:
        yield sender
    finally:
        sender.send_eof()
        await read_whole(answer.body)
        await connection.aclose()


# -- the classic builder ----------------------------------------------------------------------------------------------


async def test_a_build_is_passed_on_untouched() -> None:
    """Query, headers, context and output are the client's and the engine's own."""
    hosts = building(output=b'{"stream":"Step 1/1"}\r\n')
    async with serving(hosts) as client:
        headers = [("X-Registry-Config", "secret"), ("Content-Type", "application/x-tar")]
        answer = await client(
            "POST", "/build?t=x&t=y&buildargs=%7B%22A%22%3A%221%22%7D&q", b"tar" * 50_000, headers=headers
        )
        assert (answer.status, answer.data) == (200, b'{"stream":"Step 1/1"}\r\n')
        assert hosts.bodies == [b"tar" * 50_000]
        sent = hosts.last(Verb.CONNECT)
        assert (sent.path, sent["target"]) == (B, "/build?t=x&t=y&buildargs=%7B%22A%22%3A%221%22%7D&q")
        assert ["X-Registry-Config", "secret"] in sent["headers"]


async def test_conditions_say_where_and_do_not_go_on() -> None:
    """The engine would warn of arguments that nothing uses."""
    hosts = building()
    async with serving(hosts) as client:
        assert (await client("POST", f"/build?t=x%20y&{arguments(constraint__node='=a', WORD='1')}")).status == 200
        sent = hosts.last(Verb.CONNECT)
        assert sent.path == A
        assert parse_qs(sent["target"].partition("?")[2]) == {"t": ["x y"], "buildargs": ['{"WORD": "1"}']}


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        (
            on("c"),
            503,
            "no host can take the build: a: does not meet constraint:node==c; b: does not meet constraint:node==c",
        ),
        (arguments(constraint__node=None), 400, "constraint:node= cannot be read: "),
    ],
)
async def test_conditions_that_none_meets(query: str, status: int, text: str) -> None:
    """Each host is named, and nothing is sent to any."""
    hosts = building()
    async with serving(hosts) as client:
        answer = await client("POST", f"/build?{query}")
        assert answer.status == status
        assert answer.message.startswith(text)
        assert hosts.requests() == []


async def test_without_hosts_there_are_no_builds() -> None:
    """An aggregate may be empty."""
    async with serving(building(nodes=[])) as client:
        assert (await client("POST", "/build")).status == 503


async def test_the_next_build_is_rather_where_the_last_was() -> None:
    """What it builds upon is there; a condition, or that host's death, takes it elsewhere."""
    hosts = building()
    async with serving(hosts) as client:
        for query in (on("a"), "", on("b"), "", on("a"), "t=new"):
            await client("POST", f"/build?{query}")
        assert hosts.sent("/build") == [A, A, B, B, A, A]
        hosts.nodes[0] = node("a", lost="gone", ID="ID:A")
        await client("POST", "/build")
        assert hosts.sent("/build")[-1] == B


async def test_an_image_is_built_anew_where_it_is() -> None:
    """Else an old one of the same name would be left behind on another host."""
    hosts = building(holding={"a": ("old:1",), "b": ("app:latest",)})
    async with serving(hosts) as client:
        for query in (on("b"), "t=old%3A1", "t=app", "cachefrom=%5B%22old%3A1%22%5D"):
            await client("POST", f"/build?{query}")
        assert hosts.sent("/build") == [B, A, B, A]


async def test_a_build_in_the_network_of_a_container_is_beside_it() -> None:
    """The name goes on as its host has it."""
    hosts = building(containers=[container("a", "web")])
    async with serving(hosts) as client:
        await client("POST", "/build?networkmode=container%3Aa%2Fweb&t=x")
        sent = hosts.last(Verb.CONNECT)
        assert (sent.path, sent["target"]) == (A, "/build?networkmode=container%3Aweb&t=x")
        answer = await client("POST", f"/build?networkmode=container%3Aweb&{on('b')}")
        assert (answer.status, answer.message) == (
            409,
            "the build must be on host a, where its session or the container of its network is, "
            "and constraint:node==b does not allow that",
        )


async def test_a_build_beside_what_is_on_a_drained_host_is_refused() -> None:
    """It would be something new there, as a container would."""
    hosts = building(containers=[container("a", "web")])
    hosts.nodes[0] = node("a", ID="ID:A", Availability="drain")
    async with serving(hosts) as client:
        answer = await client("POST", "/build?networkmode=container%3Aweb")
        assert answer.status == 409
        assert answer.message.startswith("the build must be on host a, where the container of its network is")
        assert "drained" in answer.message
        assert hosts.sent("/build") == []


async def test_a_build_in_the_network_of_no_container_is_the_engines_to_refuse() -> None:
    """It says so in its output."""
    hosts = building()
    async with serving(hosts) as client:
        await client("POST", "/build?networkmode=container%3Anosuch")
        sent = hosts.last(Verb.CONNECT)
        assert (sent.path, sent["target"]) == (B, "/build?networkmode=container%3Anosuch")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("output", "settled"),
    [
        (b'{"stream":"Successfully built"}\r\n', 1),
        (b"", 1),
        (b'{"stream":"says \\"errorDetail\\":"}\r\n', 1),
        (b'{"stream":"x"}\r\n{"errorDetail":{"code":7},"error":"no"}\r\n', 0),
        (b'{"errorDetail":{"code":7},"error":"no"}\r\n' + b" " * 100, 0),
    ],
)
async def test_what_was_built_is_settled_before_the_output_ends(size: int, output: bytes, settled: int) -> None:
    """Once, and only where it says nothing of a failure."""
    times = 0

    async def settle() -> None:
        nonlocal times
        times += 1

    stream = BuildOutput(BytesStream(output), settle)
    data = b""
    while some := await stream.receive_some(size):
        assert times == 0
        data += some
    assert await stream.receive_some() == b""
    assert (data, times) == (output, settled)
    await stream.aclose()


# -- BuildKit ---------------------------------------------------------------------------------------------------------


async def test_a_session_waits_for_its_build(autojump_clock: Clock) -> None:
    """It comes first as often as not, and only the build says where."""
    hosts = building()
    async with serving(hosts) as client, trio.open_nursery() as nursery:

        async def talk() -> None:
            async with held(client, hosts, "/session", id="s1"):
                pass

        nursery.start_soon(talk)
        await trio.sleep(BUILD_WITHIN / 2)
        assert hosts.sent("/session") == []
        async with held(client, hosts, f"/build?version=2&session=s1&{on('a')}"):
            await trio.testing.wait_all_tasks_blocked()
            assert (hosts.sent("/session"), hosts.sent("/build")) == ([A], [A])


async def test_a_build_goes_where_its_session_is(autojump_clock: Clock) -> None:
    """A session whose build takes its time is placed without it; another session says nothing."""
    hosts = building()
    async with serving(hosts) as client, held(client, hosts, "/session", id="s1"):
        assert hosts.sent("/session") == [B]
        hosts.busy = ["b"]
        assert (await client("POST", "/build?version=2&session=s1&t=x")).status == 200
        assert (await client("POST", f"/build?version=2&session=other&{on('a')}")).status == 200
        assert hosts.sent("/build") == [B, A]


async def test_conditions_that_the_sessions_host_does_not_meet(autojump_clock: Clock) -> None:
    """All of one build are on one host, or it is refused."""
    hosts = building()
    async with serving(hosts) as client, held(client, hosts, "/session", id="s1"):
        answer = await client("POST", f"/build?version=2&session=s1&{on('a')}")
        assert answer.status == 409
        assert answer.message.startswith("the build must be on host b, where its session")
        assert hosts.sent("/build") == []


async def test_an_engine_without_buildkit_gets_none_of_it(autojump_clock: Clock) -> None:
    """It builds with the classic builder; where no other may have a build, it says what it lacks."""
    hosts = building(nodes=[node("a", ID="ID:A"), node("b", ID="ID:B", ApiVersion="1.38")])
    async with serving(hosts) as client:
        for query in ("", "version=1", "version=2"):
            await client("POST", f"/build?{query}")
        async with held(client, hosts, "/grpc"):
            pass
        assert (hosts.sent("/build"), hosts.sent("/grpc")) == ([B, B, A], [A])
        answer = await client("POST", f"/build?version=2&{on('b')}")
        assert (answer.status, answer.message) == (
            503,
            "no host can take the build: a: does not meet constraint:node==b; "
            "b: BuildKit needs API 1.39, and it has 1.38",
        )


async def test_conversations_without_a_build_go_to_one_host(autojump_clock: Clock) -> None:
    """Buildx says of none of them to which of its builds it belongs; once all have ended, the next chooses anew."""
    hosts = building()
    async with serving(hosts) as client:
        async with held(client, hosts, "/grpc"):
            hosts.busy = ["b"]
            async with held(client, hosts, "/session", id="s1"), held(client, hosts, "/grpc"):
                pass
        hosts.nodes[1] = node("b", lost="gone")
        async with held(client, hosts, "/session"):
            pass
        assert (hosts.sent("/grpc"), hosts.sent("/session")) == ([B, B], [B, A])


async def test_an_upload_follows_its_build(autojump_clock: Clock) -> None:
    """The context that came as input is a request of its own, which may come first."""
    hosts, brought = building(), trio.Event()

    async def build(message: Message) -> Message:
        if "upload-request" in message["target"]:
            brought.set()
        await brought.wait()
        return reply(200)

    hosts.answers["a", "POST /build"] = build
    async with serving(hosts) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client, "POST", "/build?version=2&buildid=upload-request%3Ab1", b"tar")
        await trio.sleep(UPLOADED_WITHIN / 2)
        assert hosts.requests() == []
        answer = await client("POST", f"/build?version=2&session=s1&buildid=b1&remote=upload-request&{on('a')}")
        assert (answer.status, hosts.sent("/build")) == (200, [A, A])


async def test_cancelling_reaches_the_builds_host(autojump_clock: Clock) -> None:
    """Of a build that is not known every host is told, and one that is down is named."""
    hosts = building(nodes=[*Placing().nodes, node("c", lost="gone")])
    async with serving(hosts) as client:
        async with held(client, hosts, f"/build?version=2&buildid=b1&{on('a')}"):
            assert (await client("POST", "/build/cancel?id=b1")).status == 200
            assert hosts.sent("/build/cancel") == [A]
        answer = await client("POST", "/build/cancel?id=b1")
        assert (answer.status, answer.data, answer.missing) == (200, b"", "c: gone")
        assert sorted(hosts.sent("/build/cancel")[1:]) == [A, B]


async def test_a_build_that_could_not_begin_is_forgotten() -> None:
    """The next request with its ids chooses anew."""
    hosts = building()
    hosts.answers["b", "POST /build"] = Unavailable("host b is down")
    async with serving(hosts) as client:
        assert (await client("POST", "/build?session=s1")).status == 503
        assert (await client("POST", f"/build?session=s1&{on('a')}")).status == 200
        assert hosts.sent("/build") == [B, A]


async def test_the_cache_is_pruned_on_every_host() -> None:
    """What was deleted is listed, the space summed, and who is missing named."""
    hosts = building(nodes=[*Placing().nodes, node("c", lost="gone")])
    for host, space in (("a", 1), ("b", 2)):
        hosts.answers[host, "POST /build/prune"] = {"CachesDeleted": [host], "SpaceReclaimed": space}
    async with serving(hosts) as client:
        answer = await client("POST", "/build/prune?all=1")
        assert answer.json["CachesDeleted"] == ["a", "b"]
        assert answer.json["SpaceReclaimed"] == 3
        assert answer.missing == "c: gone"


async def test_an_id_is_known_while_any_request_has_it() -> None:
    """It is forgotten with the last of them, and the other ids of that one with it."""
    builds = BuildHosts()

    async def choose() -> Path:
        return A

    session = await builds.take(["s1"], choose)
    build = await builds.take(["s1", "b1"], choose)
    session.give_back()
    assert [builds.find(id) for id in ("s1", "b1")] == [A, A]
    build.give_back()
    assert [builds.find(id) for id in ("s1", "b1")] == [None, None]


async def test_one_at_a_time_chooses() -> None:
    """Two requests of one build, at the same moment, choose one host."""
    builds, chosen = BuildHosts(), iter((A, B))

    async def choose() -> Path:
        await trio.testing.wait_all_tasks_blocked()
        return next(chosen)

    found: list[Path] = []

    async def take() -> None:
        found.append((await builds.take(["s1"], choose)).host)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        nursery.start_soon(take)
    assert found == [A, A]


# -- which builder ----------------------------------------------------------------------------------------------------


def preferring(*versions: str | None) -> Scripted:
    """Return hosts that prefer builders; None is a host that does not say."""
    hosts = Scripted(nodes=[node(f"h{number}") for number in range(len(versions))])
    for number, version in enumerate(versions):
        headers = {"Builder-Version": version} if version else {}
        hosts.answers[f"h{number}", "GET /_ping"] = reply(200, b"OK", headers=headers)
    return hosts


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["2", "2"], "2"),
        (["1", "2"], "1"),
        (["2", None], "1"),
        (["1"], "1"),
        ([None, None], None),
        ([], None),
    ],
)
async def test_the_builder_that_all_hosts_prefer(versions: Iterable[str | None], expected: str | None) -> None:
    """BuildKit is told of where all prefer it; nothing where no host says anything."""
    async with serving(preferring(*versions)) as client:
        for method in ("GET", "HEAD"):
            headers = dict((await client(method, "/_ping")).headers)
            assert headers.get("Builder-Version") == expected


async def test_the_builder_of_a_host_alone() -> None:
    """It is the one that this host prefers."""
    hosts = Scripted(nodes=[node("box", member="")])
    hosts.answers["", "GET /_ping"] = reply(200, b"OK", headers={"Builder-Version": "2"})
    async with serving(hosts) as client:
        assert (await client("HEAD", "/_ping")).headers.get("Builder-Version") == "2"


async def test_the_builder_does_not_flap() -> None:
    """What was told once is told for ever, and no host asked; where none has answered they are asked again."""
    hosts = preferring("2", "2")
    ping, hosts.answers = hosts.answers, {("*", "GET /_ping"): NotFound("not yet")}
    async with serving(hosts) as client:
        assert (await client("GET", "/_ping")).headers.get("Builder-Version") == ""
        hosts.answers = ping
        assert (await client("GET", "/_ping")).headers.get("Builder-Version") == "2"
        hosts.answers = {("*", "GET /_ping"): reply(200, headers={"Builder-Version": "1"})}
        asked = len(hosts.requests())
        assert (await client("GET", "/_ping")).headers.get("Builder-Version") == "2"
        assert len(hosts.requests()) == asked
