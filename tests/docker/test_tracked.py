"""What a watch tells of images, networks and volumes: all of them, then what differs after an event."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from backends.docker.service import EngineService
from backends.docker.tracked import REST
from backends.docker.watch import LONGEST_RETRY, RETRY_SECONDS
from swarmkit import Listing, Message, Receiver, Row, Verb
from swarmkit.http import Request, Response

from .engine import MemoryEngine, answer, memory_engine, opened

Clock = trio.testing.MockClock
BUSYBOX = {"Id": "sha256:b", "RepoTags": ["busybox:latest"], "RepoDigests": ["busybox@sha256:d"], "Containers": -1}
NAMELESS = {"Id": "sha256:n", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"], "Containers": -1}
FRONT = {"Id": "f" * 64, "Name": "front", "Containers": {}}
DATA = {"Name": "data", "Driver": "local"}


async def watch(service: EngineService) -> Receiver:
    """Subscribe, and wait until all is said."""
    reply = await service(Message(Verb.WATCH))
    assert isinstance(reply.ret, Receiver)
    await trio.testing.wait_all_tasks_blocked()
    return reply.ret


async def told(channel: Receiver) -> list[tuple[str, str]]:
    """Return what has been said of the three collections: kind and path."""
    await trio.testing.wait_all_tasks_blocked()
    messages = list(iter(channel.receive_nowait, None))
    paths = [(message["kind"], message.path) for message in messages if message["kind"] != "event"]
    return [(kind, "/".join(path)) for kind, path in paths if path and path[0] not in ("nodes", "containers")]


def engine_with_all(engine: MemoryEngine) -> None:
    """Have one thing in each collection."""
    engine.images, engine.networks, engine.volumes = [dict(BUSYBOX)], [dict(FRONT)], [dict(DATA)]


async def test_each_collection_is_said_then_synced(autojump_clock: Clock) -> None:
    """Each thing is said as `have` at its canonical path, and then that its collection is in step."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        async with opened(engine) as service:
            said = await told(await watch(service))
    for collection, id in (("images", "sha256:b"), ("networks", "f" * 64), ("volumes", "data")):
        assert [each for each in said if each[1].startswith(collection)] == [
            ("have", f"{collection}/{id}"),
            ("synced", collection),
        ]


async def ls(service: EngineService, collection: str, **options: Any) -> Listing:
    """List a collection."""
    return Listing.of(await service(Message(Verb.LS, (collection,), options)))


async def test_rows_have_the_names_that_engines_know(autojump_clock: Clock) -> None:
    """An image has its tags and digests as names, or none; a network its name; a volume's name is its id."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        engine.images.append(dict(NAMELESS))
        async with opened(engine) as service:
            found = [row for collection in ("images", "networks", "volumes") for row in await ls(service, collection)]
    assert found == [
        Row("busybox:latest", ("images", "sha256:b"), "sha256:b", ("busybox:latest", "busybox@sha256:d"), BUSYBOX),
        Row("sha256:n", ("images", "sha256:n"), "sha256:n", (), NAMELESS),
        Row("front", ("networks", "f" * 64), "f" * 64, ("front",), FRONT),
        Row("data", ("volumes", "data"), "data", ("data",), DATA),
    ]


async def test_ls_passes_the_options_of_the_engines_list_on(autojump_clock: Clock) -> None:
    """LS of images with `all` or `shared-size` asks the engine for that, and with `ids` gives these rows only."""
    async with memory_engine() as engine:
        engine.images = [dict(BUSYBOX), dict(NAMELESS)]
        async with opened(engine) as service:
            await ls(service, "images", **{"all": True, "shared-size": True, "manifests": False, "other": True})
            assert engine.sent("GET", "/images/json") == ["/v1.41/images/json?all=1&shared-size=1"]
            assert [row.id for row in await ls(service, "images", ids=["sha256:n"])] == ["sha256:n"]


CHANGES = [
    ("image", "tag", "images"),
    ("image", "untag", "images"),
    ("image", "delete", "images"),
    ("image", "pull", "images"),
    ("image", "load", "images"),
    ("image", "import", "images"),
    ("image", "prune", "images"),
    ("container", "commit", "images"),
    ("network", "create", "networks"),
    ("network", "destroy", "networks"),
    ("network", "remove", "networks"),
    ("network", "update", "networks"),
    ("network", "prune", "networks"),
    ("volume", "create", "volumes"),
    ("volume", "destroy", "volumes"),
    ("volume", "prune", "volumes"),
]


LISTED = {
    "images": ["/v1.41/containers/json", "/v1.41/images/json"],
    "networks": ["/v1.41/networks"],
    "volumes": ["/v1.41/volumes"],
}


@pytest.mark.parametrize(("kind", "action", "collection"), CHANGES)
async def test_event_has_its_collection_listed(autojump_clock: Clock, kind: str, action: str, collection: str) -> None:
    """After an event what differs in its collection is told, whatever the event names, and nothing else is asked."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            engine.requests.clear()
            engine.images[0]["Size"], engine.networks[0]["Driver"], engine.volumes[0]["Driver"] = 1, "x", "x"
            engine.images.append(dict(NAMELESS))
            await engine.emit(action, "", 1, kind)
            said = await told(channel)
            assert {path.partition("/")[0] for _, path in said} == {collection}
            assert len(said) == (2 if collection == "images" else 1)
            assert {kind for kind, _ in said} == {"put"}
            assert sorted(target.partition("?")[0] for _, target in engine.requests) == LISTED[collection]


