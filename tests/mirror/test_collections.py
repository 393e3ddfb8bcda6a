"""Images, networks and volumes in the mirror: what their names mean, what is held, and what is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import evolve

from swarmkit import Listing, Message, Row, Unavailable, Verb
from swarmkit.errors import Conflict, NotFound
from swarmkit.mirror import Mirror

from ..aggregate.scripted import ScriptedHost, full_id, row, thing
from .mirrors import WEB, heard, hold, mirror_of, waiting, watch

Clock = trio.testing.MockClock
DIGEST = "sha256:" + "d" * 64
BUSYBOX = thing("images", "busybox:latest", "sha256:" + "ab" * 32, "busybox:latest", "me/app:1", f"busybox@{DIGEST}")
NAMELESS = evolve(thing("images", "x", "sha256:" + "ac" * 32), names=())
FRONT = thing("networks", "front", "f" * 64)
DATA = thing("volumes", "data", "data")
DATABASE = thing("volumes", "database", "database")


def holding(**options: Any) -> ScriptedHost:
    """Make a host that has a few things of each collection."""
    host = ScriptedHost(**options)
    for each in (BUSYBOX, NAMELESS, FRONT, DATA, DATABASE):
        host.others.setdefault(each.path[0], {})[each.id] = each
    return host


async def ls(mirror: Mirror, collection: str, **args: Any) -> list[str]:
    """List, and return the names."""
    return [each.name for each in Listing.of(await mirror(Message(Verb.LS, (collection,), args)))]


async def attach(mirror: Mirror, collection: str, reference: str) -> Row:
    """Find one thing."""
    return Row.from_plain((await mirror(Message(Verb.ATTACH, (collection, reference)))).args)


FOUND = [
    *((reference, BUSYBOX) for reference in ("busybox", "busybox:latest", "library/busybox", "docker.io/me/app:1")),
    *((reference, BUSYBOX) for reference in (f"busybox@{DIGEST}", f"busybox:other@{DIGEST}")),
    *((reference, BUSYBOX) for reference in (BUSYBOX.id, "ab" * 32, "ab" * 6, "sha256:ab")),
    *((reference, NAMELESS) for reference in (NAMELESS.id, "ac")),
    *((reference, FRONT) for reference in ("front", "f" * 64, "f" * 12)),
    ("data", DATA),
]


@pytest.mark.parametrize(("reference", "found"), FOUND, ids=lambda value: value if isinstance(value, str) else "")
async def test_reference_is_found_without_asking(autojump_clock: Clock, reference: str, found: Row) -> None:
    """Tag, default tag, digest, id, its beginning and a name lead to what they mean, and nobody is asked."""
    host = holding()
    async with mirror_of(host) as mirror:
        assert await attach(mirror, found.path[0], reference) == found
        assert host.calls == []


@pytest.mark.parametrize(("collection", "reference"), [("networks", "back"), ("volumes", "dat"), ("volumes", "datab")])
async def test_what_is_not_there_is_not_found(autojump_clock: Clock, collection: str, reference: str) -> None:
    """A name that nothing has is NotFound without asking; what begins a volume's name is none."""
    host = holding()
    async with mirror_of(host) as mirror:
        with pytest.raises(NotFound, match=f"No such {collection[:-1]}: {reference}"):
            await attach(mirror, collection, reference)
        assert host.calls == []


async def test_image_that_is_not_listed_is_asked_for(autojump_clock: Clock) -> None:
    """The list has not every image: one that is not in it is asked for, unless the host is lost."""
    host = holding()
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.ATTACH, ("images", "step")))
        assert [message.path for message in host.calls] == [("images", "step")]
        host.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NotFound, match="No such image: step"):
            await attach(mirror, "images", "step")
        assert len(host.calls) == 1


async def test_ambiguity_on_one_host_is_a_conflict(autojump_clock: Clock) -> None:
    """What begins the ids of two images, and the name of two networks, is a Conflict."""
    host = holding()
    host.others["networks"]["e" * 64] = thing("networks", "front", "e" * 64)
    async with mirror_of(host) as mirror:
        for collection, reference in (("images", "a"), ("networks", "front")):
            with pytest.raises(Conflict, match=f"{reference} is ambiguous on host"):
                await attach(mirror, collection, reference)


async def test_list_is_answered_without_asking(autojump_clock: Clock) -> None:
    """LS of each collection, whole or narrowed to ids, asks nobody once it is in step."""
    host = holding()
    async with mirror_of(host) as mirror:
        assert await ls(mirror, "images") == ["busybox:latest", "x"]
        assert await ls(mirror, "networks") == ["front"]
        assert await ls(mirror, "volumes", ids=["data", "none"]) == ["data"]
        assert host.calls == []


