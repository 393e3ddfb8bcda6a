"""Images over several hosts: one list, progress in one stream, uploads to all, removal wherever they are."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
import trio.testing

from backends.dockerserver.call import SMALL_BODY
from backends.dockerserver.image_arrivals import Pull
from backends.dockerserver.progress import MAX_LINE
from backends.dockerserver.vigil import PATIENCE
from swarmkit import Message, Unavailable, Verb
from swarmkit.http import Headers, RequestHead
from swarmkit.rows import Listing, Missing
from swarmkit.streams import HookedStream, open_pipe, read_whole

from .scripted import Client, Scripted, container, image, node, reply, serving


def lines(*documents: Any) -> bytes:
    """Return progress as an engine writes it."""
    return b"".join(json.dumps(document).encode() + b"\r\n" for document in documents)


def read_lines(data: bytes) -> list[Any]:
    """Read progress."""
    return [json.loads(line) for line in data.splitlines() if line]


def answering(request: str, **answers: Any) -> Scripted:
    """Return hosts that answer one request, each in its way; those that are not named are down."""
    nodes = [node(host, lost=None if host in answers else "no answer") for host in ("a", "b", "c")]
    return Scripted(nodes=nodes, answers={(host, request): answer for host, answer in answers.items()})


# -- the list ---------------------------------------------------------------------------------------------------------


async def test_an_image_on_several_hosts_is_one_row() -> None:
    """Tags are united, newest first, and no host is asked; one that does not answer is named, its images as known."""
    hosts = Scripted(images=[image("a", "1", "x:1"), image("b", "1", "x:2"), image("b", "2", Created=9, lost="gone")])
    hosts.missing = [Missing("c", "never answered")]
    async with serving(hosts, api="1.50") as client:
        answer = await client("GET", "/v1.43/images/json")
        assert [(row["Id"], row["RepoTags"]) for row in answer.json] == [("2", []), ("1", ["x:1", "x:2"])]
        assert answer.missing == "b: gone (as last known); c: never answered"
        assert hosts.requests() == []


async def test_what_a_list_does_not_hold_is_asked_for() -> None:
    """`all` goes to the hosts, and the images of those that do not tell are as last known."""
    hosts = Scripted(images=[image("a", "1"), image("b", "2")])
    hosts.listed_all = Listing((image("a", "1"), image("a", "3")), (Missing("b", "slow"),))
    async with serving(hosts) as client:
        answer = await client("GET", "/images/json?all=true&shared-size=0")
        assert [row["Id"] for row in answer.json] == ["1", "3", "2"]
        assert answer.missing == "b: slow"
        assert [each.args for each in hosts.asked if each.path == ("images",)] == [{}, {"all": True}]


async def test_the_filter_node_narrows_the_list_to_hosts() -> None:
    """An image has the names that it has on these, and other hosts are not missed."""
    hosts = Scripted(images=[image("a", "1", "x:1"), image("b", "1", "x:2"), image("a", "2", "y:1")])
    hosts.missing = [Missing("c", "never answered")]
    async with serving(hosts) as client:
        answer = await client("GET", '/images/json?filters={"node":["b*"]}')
        assert [(row["Id"], row["RepoTags"]) for row in answer.json] == [("1", ["x:2"])]
        assert answer.missing == ""


async def test_images_of_one_second_are_told_apart_by_asking() -> None:
    """A list has whole seconds; where one decides, the exact times are read."""
    hosts = Scripted(images=[image("a", "1", "x:1"), image("a", "2", "y:1"), image("b", "3", "z:1", Created=4)])
    for id, second in (("1", "05.2"), ("2", "05.1")):
        hosts.answers[("", f"GET /images/{id}/json")] = {"Id": id, "Created": f"1970-01-01T00:00:{second}Z"}
    async with serving(hosts) as client:
        answer = await client("GET", '/images/json?filters={"before":["x:1"]}')
        assert [row["Id"] for row in answer.json] == ["2", "3"]


async def test_a_filter_that_there_is_not_is_refused_as_by_an_engine() -> None:
    """A bad filter is no matter of hosts."""
    async with serving(Scripted()) as client:
        answer = await client("GET", '/images/json?filters={"x":["y"]}')
        assert (answer.status, answer.message) == (400, "Invalid filter 'x'")


# -- saving -----------------------------------------------------------------------------------------------------------


def archive(**files: Any) -> bytes:
    """Make an archive of images: files by name, with `manifest` for that document."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry = tarfile.TarInfo("manifest.json" if name == "manifest" else name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def holding(**images: list[str]) -> Scripted:
    """Return hosts with images by name, whose archives have a file for each of these."""
    answers: dict[tuple[str, str], Any] = {
        (host, f"GET /images/{name}/json"): {"Id": name} for host, names in images.items() for name in names
    }
    for host in images:
        answers[(host, "GET /images/get")] = _save
    return Scripted(nodes=[node(host) for host in images], answers=answers)