async def test_event_of_an_image_has_containers_compared(autojump_clock: Clock) -> None:
    """A container shows what its image is called: after an event of one those that differ are told, and no others."""
    async with memory_engine() as engine:
        web, db = engine.add("web"), engine.add("db")
        async with opened(engine) as service:
            channel = await watch(service)
            list(iter(channel.receive_nowait, None))
            engine.requests.clear()
            engine.containers[web]["Image"] = "sha256:b"
            engine.containers[db]["Status"] = "Up 2 minutes"  # which the time has changed
            await engine.emit("untag", "sha256:b", 1, "image")
            await trio.testing.wait_all_tasks_blocked()
            puts = [m.path[-1] for m in iter(channel.receive_nowait, None) if m["kind"] == "put"]
            assert [id for id in puts if id in (web, db)] == [web]


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("image", "save"),
        ("image", "push"),
        ("network", "connect"),
        ("network", "disconnect"),
        ("volume", "mount"),
        ("volume", "unmount"),
        ("plugin", "enable"),
        ("container", "prune"),
    ],
)
async def test_event_that_changes_no_row_asks_nothing(autojump_clock: Clock, kind: str, action: str) -> None:
    """After an event that leaves every list as it was nothing is listed."""
    async with memory_engine() as engine, opened(engine) as service:
        await told(await watch(service))
        engine.requests.clear()
        await engine.emit(action, "", 1, kind)
        await trio.testing.wait_all_tasks_blocked()
        assert engine.requests == []