@pytest.mark.parametrize("option", ["all", "size", "shared-size", "manifests"])
async def test_what_the_list_does_not_tell_is_asked_for(autojump_clock: Clock, option: str) -> None:
    """LS with an option goes to the host; with one that is off it does not."""
    host = holding()
    async with mirror_of(host) as mirror:
        await ls(mirror, "images", **{option: False})
        assert host.calls == []
        await ls(mirror, "images", **{option: True})
        assert [message.get(option) for message in host.sent(Verb.LS)] == [True]


async def test_collection_that_is_not_watched_is_asked_for(autojump_clock: Clock) -> None:
    """LS and ATTACH of what the watch has not said go to the host, and to nobody else once it has."""
    host = ScriptedHost()
    async with mirror_of(host) as mirror:
        for message in (Message(Verb.LS, ("networks",)), Message(Verb.ATTACH, ("networks", "front"))):
            await mirror(message)
        assert [message.path for message in host.calls] == [("networks",), ("networks", "front")]
        host.tell("have", FRONT.path, row=FRONT.to_plain(), stamp=1)
        host.tell("synced", ("networks",))
        await trio.testing.wait_all_tasks_blocked()
        assert await ls(mirror, "networks") == ["front"]
        assert len(host.calls) == 2


async def test_collection_that_is_behind_is_asked_for(autojump_clock: Clock) -> None:
    """What falls behind is the host's to answer until it has caught up; watchers are told of both, once."""
    host = holding()
    async with mirror_of(host) as mirror:
        channel = await watch(mirror)
        waiting(channel)
        for _ in range(2):
            host.tell("behind", ("images",), reason="broken store")
        await trio.testing.wait_all_tasks_blocked()
        await ls(mirror, "images")
        assert await ls(mirror, "volumes") == ["data", "database"]
        assert [message.path for message in host.calls] == [("images",)]
        for _ in range(2):
            host.tell("synced", ("images",))
        await trio.testing.wait_all_tasks_blocked()
        await ls(mirror, "images")
        assert len(host.calls) == 1
        assert heard(channel) == [("behind", ("images",)), ("synced", ("images",))]


async def test_lost_host_lists_what_it_last_had(autojump_clock: Clock) -> None:
    """Rows of a lost host are as last known, with the reason, even of what had fallen behind before."""
    host = holding()
    async with mirror_of(host) as mirror:
        host.tell("behind", ("images",), reason="being compared")
        host.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        for collection in ("images", "networks", "volumes"):
            listing = Listing.of(await mirror(Message(Verb.LS, (collection,))))
            assert {each.lost for each in listing} == {"frozen"}
        assert host.calls == []


async def test_new_watch_puts_each_collection_in_step_anew(autojump_clock: Clock) -> None:
    """After a watch that broke, each collection is compared with the new one, and in step only when that says so."""
    host = holding()
    async with mirror_of(host) as mirror:
        released = hold(host, Verb.WATCH)
        host.cut(Unavailable("reset"))
        del host.others["volumes"]["data"], host.others["images"]
        released.set()
        await trio.sleep(5)
        assert await ls(mirror, "volumes") == ["database"]
        assert (mirror.holds("volumes"), mirror.holds("images")) == (True, False)


async def test_watch_says_every_collection(autojump_clock: Clock) -> None:
    """Who subscribes is told all rows, `synced` of the host, and of each collection that is in step."""
    host = holding()
    host.tell("behind", ("images",), reason="x")
    async with mirror_of(host) as mirror:
        said = heard(await watch(mirror))
        assert {path for kind, path in said if kind == "have"} == {
            each.path for each in (BUSYBOX, NAMELESS, FRONT, DATA, DATABASE)
        }
        synced = [path for kind, path in said if kind == "synced"]
        assert (synced[0], sorted(synced[1:])) == ((), [("images",), ("networks",), ("volumes",)])
        assert heard(await watch(mirror, documents=False)) == [("put", ("nodes", "host")), ("synced", ())]


WRITES = [
    (Message(Verb.CONNECT, ("volumes", "data"), {"method": "DELETE"}), {"volumes"}),
    (Message(Verb.CONNECT, (), {"method": "POST", "target": "/volumes/create"}), {"volumes"}),
    (Message(Verb.CONNECT, ("nodes", "host"), {"method": "POST", "target": "/volumes/prune?x=1"}), {"volumes"}),
    (Message(Verb.CONNECT, ("networks", "front"), {"method": "DELETE"}), {"networks", "containers"}),
    (Message(Verb.CONNECT, ("images", "busybox"), {"method": "POST", "target": "/tag"}), {"images", "containers"}),
    (Message(Verb.SPAWN, ("containers",), {"name": "db"}), {"containers", "volumes"}),
    (Message(Verb.START, WEB), {"containers", "volumes"}),
    (
        Message(Verb.CONNECT, (), {"method": "POST", "target": f"/containers/{WEB[1]}/stop"}),
        {"containers", "volumes"},
    ),
    (
        Message(Verb.CONNECT, (), {"method": "POST", "target": "/commit?container=web"}),
        {"containers", "images", "networks", "volumes"},
    ),
    (Message(Verb.CONNECT, ("exec", "12"), {"method": "POST", "target": "/start"}), set()),
    (Message(Verb.CONNECT, (), {"method": "POST", "target": "/exec/12/start"}), set()),
    (Message(Verb.CONNECT, (), {"method": "GET", "target": "/volumes"}), set()),
]