async def _save(message: Message) -> Message:
    names = parse_qs(urlsplit(message["target"]).query)["names"]
    manifest = [{"Config": name, "RepoTags": [name], "Layers": ["shared"]} for name in names]
    files = {name: b"of " + message.path[1].encode() for name in (*names, "shared")}
    return reply(200, archive(**files, manifest=manifest), headers={"Content-Type": "application/x-tar"})


def read_archive(data: bytes) -> dict[str, bytes]:
    """Read an archive."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry))}


async def test_several_images_are_saved_from_a_host_that_has_them_all() -> None:
    """The archive is that host's, untouched."""
    async with serving(holding(a=["x"], b=["x", "y:1"])) as client:
        answer = await client("GET", "/images/get?names=x&names=y%3A1")
        assert set(read_archive(answer.data).values()) > {b"of b"}


async def test_what_is_listed_is_not_asked_for_before_it_is_saved() -> None:
    """Only the saving itself is a request."""
    hosts = holding(a=[], b=[], c=[])
    hosts.images = [
        image("a", "1", "x:1"),
        image("b", "2", "y:1"),
        image("b", "1", "x:1"),
        image("c", "3", lost="gone"),
    ]
    async with serving(hosts) as client:
        answer = await client("GET", "/images/get?names=x%3A1&names=y%3A1")
        assert answer.status == 200
        assert hosts.requests() == ["nodes/b GET /images/get?names=x%3A1&names=y%3A1"]


async def test_images_of_different_hosts_are_saved_in_one_archive() -> None:
    """As few hosts as may be are asked, and what is in two of their archives is in the whole once."""
    hosts = holding(a=["x"], b=["x", "y:1"], c=["z"])
    async with serving(hosts) as client:
        answer = await client("GET", "/images/get?names=x&names=z&names=y%3A1&platform=linux")
        files = read_archive(answer.data)
        assert answer.headers.get("Content-Type") == "application/x-tar"
        assert [image["RepoTags"] for image in json.loads(files.pop("manifest.json"))] == [["x"], ["y:1"], ["z"]]
        assert files == {"x": b"of b", "y:1": b"of b", "shared": b"of b", "z": b"of c"}
        assert sorted(each for each in hosts.requests() if "/images/get" in each) == [
            "nodes/b GET /images/get?names=x&names=y%3A1&platform=linux",
            "nodes/c GET /images/get?names=z&platform=linux",
        ]


async def test_a_host_that_does_not_save_its_share_is_the_answer() -> None:
    """Before anything has been sent, and with the others' archives closed."""
    hosts, closed = holding(a=["x"], b=["y"]), trio.Event()

    async def begin(message: Message) -> Message:
        return reply(200, HookedStream(open_pipe()[1], closed.set))

    hosts.answers[("a", "GET /images/get")] = begin
    hosts.answers[("b", "GET /images/get")] = reply(500, {"message": "disk is full"})
    async with serving(hosts) as client:
        answer = await client("GET", "/images/get?names=x&names=y")
        assert (answer.status, answer.message) == (500, "disk is full")
        assert closed.is_set()


