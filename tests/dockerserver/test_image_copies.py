"""Images copied from host to host: where a container is wanted without its image, and where a name has moved on."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from swarmkit import Message, NotFound, Unavailable, Verb, ack
from swarmkit.streams import HookedStream, open_pipe, read_whole

from .scripted import Client, Scripted, container, image, node, reply, serving

MISSING = "No such image: app:1"


def apart(*, chosen: str = "b") -> tuple[Scripted, dict[str, bytes]]:
    """Return hosts of which `a` has an image, and the archives that hosts have loaded. Who has none creates nothing."""
    loaded: dict[str, bytes] = {}

    async def load(message: Message) -> Message:
        assert message.att is not None
        loaded[message.path[1]] = await read_whole(message.att)
        return reply(200, b'{"stream":"Loaded image: app:1\\n"}\r\n')

    async def create(message: Message) -> Message:
        host = message.get("on", chosen)
        if host not in loaded and host != "a":
            raise NotFound(MISSING, status=404, host=host)
        return ack({"id": "1", "warnings": [], "document": {"Id": "1", "Warnings": []}}, path=("nodes", host))

    scripted = {("a", "GET /images/get"): reply(200, b"archive"), ("*", "POST /images/load"): load} | {
        ("spawn", "POST /containers/create"): create
    }
    nodes, images = [node(host) for host in "abc"], [image("a", "1", "app:1")]
    return Scripted(nodes=nodes, images=images, answers=scripted, chosen=chosen), loaded


async def create(client: Client, name: str = "", image: str = "app:1") -> Any:
    """Create a container."""
    return await client("POST", f"/containers/create?name={name}", {"Image": image})


async def test_an_image_is_copied_to_where_it_is_wanted() -> None:
    """The archive goes from one host to the other, and the answer warns of it."""
    hosts, loaded = apart()
    async with serving(hosts) as client:
        answer = await create(client, "web")
        assert answer.status == 201
        assert answer.json["Warnings"] == ["the image app:1 has been copied from host a to b"]
        assert loaded == {"b": b"archive"}
        assert hosts.requests() == [
            "nodes/a GET /images/get?names=app%3A1",
            "nodes/b POST /images/load?quiet=1",
        ]


async def test_the_host_that_a_name_says_is_where_it_is_wanted() -> None:
    """No policy is asked then."""
    hosts, loaded = apart(chosen="b")
    hosts.answers[("spawn", "POST /containers/create")] = partial(
        _create_on, hosts.answers[("spawn", "POST /containers/create")], "c"
    )
    async with serving(hosts) as client:
        assert (await create(client, "c/web")).status == 201
        assert loaded == {"c": b"archive"}


async def _create_on(inner: Any, host: str, message: Message) -> Message:
    """Create on a host, as an aggregate does that reads it from the name."""
    return await inner(Message(message.verb, message.path, {**message.args, "on": host}))  # type: ignore[no-any-return]


@pytest.mark.parametrize("image", ["nosuch", "app@sha256:" + "1" * 64])
async def test_what_cannot_be_copied_is_missing(image: str) -> None:
    """Nobody has it, or it is named by its digest: the client then pulls."""
    hosts, _ = apart()
    async with serving(hosts) as client:
        answer = await create(client, image=image)
        assert (answer.status, answer.message) == (404, MISSING)
        assert hosts.requests() == []


async def test_what_is_missing_is_not_copied_to_a_host_that_has_it() -> None:
    """It has been removed just now, or the host's list is old."""
    hosts, _ = apart(chosen="c")
    hosts.images.append(image("c", "1", "app:1"))
    async with serving(hosts) as client:
        assert (await create(client)).message == MISSING
        assert hosts.requests() == []


@pytest.mark.parametrize(
    ("request_", "answer", "reason"),
    [
        (("a", "GET /images/get"), reply(500, {"message": "disk is broken"}), "disk is broken"),
        (("a", "GET /images/get"), Unavailable("cut"), "cut"),
        (("*", "POST /images/load"), reply(200, b'{"error":"no space"}\r\n'), "no space"),
        (("*", "POST /images/load"), reply(500, {"message": "no space"}), "no space"),
    ],
)
async def test_a_copy_that_fails_leaves_the_404_with_the_reason(
    request_: tuple[str, str], answer: Any, reason: str
) -> None:
    """The client may pull all the same."""
    hosts, _ = apart()
    hosts.answers[request_] = answer
    async with serving(hosts) as client:
        failed = await create(client)
        text = f"{MISSING}; it is on host a, and was not copied to host b: {reason}"
        assert (failed.status, failed.message) == (404, text)


