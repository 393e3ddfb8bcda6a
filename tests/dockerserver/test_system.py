"""Ping, version and info: what the whole is, whatever its hosts do."""

from __future__ import annotations

import trio
from attrs import evolve

from swarmkit import Message, Row

from .scripted import Scripted, container, node, reply, serving

INFO = {"ID": "X", "Containers": 2, "NCPU": 4, "ServerVersion": "20.10.24", "Warnings": None}


async def hang(message: Message) -> Message:
    """Never answer."""
    await trio.sleep_forever()
    raise AssertionError


async def test_ping_asks_no_host() -> None:
    """swarmd is there although no host may be."""
    hosts = Scripted(nodes=[node("a", lost="gone")])
    async with serving(hosts) as client:
        answer = await client("GET", "/_ping")
        assert (answer.status, answer.data) == (200, b"OK")
        assert answer.headers.get("Cache-Control") == "no-cache, no-store, must-revalidate"
        assert hosts.requests() == []


async def test_info_is_the_sum_and_names_what_is_missing(autojump_clock: object) -> None:
    """A host that is down, or that hangs, is in the table with its reason, and nobody waits for it."""
    hosts = Scripted(
        nodes=[node("a"), node("b"), node("c", lost="connection refused")],
        answers={("a", "GET /info"): INFO, ("b", "GET /info"): hang},
    )
    async with serving(hosts) as client:
        began = trio.current_time()
        info = (await client("GET", "/info")).json
        assert trio.current_time() - began < 2
        assert (info["Containers"], info["NCPU"]) == (2, 4)
        assert ["Hosts", "1 of 3 up"] in info["DriverStatus"]
        assert info["Warnings"] == [
            "WARNING: host b is down: no answer in 1.5 s",
            "WARNING: host c is down: connection refused",
        ]


async def test_info_says_which_hosts_are_drained() -> None:
    """As their nodes do."""
    nodes = [node("a", Availability="drain"), node("b", Availability="active")]
    async with serving(Scripted(nodes=nodes, answers={("*", "GET /info"): INFO})) as client:
        table = (await client("GET", "/info")).json["DriverStatus"]
        assert table[0] == ["Hosts", "2 of 2 up, 1 drained"]
        assert table[1:3] == [["a", ""], [" Availability", "drain"]]


async def test_info_and_version_work_where_all_hosts_are_down() -> None:
    """A client finds every field that it needs."""
    async with serving(Scripted(nodes=[node("a", lost="gone", ApiVersion="")])) as client:
        info, version = await client("GET", "/info"), await client("GET", "/version")
        assert (info.status, info.json["Containers"], info.json["OSType"]) == (200, 0, "linux")
        assert (version.status, version.json["ApiVersion"]) == (200, "1.41")
        assert {"Name": "host a", "Version": "down", "Details": {"Reason": "gone"}} in version.json["Components"]


async def test_version_offers_what_every_answer_does() -> None:
    """The document and the header name the same version, and the oldest that is served."""
    answers = {("*", "GET /version"): {"Version": "27.0", "ApiVersion": "1.46", "MinAPIVersion": "1.44"}}
    async with serving(Scripted(answers=answers), api="1.40") as client:
        answer = await client("GET", "/version")
        assert answer.json["ApiVersion"] == answer.headers.get("Api-Version") == "1.40"
        assert answer.json["MinAPIVersion"] == "1.24"
        assert answer.json["Version"] == "27.0"


async def test_the_id_of_the_whole_is_its_hosts() -> None:
    """The same hosts are the same whole after a restart; others are another."""
    ids = set()
    for names in ("ab", "ab", "ac"):
        hosts = Scripted(nodes=[node(name) for name in names], answers={("*", "GET /info"): INFO})
        async with serving(hosts) as client:
            ids.add((await client("GET", "/info")).json["ID"])
    assert len(ids) == 2


async def test_disk_usage_is_of_all_disks() -> None:
    """What was asked for goes to each host, and hosts that do not tell are named."""
    hosts = Scripted(
        nodes=[node("a"), node("b"), node("c", lost="gone")],
        answers={("*", "GET /system/df"): {"LayersSize": 4, "Images": [], "Containers": [], "Volumes": []}},
    )
    async with serving(hosts) as client:
        answer = await client("GET", "/v1.41/system/df?type=image&type=volume")
        assert (answer.json["LayersSize"], answer.json["Containers"]) == (8, None)
        assert answer.missing == "c: gone"
        query = "GET /system/df?type=image&type=volume"
        assert sorted(hosts.requests()) == [f"nodes/a {query}", f"nodes/b {query}"]


async def test_disk_usage_may_take_its_time(autojump_clock: object) -> None:
    """Measuring a disk takes minutes; no deadline ends it."""

    async def measure(message: Message) -> Message:
        await trio.sleep(300)
        return reply(200, {"LayersSize": 1})

    async with serving(Scripted(answers={("*", "GET /system/df"): measure})) as client:
        assert (await client("GET", "/system/df")).json == {"LayersSize": 2}


async def test_info_knows_what_the_mirror_knows() -> None:
    """Different images, and what is reserved of each host: nobody is asked for these."""
    detail = {"HostConfig": {"NanoCpus": 500_000_000, "Memory": 1 << 29}}
    images = [Row("x", ("images", "1"), "1", member=host) for host in "ab"]
    hosts = Scripted(
        images=images,
        containers=[evolve(container("a", name), detail=detail) for name in ("web", "db")],
        answers={("*", "GET /info"): {**INFO, "MemTotal": 1 << 32}},
    )
    async with serving(hosts) as client:
        info = (await client("GET", "/info")).json
        assert info["Images"] == 1
        assert [value for key, value in info["DriverStatus"] if key in (" CPUs", " Memory")] == [
            *("4 (1 reserved)", "4GiB (1GiB reserved)"),
            *("4", "4GiB"),
        ]


async def test_no_host_is_asked_to_prune_as_a_stream() -> None:
    """Since API 1.56 it could be; the sums of all hosts are known at the end."""
    hosts = Scripted(answers={("*", "POST /containers/prune"): {"ContainersDeleted": None, "SpaceReclaimed": 2}})
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/prune?stream=1&filters=%7B%7D")
        assert answer.json["SpaceReclaimed"] == 4
        assert {each.partition(" ")[2] for each in hosts.requests()} == {"POST /containers/prune?filters=%7B%7D"}