async def test_an_archive_that_breaks_off_breaks_the_whole() -> None:
    """What has been written so far is no archive."""
    hosts = holding(a=["x"], b=["y"])
    hosts.answers[("b", "GET /images/get")] = reply(200, archive(y=b"y" * 2000)[:1000])
    async with serving(hosts) as client:
        connection, answer = await client.open("GET", "/images/get?names=x&names=y")
        with pytest.raises(Unavailable):
            await read_whole(answer.body)
        await connection.aclose()


async def test_an_image_that_no_host_has_is_refused_as_by_an_engine() -> None:
    """Nothing is saved of the others."""
    async with serving(holding(a=["x"], b=["y"])) as client:
        answer = await client("GET", "/images/get?names=x&names=z")
        assert (answer.status, answer.message) == (404, "No such image: z")


async def test_a_host_that_may_have_the_image_is_named() -> None:
    """A 404 that is not sure says so."""
    hosts = holding(a=["x"])
    hosts.nodes.append(node("c", lost="gone"))
    async with serving(hosts) as client:
        answer = await client("GET", "/images/get?names=z")
        assert answer.message == "No such image: z; host c did not tell: gone"


@pytest.mark.parametrize("what", ["json", "history", "get"])
async def test_one_image_is_read_wherever_it_is(what: str) -> None:
    """The path goes on as it is; whoever is behind finds the first that has it."""
    hosts = Scripted(answers={("", f"GET /images/team/app:1/{what}"): reply(200, b"theirs")})
    async with serving(hosts) as client:
        assert (await client("GET", f"/images/team/app:1/{what}?x=1")).data == b"theirs"
        assert hosts.last(Verb.CONNECT).path == ("images", "team/app:1")


# -- pushing, committing, and a registry's matters --------------------------------------------------------------------


async def test_an_image_is_pushed_from_a_host_that_has_it() -> None:
    """From that which has the newest of its name, with the credentials, untouched."""
    hosts = Scripted(
        images=[image("a", "1", "r/x:1"), image("b", "2", "r/x:1", Created=9), image("c", "3", "r/x:1", lost="gone")],
        answers={("b", "POST /images/r/x/push"): reply(200, lines({"status": "Pushed"}))},
    )
    async with serving(hosts) as client:
        answer = await client("POST", "/images/r/x/push?tag=1", headers=[("X-Registry-Auth", "secret")])
        assert answer.data == lines({"status": "Pushed"})
        assert ["X-Registry-Auth", "secret"] in hosts.last(Verb.CONNECT)["headers"]


async def test_all_tags_are_pushed_from_all_hosts_that_have_some() -> None:
    """But not twice from two that have the same."""
    hosts = Scripted(
        nodes=[node(host) for host in "abc"],
        images=[image("a", "1", "x:1", "y:1"), image("b", "2", "x:2", "x:3"), image("c", "3", "x:3")],
        answers={("*", "POST /images/x/push"): lines({"status": "Pushed"})},
    )
    async with serving(hosts) as client:
        assert read_lines((await client("POST", "/images/x/push")).data) == [{"status": "Pushed"}]
        assert sorted(hosts.requests()) == [f"nodes/{host} POST /images/x/push" for host in "ab"]


async def test_what_no_host_has_is_refused_by_one() -> None:
    """In an engine's words."""
    error = lines({"error": "An image does not exist locally with the tag: x"})
    hosts = Scripted(answers={("a", "POST /images/x/push"): reply(200, error)})
    async with serving(hosts) as client:
        assert (await client("POST", "/images/x/push?tag=1")).data == error