def _words(value: object) -> str:
    """Return a test's name for a value: the same in each process, which the order of a set is not."""
    return " ".join(sorted(value)) if isinstance(value, set) else str(value)


@pytest.mark.parametrize(("message", "changed"), WRITES, ids=_words)
async def test_write_is_read_where_it_may_show(autojump_clock: Clock, message: Message, changed: set[str]) -> None:
    """After a write the collections that it may have changed are fetched before they are read, and no others."""
    host = holding(quiet=True)
    host.add(row("web"))
    async with mirror_of(host) as mirror:
        await mirror(message)
        host.calls.clear()
        for collection in ("containers", "images", "networks", "volumes"):
            await ls(mirror, collection)
        assert {sent.path[0] for sent in host.sent(Verb.LS)} == changed


@pytest.mark.parametrize(("users", "lists"), [(-1, 0), (0, 1)])
async def test_images_that_count_their_users_are_read(autojump_clock: Clock, users: int, lists: int) -> None:
    """A write to a container is one to the images, where their rows say how many containers use them."""
    host = holding(quiet=True)
    host.add(evolve(BUSYBOX, document={**BUSYBOX.document, "Containers": users}), row("web"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.START, WEB))
        await ls(mirror, "images")
        assert len(host.sent(Verb.LS)) == lists


async def test_write_to_one_container_fetches_that_one(autojump_clock: Clock) -> None:
    """A request on the root that names a container is a write to it, not to all."""
    host = holding(quiet=True)
    host.add(row("web"), row("db"))
    async with mirror_of(host) as mirror:
        await mirror(Message(Verb.CONNECT, (), {"method": "POST", "target": "/containers/web/start"}))
        await ls(mirror, "containers")
        assert [sent.get("ids") for sent in host.sent(Verb.LS)] == [[full_id("web")]]


async def test_fetched_list_is_compared(autojump_clock: Clock) -> None:
    """A fetch of a list takes what is new or differs, and lets go of what is no more; watchers are told just that."""
    host = holding(quiet=True)
    async with mirror_of(host) as mirror:
        channel = await watch(mirror)
        waiting(channel)
        await mirror(Message(Verb.CONNECT, ("volumes", "data"), {"method": "DELETE"}))
        host.remove(DATA)
        host.add(thing("volumes", "more", "more"))
        assert await ls(mirror, "volumes") == ["database", "more"]
        assert heard(channel) == [("gone", DATA.path), ("put", ("volumes", "more"))]


async def test_fetch_of_one_collection_waits_for_no_other(autojump_clock: Clock) -> None:
    """While the list of images takes its time, volumes are read."""
    host = holding(quiet=True)
    async with mirror_of(host) as mirror, trio.open_nursery() as nursery:

        async def before(message: Message) -> None:
            if message.path == ("images",):
                await trio.sleep(0.5)

        await mirror(Message(Verb.CONNECT, (), {"method": "POST", "target": "/build"}))
        host.before = before
        nursery.start_soon(ls, mirror, "images")
        await trio.testing.wait_all_tasks_blocked()
        assert await ls(mirror, "volumes") == ["data", "database"]
        assert trio.current_time() == 0


def beneath(host: str, row: Row) -> Row:
    """Make the row of a host beneath an aggregate."""
    return evolve(row, member=host, path=("nodes", host, *row.path))


async def test_hosts_beneath_may_have_the_same(autojump_clock: Clock) -> None:
    """An image and a volume that two hosts beneath have are two rows: any for the image, a Conflict for the volume."""
    host = ScriptedHost(others={"images": {}, "volumes": {}, "networks": {}})
    async with mirror_of(host) as mirror:
        host.add(*(beneath(member, each) for member in ("a", "b") for each in (BUSYBOX, DATA)))
        host.tell("lost", member="a", reason="frozen", seen=True)
        await trio.testing.wait_all_tasks_blocked()
        assert await ls(mirror, "images") == ["busybox:latest"] * 2
        for reference in ("busybox", BUSYBOX.id, "ab"):
            assert (await attach(mirror, "images", reference)).member == "b"
        with pytest.raises(Conflict, match="a/data, b/data"):
            await attach(mirror, "volumes", "data")
        assert (await attach(mirror, "volumes", "a/data")).lost == "frozen"
        host.tell("gone", ("nodes", "b", "images", BUSYBOX.id), stamp=99)
        await trio.testing.wait_all_tasks_blocked()
        assert (await attach(mirror, "images", "busybox")).member == "a"