async def test_what_is_no_more_is_gone(autojump_clock: Clock) -> None:
    """What a list has no more is told as gone, though the event said only that it was pruned."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            engine.volumes.clear()
            await engine.emit("prune", "", 1, "volume")
            assert await told(channel) == [("gone", "volumes/data")]


@pytest.mark.parametrize(("users", "lists"), [(-1, 0), (0, 1)])
async def test_images_that_count_their_users_follow_containers(autojump_clock: Clock, users: int, lists: int) -> None:
    """Where the rows of images say how many containers use them, a container that comes or goes changes them."""
    async with memory_engine() as engine:
        engine.images = [{**BUSYBOX, "Containers": users}]
        async with opened(engine) as service:
            await told(await watch(service))
            engine.requests.clear()
            await engine.emit("create", engine.add("web"), 1)
            await trio.testing.wait_all_tasks_blocked()
            assert len(engine.sent("GET", "/images/json")) == lists
            await engine.emit("start", engine.add("web"), 2)
            await trio.testing.wait_all_tasks_blocked()
            assert len(engine.sent("GET", "/images/json")) == lists


async def test_many_events_are_one_list_and_a_rest(autojump_clock: Clock) -> None:
    """Events that come while a list is under way, and in the rest after it, are served by one more."""
    seconds = 2.0
    async with memory_engine() as engine, opened(engine) as service:
        await watch(service)

        async def slow(request: Request) -> Response:
            await trio.sleep(seconds)
            return answer([])

        engine.handlers["GET", "/images/json"] = slow
        engine.requests.clear()
        for number in range(20):
            await engine.emit("tag", "x", number + 1, "image")
            await trio.sleep(seconds * (1 + REST) / 25)
        assert len(engine.sent("GET", "/images/json")) == 1
        await trio.sleep(2 * seconds)
        assert len(engine.sent("GET", "/images/json")) == 2


async def test_list_that_is_refused_holds_up_no_other(autojump_clock: Clock) -> None:
    """A collection that the engine refuses to list is not in step, and asked for again; the others are in step."""
    async with memory_engine() as engine:
        engine_with_all(engine)

        async def refuse(request: Request) -> Response:
            return answer({"message": "broken store"}, 500)

        engine.handlers["GET", "/images/json"] = refuse
        async with opened(engine) as service:
            channel = await watch(service)
            assert sorted(await told(channel)) == [
                *(("have", "networks/" + "f" * 64), ("have", "volumes/data")),
                *(("synced", "networks"), ("synced", "volumes")),
            ]
            await trio.sleep(10 * LONGEST_RETRY)
            assert len(engine.sent("GET", "/images/json")) < 20
            del engine.handlers["GET", "/images/json"]
            await trio.sleep(LONGEST_RETRY)
            assert await told(channel) == [("have", "images/sha256:b"), ("synced", "images")]
            assert len(engine.sent("GET", "/events")) == 1


async def test_list_that_fails_after_an_event_is_behind(autojump_clock: Clock) -> None:
    """A collection whose list fails when it has changed is told to be behind, with the reason, until it is compared."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)

            async def refuse(request: Request) -> Response:
                return answer({"message": "broken store"}, 500)

            engine.handlers["GET", "/images/json"] = refuse
            engine.images.clear()
            await engine.emit("delete", "sha256:b", 1, "image")
            await trio.testing.wait_all_tasks_blocked()
            (behind,) = [m for m in iter(channel.receive_nowait, None) if m["kind"] == "behind"]
            assert (behind.path, behind["reason"]) == (("images",), "broken store")
            del engine.handlers["GET", "/images/json"]
            await trio.sleep(2 * RETRY_SECONDS)
            assert await told(channel) == [("gone", "images/sha256:b"), ("synced", "images")]


async def test_lost_engine_is_compared_in_all(autojump_clock: Clock) -> None:
    """An engine that is back has its collections told to be behind before it is back, then compared, then in step."""
    async with memory_engine() as engine:
        engine_with_all(engine)
        async with opened(engine) as service:
            channel = await watch(service)
            await told(channel)
            engine.freeze()
            await trio.sleep(5)
            engine.volumes.clear()
            engine.thaw()
            await trio.sleep(20)
            kinds = [(m["kind"], "/".join(m.path)) for m in iter(channel.receive_nowait, None)]
            kinds = [each for each in kinds if not each[1].startswith("nodes")]
            assert kinds[:5] == [
                ("lost", ""),
                *(("behind", c) for c in ("images", "networks", "volumes")),
                ("back", ""),
            ]
            assert sorted(kinds[5:]) == [
                ("gone", "volumes/data"),
                *(("synced", collection) for collection in ("images", "networks", "volumes")),
            ]


@pytest.mark.parametrize("lists", [{"/volumes": []}, {"/images/json": [1]}, {"/networks": [{}]}])
async def test_list_that_makes_no_sense_is_refused_so(autojump_clock: Clock, lists: dict[str, object]) -> None:
    """What is no list of a collection leaves that one out of step, and no other."""
    async with memory_engine() as engine:
        for path, value in lists.items():

            async def odd(request: Request, value: object = value) -> Response:
                return answer(json.loads(json.dumps(value)))

            engine.handlers["GET", path] = odd
        async with opened(engine) as service:
            synced = [path for kind, path in await told(await watch(service)) if kind == "synced"]
    assert sorted(synced) == sorted({"images", "networks", "volumes"} - {path.split("/")[1] for path in lists})