@pytest.mark.parametrize("name", ["web", "b/web"])
async def test_a_container_is_committed_on_its_host(name: str) -> None:
    """By the name that it has there; all else goes along."""
    hosts = Scripted(
        containers=[container("b", "web")], answers={("b", "POST /commit"): reply(201, {"Id": "sha256:1"})}
    )
    async with serving(hosts) as client:
        answer = await client(
            "POST", f"/commit?repo=x&container={name}&changes=CMD%20a&changes=ENV%20b=1", {"Cmd": ["a"]}
        )
        assert (answer.status, answer.json) == (201, {"Id": "sha256:1"})
        assert hosts.requests() == ["nodes/b POST /commit?container=web&repo=x&changes=CMD+a&changes=ENV+b%3D1"]
        assert json.loads(hosts.bodies[-1]) == {"Cmd": ["a"]}


async def test_a_container_that_there_is_not_is_refused_by_an_engine() -> None:
    """It has the words for that."""
    hosts = Scripted(answers={("a", "POST /commit"): reply(404, {"message": "No such container: x"})})
    async with serving(hosts) as client:
        answer = await client("POST", "/commit?container=x")
        assert (answer.status, answer.message) == (404, "No such container: x")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/images/search"), ("POST", "/auth"), ("GET", "/distribution/x:1/json")]
)
async def test_a_registry_is_asked_by_the_first_host_that_answers(method: str, path: str) -> None:
    """One that cannot be reached is passed over; a refusal is the registry's."""
    hosts = Scripted(
        nodes=[node("a", lost="gone"), node("b"), node("c")],
        answers={
            ("b", f"{method} {path}"): Unavailable("cut"),
            ("c", f"{method} {path}"): reply(401, {"message": "no"}),
        },
    )
    async with serving(hosts) as client:
        answer = await client(method, f"{path}?term=x", {"username": "u"})
        assert (answer.status, answer.message) == (401, "no")
        assert json.loads(hosts.bodies[-1]) == {"username": "u"}


async def test_a_registry_is_asked_by_none_where_none_answers() -> None:
    """The last one's reason is told."""
    async with serving(Scripted(nodes=[node("a", lost="gone")])) as client:
        answer = await client("GET", "/images/search?term=x")
        assert (answer.status, answer.message) == (503, "gone")


# -- tags and removal -------------------------------------------------------------------------------------------------

GONE = {"message": "No such image: x:latest"}
NOWHERE = "a: No such image: x:latest; b: No such image: x:latest; c: no answer"
IN_USE = {"message": "image is in use"}


@pytest.mark.parametrize(
    ("answers", "status", "message", "missing"),
    [
        ({"a": reply(201), "b": reply(404, GONE)}, 201, "", "c: no answer"),
        ({"a": reply(404, GONE), "b": reply(404, GONE)}, 404, NOWHERE, ""),
        ({"a": reply(201), "b": reply(500, {"message": "full"})}, 500, "b: full; done on a", ""),
        ({}, 503, "no answer", ""),
    ],
)
async def test_a_tag_is_made_wherever_the_image_is(
    answers: dict[str, Message], status: int, message: str, missing: str
) -> None:
    """A host without the image does not count if another has it; one that failed, or is down, is named."""
    async with serving(answering("POST /images/x/tag", **answers)) as client:
        answer = await client("POST", "/images/x/tag?repo=y")
        assert (answer.status, answer.missing) == (status, missing)
        assert (answer.message if answer.data else "") == message


@pytest.mark.parametrize(
    ("answers", "status", "expected", "missing"),
    [
        (
            {"a": [{"Untagged": "x"}], "b": [{"Untagged": "x"}, {"Deleted": "1"}]},
            200,
            [{"Untagged": "x"}, {"Deleted": "1"}],
            "c: no answer",
        ),
        ({"a": [{"Untagged": "x"}], "b": reply(404, GONE)}, 200, [{"Untagged": "x"}], "c: no answer"),
        ({"a": reply(404, GONE), "b": reply(404, GONE)}, 404, {"message": NOWHERE}, ""),
        (
            {"a": [{"Untagged": "x"}], "b": reply(409, IN_USE)},
            409,
            {"message": "b: image is in use; done on a"},
            "",
        ),
        ({"a": reply(404, GONE), "b": reply(409, IN_USE)}, 409, IN_USE, ""),
    ],
)
async def test_an_image_is_removed_wherever_it_is(
    answers: dict[str, Any], status: int, expected: Any, missing: str
) -> None:
    """What happened is listed once; a refusal says where it was done all the same."""
    async with serving(answering("DELETE /images/x", **answers)) as client:
        answer = await client("DELETE", "/images/x?force=1")
        assert (answer.status, answer.json, answer.missing) == (status, expected, missing)