async def test_two_that_want_the_same_copy_share_it() -> None:
    """It is asked for once, and goes on where only one of them goes away."""
    hosts, loaded = apart()
    sender, body = open_pipe()
    hosts.answers[("a", "GET /images/get")] = reply(200, body)
    async with serving(hosts) as client:
        answers = []

        async def ask() -> None:
            answers.append(await create(client))

        connection = client.dial()
        async with trio.open_nursery() as nursery:
            await connection.send_all(
                b"POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
                b'{"Image":"app:1"}'
            )
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            await connection.aclose()
            await trio.testing.wait_all_tasks_blocked()
            await sender.send_all(b"shared")
            sender.send_eof()
        assert [answer.status for answer in answers] == [201]
        assert loaded == {"b": b"shared"}
        assert len([each for each in hosts.requests() if "images/get" in each]) == 1


async def test_a_copy_that_nobody_waits_for_is_given_up() -> None:
    """The source stops sending; whoever asks again gets a copy of its own."""
    hosts, loaded = apart()
    closed = trio.Event()
    hosts.answers[("a", "GET /images/get")] = reply(200, HookedStream(open_pipe()[1], closed.set))
    async with serving(hosts) as client:
        connection = client.dial()
        await connection.send_all(
            b"POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
            b'{"Image":"app:1"}'
        )
        await trio.testing.wait_all_tasks_blocked()
        await connection.aclose()
        await closed.wait()
        hosts.answers[("a", "GET /images/get")] = reply(200, b"again")
        assert (await create(client)).status == 201
        assert loaded == {"b": b"again"}


@pytest.mark.parametrize("lost", ["a", "b"])
async def test_a_copy_between_hosts_of_which_one_is_lost_is_given_up(autojump_clock: object, lost: str) -> None:
    """Who waits for it is told which."""
    hosts, _ = apart()
    hosts.answers[("a", "GET /images/get")] = reply(200, open_pipe()[1])
    async with serving(hosts) as client, trio.open_nursery() as nursery:

        async def lose() -> None:
            await trio.sleep(60)
            hosts.nodes["ab".index(lost)] = node(lost, lost="frozen")

        nursery.start_soon(lose)
        answer = await create(client)
        assert (answer.status, answer.message.partition("copied ")[2]) == (404, "to host b: frozen")
        assert trio.current_time() > 60


# -- names that move --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/commit?container=web&repo=app&tag=1",
        "/images/new/tag?repo=app&tag=1",
        "/images/create?fromSrc=-&repo=app&tag=1",
    ],
)
async def test_a_name_moves_on_every_host_that_has_it(target: str) -> None:
    """As on one engine: else it would mean the new image here and the old one there. Others get nothing."""
    hosts, loaded = apart(chosen="a")
    hosts.containers = [container("a", "web")]
    hosts.images = [image("a", "new", "app:1"), image("b", "old", "app:1", Created=9), image("c", "x", "y:1")]
    hosts.answers |= {
        ("a", "POST /commit"): reply(201, {"Id": "new"}),
        ("a", "POST /images/new/tag"): reply(201),
        ("a", "POST /images/create"): reply(200, b'{"status":"new"}\r\n'),
    }
    for other in "bc":
        hosts.answers[(other, "POST /images/new/tag")] = reply(404, {"message": "No such image: new:latest"})
    async with serving(hosts) as client:
        assert (await client("POST", target, b"{}", headers=[("Content-Type", "application/json")])).status < 300
        await trio.testing.wait_all_tasks_blocked()
        assert loaded == {"b": b"archive"}


async def test_what_was_done_is_done_where_a_name_cannot_follow(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so."""
    hosts, _ = apart()
    hosts.containers = [container("a", "web")]
    hosts.images = [image("a", "new", "app:1"), image("b", "old", "app:1")]
    hosts.answers[("a", "POST /commit")] = reply(201, {"Id": "new"})
    hosts.answers[("*", "POST /images/load")] = reply(500, {"message": "no space"})
    async with serving(hosts) as client:
        assert (await client("POST", "/commit?container=web&repo=app&tag=1")).status == 201
        assert "app:1 on host b stays an older image: it was not copied: no space" in caplog.text
        assert hosts.last(Verb.CONNECT).path == ("nodes", "b")


async def test_a_name_given_on_every_host_is_looked_for_on_none() -> None:
    """Nothing is read, and so nothing waited for, where there is no other host."""
    hosts = Scripted(answers={(host, "POST /images/x/tag"): reply(201) for host in "ab"})
    async with serving(hosts) as client:
        assert (await client("POST", "/images/x/tag?repo=app")).status == 201
        assert [each for each in hosts.asked if each.path == ("images",)] == []