async def test_the_beginning_of_several_ids_removes_nothing() -> None:
    """It must not be one image here and another there."""
    one, two = f"sha256:{'ab' * 32}", f"sha256:{'ac' * 32}"
    hosts = Scripted(images=[image("a", one), image("b", two)], answers={("*", "DELETE /images/a"): []})
    async with serving(hosts) as client:
        answer = await client("DELETE", "/images/a")
        assert answer.status == 409
        assert answer.message == f"a begins the ids of several images: say which one you mean: {one} on a, {two} on b"
        assert hosts.requests() == []


# -- pulling ----------------------------------------------------------------------------------------------------------


async def test_a_pull_tells_the_progress_of_all() -> None:
    """Layers stand under their host, and what all say is said once."""
    progress = lines({"status": "Pulling"}, {"id": "l1", "status": "Waiting", "progressDetail": {}}, {"status": "Done"})
    hosts = answering("POST /images/create", a=reply(200, progress), b=reply(200, progress))
    async with serving(hosts) as client:
        answer = await client("POST", "/images/create?fromImage=x&tag=1", headers=[("X-Registry-Auth", "secret")])
        told = read_lines(answer.data)
        assert told[0] == {"status": "host c is left out: no answer"}
        assert answer.missing == "c: no answer"
        assert {each["id"] for each in told if "id" in each} == {"l1 on a", "l1 on b"}
        assert [each["status"] for each in told].count("Pulling") == 1
        assert [each["status"] for each in told].count("Done") == 1
        assert ["X-Registry-Auth", "secret"] in hosts.last(Verb.CONNECT)["headers"]


async def test_the_progress_of_one_host_is_as_it_is() -> None:
    """Where one host only answers nothing is changed."""
    progress = lines({"id": "l1", "progressDetail": {}, "future": [1]}, {"error": "x", "errorDetail": {"code": 5}})
    hosts = Scripted(nodes=[node("a")], answers={("a", "POST /images/create"): reply(200, progress)})
    async with serving(hosts) as client:
        assert (await client("POST", "/images/create?fromImage=x")).data == progress


async def test_an_error_in_progress_comes_last_with_its_host() -> None:
    """A 200 may end in an error, which is kept; the other host goes on to its end."""
    hosts = Scripted(
        answers={
            ("a", "POST /images/create"): reply(200, lines({"errorDetail": {"message": "no"}, "error": "no"})),
            ("b", "POST /images/create"): reply(200, lines({"status": "Done"})),
        }
    )
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/create?fromImage=x")).data)
        assert told == [{"status": "Done"}, {"errorDetail": {"message": "a: no"}, "error": "a: no"}]


@pytest.mark.parametrize(
    ("answers", "status", "message"),
    [
        ({"a": reply(404, GONE), "b": reply(404, GONE)}, 404, GONE["message"]),
        ({"a": reply(404, GONE), "b": reply(500, IN_USE)}, 404, "a: No such image: x:latest; b: image is in use"),
        ({}, 503, "no answer"),
    ],
)
async def test_a_pull_that_no_host_begins_is_an_error(answers: dict[str, Any], status: int, message: str) -> None:
    """There is no stream where there is nothing to tell."""
    async with serving(answering("POST /images/create", **answers)) as client:
        answer = await client("POST", "/images/create?fromImage=x")
        assert (answer.status, answer.message) == (status, message)


async def test_a_pull_that_one_host_refuses_ends_in_its_error() -> None:
    """The others' progress comes first."""
    hosts = answering("POST /images/create", a=reply(200, lines({"status": "Done"})), b=reply(404, GONE))
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/create?fromImage=x")).data)
        assert told[1:] == [
            {"status": "Done"},
            {"errorDetail": {"message": "b: No such image: x:latest"}, "error": "b: No such image: x:latest"},
        ]


async def test_a_pull_without_hosts_is_an_error() -> None:
    """An aggregate may be empty."""
    async with serving(Scripted(nodes=[])) as client:
        answer = await client("POST", "/images/create?fromImage=x")
        assert (answer.status, answer.message) == (503, "there are no hosts")


async def test_an_import_goes_to_one_host() -> None:
    """It would make a different image on each, as the time of its making is a part of it."""
    hosts = Scripted(answers={("b", "POST /images/create"): _echo})
    async with serving(hosts) as client:
        answer = await client("POST", "/images/create?fromSrc=-&repo=x", b"tar" * SMALL_BODY)
        assert answer.data == b"tar" * SMALL_BODY
        assert hosts.last(Verb.GET).args == {"spec": {}}


async def _echo(message: Message) -> Message:
    return reply(200, message.att)


async def test_a_pull_may_be_for_one_host() -> None:
    """It goes untouched to the host on which a container of the image would be put."""
    progress = lines({"id": "l1", "progressDetail": {}}, {"status": "Status: Done"})
    hosts = Scripted(answers={("b", "POST /images/create"): reply(200, progress)})
    async with serving(hosts, pull=Pull.ONE) as client:
        assert (await client("POST", "/images/create?fromImage=x&tag=1")).data == progress
        assert hosts.last(Verb.GET).args == {"spec": {"Image": "x"}}
        assert hosts.requests() == ["nodes/b POST /images/create?fromImage=x&tag=1"]


async def test_progress_flows_as_soon_as_a_host_sends() -> None:
    """A host that has not even answered holds up nobody's line."""
    sender, body = open_pipe()
    asked = trio.Event()

    async def hang(message: Message) -> Message:
        await asked.wait()
        return reply(200, lines({"status": "Late"}))

    hosts = Scripted(answers={("a", "POST /images/create"): reply(200, body), ("b", "POST /images/create"): hang})
    async with serving(hosts) as client:
        connection, answer = await client.open("POST", "/images/create?fromImage=x")
        await sender.send_all(lines({"status": "Early"}))
        assert read_lines(await answer.body.receive_some()) == [{"status": "Early"}]
        asked.set()
        sender.send_eof()
        assert read_lines(await read_whole(answer.body)) == [{"status": "Late"}]
        await connection.aclose()


async def test_a_host_that_is_lost_in_the_middle_is_given_up(autojump_clock: object) -> None:
    """It may be frozen, and thaw; but for ever it is not waited for, and the pull has failed there."""
    hosts = Scripted(
        answers={
            ("a", "POST /images/create"): reply(200, open_pipe()[1]),
            ("b", "POST /images/create"): reply(200, lines({"status": "Done"})),
        }
    )
    async with serving(hosts) as client:
        connection, answer = await client.open("POST", "/images/create?fromImage=x")
        await trio.sleep(60)
        hosts.nodes[0] = node("a", lost="no answer to a ping")
        began = trio.current_time()
        assert read_lines(await read_whole(answer.body)) == [
            {"status": "Done"},
            {"errorDetail": {"message": "a: no answer to a ping"}, "error": "a: no answer to a ping"},
        ]
        assert trio.current_time() - began == pytest.approx(PATIENCE, abs=2)
        await connection.aclose()


async def test_outcomes_that_differ_are_told_with_their_hosts() -> None:
    """One has the image already; where all end alike it is the engine's line."""
    up, new = {"status": "Status: Image is up to date"}, {"status": "Status: Downloaded newer image"}
    hosts = answering("POST /images/create", a=reply(200, lines(up)), b=reply(200, lines(new)))
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/create?fromImage=x")).data)
        assert [each["status"] for each in told[1:]] == [f"{up['status']} on a", f"{new['status']} on b"]
    hosts = answering("POST /images/create", a=reply(200, lines(up)), b=reply(200, lines(up)))
    async with serving(hosts) as client:
        assert read_lines((await client("POST", "/images/create?fromImage=x")).data)[1:] == [up]


async def test_what_ends_every_stream_alike_is_told_as_by_an_engine() -> None:
    """Its code is kept, too."""
    error = {"errorDetail": {"code": 5, "message": "no"}, "error": "no"}
    hosts = Scripted(answers={(host, "POST /images/create"): reply(200, lines(error)) for host in ("a", "b")})
    async with serving(hosts) as client:
        assert read_lines((await client("POST", "/images/create?fromImage=x")).data) == [error]


@pytest.mark.parametrize(
    "progress", [b"text\n5\n[1]\nnull\n", b"x" * (MAX_LINE + 2), lines({"status": "cut off"})[:-6]]
)
async def test_strange_progress_breaks_nothing(progress: bytes) -> None:
    """What is no line of progress is told as one, and one that has no end is an error of its host."""
    hosts = Scripted(
        answers={
            ("a", "POST /images/create"): reply(200, progress),
            ("b", "POST /images/create"): reply(200, lines({"status": "Done"})),
        }
    )
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/create?fromImage=x")).data)
        assert {"status": "Done"} in told
        assert len(told) >= 2
        assert (await client("GET", "/_ping")).data == b"OK"


async def test_a_host_that_dies_in_the_middle_is_named_at_the_end() -> None:
    """A stream that was cut is no success."""
    sender, body = open_pipe()
    await sender.send_all(lines({"status": "Begun"}))
    sender.cut(Unavailable("host a went away"))
    hosts = Scripted(
        answers={
            ("a", "POST /images/create"): reply(200, body),
            ("b", "POST /images/create"): reply(200, lines({"status": "Done"})),
        }
    )
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/create?fromImage=x")).data)
        assert told[-1]["error"] == "a: host a went away"


async def test_a_client_that_goes_away_ends_the_pull_on_every_host() -> None:
    """Upstream streams are closed, so that each engine stops."""
    closed = [trio.Event(), trio.Event()]
    senders = []
    hosts = Scripted()
    for host, event in zip("ab", closed, strict=True):
        sender, body = open_pipe()
        senders.append(sender)
        hosts.answers[(host, "POST /images/create")] = reply(200, HookedStream(body, event.set))
    async with serving(hosts) as client:
        connection, _ = await client.open("POST", "/images/create?fromImage=x")
        await connection.aclose()
        for event in closed:
            await event.wait()


async def test_a_client_that_goes_away_while_hosts_begin_ends_those_that_have_begun() -> None:
    """The reply that came first must not stay open for ever."""
    closed, asked = trio.Event(), trio.Event()
    _, body = open_pipe()

    async def hang(message: Message) -> Message:
        asked.set()
        await trio.sleep_forever()
        raise AssertionError

    hosts = Scripted(
        answers={
            ("a", "POST /images/create"): reply(200, HookedStream(body, closed.set)),
            ("b", "POST /images/create"): hang,
        }
    )
    async with serving(hosts) as client:
        stream = client.dial()
        await stream.send_all(RequestHead("POST", "/images/create?fromImage=x").to_bytes())
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
        await closed.wait()


# -- loading ----------------------------------------------------------------------------------------------------------


def chunked(data: bytes) -> bytes:
    """Return a request to load an archive whose length is not told."""
    head = RequestHead("POST", "/images/load?quiet=1", Headers((("Transfer-Encoding", "chunked"),))).to_bytes()
    return head + f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY, SMALL_BODY + 1, 10 * SMALL_BODY])
async def test_an_archive_goes_to_all_hosts_whole(size: int) -> None:
    """Every host gets every byte, whatever the length, and both tell what they loaded."""
    data = bytes(index % 251 for index in range(size))
    hosts = Scripted(answers={("*", "POST /images/load"): load})
    async with serving(hosts) as client:
        answer = await client("POST", "/images/load?quiet=1", data, headers=[("Content-Type", "application/x-tar")])
        assert read_lines(answer.data) == [{"stream": f"Loaded {hash(data)}"}]
        assert sorted(hosts.requests()) == [f"nodes/{host} POST /images/load?quiet=1" for host in ("a", "b")]
        assert hosts.last(Verb.CONNECT).get("length") == size


async def load(message: Message) -> Message:
    """Load an archive as an engine does: read it whole, then tell."""
    assert message.att is not None
    return reply(200, lines({"stream": f"Loaded {hash(await read_whole(message.att))}"}))


async def test_an_archive_of_unknown_length_goes_on_in_chunks() -> None:
    """What is not known of it is not invented."""
    hosts = Scripted(answers={("*", "POST /images/load"): load})
    async with serving(hosts) as client:
        stream = client.dial()
        await stream.send_all(chunked(b"x" * 100_000))
        data = await stream.receive_some()
        while not data.endswith(b"0\r\n\r\n"):
            data += await stream.receive_some()
        assert f"Loaded {hash(b'x' * 100_000)}".encode() in data
        assert hosts.last(Verb.CONNECT).get("length") is None
        await stream.aclose()


async def test_a_host_that_stops_reading_does_not_hold_up_the_others() -> None:
    """A host that refuses before it has read everything is named; the other has the whole archive."""

    async def refuse(message: Message) -> Message:
        assert message.att is not None
        await message.att.receive_some()
        await message.att.aclose()
        return reply(500, {"message": "disk is full"})

    hosts = Scripted(answers={("a", "POST /images/load"): load, ("b", "POST /images/load"): refuse})
    data = b"y" * 500_000
    async with serving(hosts) as client:
        told = read_lines((await client("POST", "/images/load", data)).data)
        assert told == [
            {"stream": f"Loaded {hash(data)}"},
            {"errorDetail": {"message": "b: disk is full"}, "error": "b: disk is full"},
        ]


async def test_all_hosts_may_refuse_an_upload_that_goes_on() -> None:
    """The answer comes although nobody reads the rest, and the front lives on."""

    async def refuse(message: Message) -> Message:
        assert message.att is not None
        await message.att.aclose()
        return reply(500, {"message": "disk is full"})

    hosts = Scripted(answers={("*", "POST /images/load"): refuse})
    async with serving(hosts) as client:
        connection, answer = await open_upload(client, length=1 << 40)
        assert answer == 500
        await connection.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await client("GET", "/_ping")).data == b"OK"


async def open_upload(client: Client, length: int) -> tuple[trio.abc.HalfCloseableStream, int]:
    """Begin an upload; return the connection and the status that is answered to it."""
    stream = client.dial()
    head = RequestHead("POST", "/images/load", Headers((("Content-Length", str(length)),)))
    await stream.send_all(head.to_bytes() + b"z" * 70_000)
    return stream, int((await stream.receive_some())[9:12])


async def test_an_upload_that_is_cut_is_cut_for_every_host() -> None:
    """Half an archive must not be loaded as a whole one: each host's is cut, or given up."""
    begun, over, whole = [trio.Event(), trio.Event()], [trio.Event(), trio.Event()], []

    async def take(message: Message) -> Message:
        assert message.att is not None
        number = 0 if "a" in message.path else 1
        try:
            await message.att.receive_some()
            begun[number].set()
            whole.append(await read_whole(message.att))
        finally:
            over[number].set()
        return reply(200, lines())

    async with serving(Scripted(answers={("*", "POST /images/load"): take})) as client:
        stream = client.dial()
        head = RequestHead("POST", "/images/load", Headers((("Content-Length", "100000"),)))
        await stream.send_all(head.to_bytes() + b"z" * 1000)
        for event in begun:
            await event.wait()
        await stream.aclose()
        for event in over:
            await event.wait()
        assert whole == []
        assert (await client("GET", "/_ping")).data == b"OK"
