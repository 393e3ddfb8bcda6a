"""What rules a host out."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from swarmkit.engine.placement import make_policy
from swarmkit.errors import Unavailable
from swarmkit.placement import Candidate
from swarmkit.rows import Row

from .placing import GIB, NOTHING, asking, container, host, named, order, pending, wanting

A = host(
    "a",
    container("web", labels={"tier": "front"}),
    container("old", "exited", labels={"tier": "back"}),
    ID="ABCD:1234",
    Driver="overlay2",
    KernelVersion="6.1.0-9",
    OperatingSystem="Debian GNU/Linux 12",
    OSType="linux",
    Architecture="x86_64",
    ServerVersion="20.10.24",
    Labels={"disk": "ssd", "com.example/zone": "", "ostype": "mine"},
)
B = host("b", container("db", labels={"tier": "back"}), ID="B", OSType="linux", Labels={"disk": "hdd"})


def test_a_drained_host_takes_nothing() -> None:
    """It is ruled out whatever is asked for, by its own name, too, and before anything else that speaks against it."""
    drained = host("a", container("web"), Availability="drain", lost={"": "no answer"})
    assert order(NOTHING, drained, host("b", Availability="active")) == ["b"]
    for spec in (NOTHING, wanting("constraint:node==a"), asking(NetworkMode="container:web")):
        with pytest.raises(Unavailable, match="a: is drained, and takes nothing new"):
            order(spec, drained)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("node==a", "a"),
        ("node==A", ""),
        ("node!=a", "b"),
        ("node==*", "ab"),
        ("node==/^[bc]$/", "b"),
        ("node==ABCD:*", "a"),
        ("disk==ssd", "a"),
        ("disk!=ssd", "b"),
        ("disk==/s/", "a"),
        ("com.example/zone!=x", "ab"),
        ("nothing==*", ""),
        ("nothing!=*", "ab"),
        ("storagedriver==overlay2", "a"),
        ("kernelversion==6.1*", "a"),
        ("operatingsystem==/(?i)debian/", "a"),
        ("ostype==linux", "ab"),
        ("architecture==x86_64", "a"),
        ("serverversion==/^20/", "a"),
    ],
)
def test_constraints(expression: str, expected: str) -> None:
    """A host's name, id, engine and labels are looked at; what a host has not, equals nothing. Labels go last."""
    assert _left(f"constraint:{expression}", A, B) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("container==web", "a"),
        ("container==old", "a"),
        ("container!=web", "b"),
        ("container==w*", "a"),
        (f"container=={A.containers[0].id}", "a"),
        (f"container=={A.containers[0].id[:12]}", "a"),
        ("container==nobody", ""),
        ("container!=nobody", "ab"),
        ("tier==back", "ab"),
        ("tier==front", "a"),
        ("tier!=front", "b"),
        ("tier==/^f/", "a"),
        ("other==*", ""),
        ("image==redis", "ab"),
        ("image!=redis", "ab"),
    ],
)
def test_affinities(expression: str, expected: str) -> None:
    """Containers' names, ids and labels are looked at, stopped ones' too; images not known rule nothing out."""
    assert _left(f"affinity:{expression}", A, B) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("redis", "a"),
        ("redis:7", "a"),
        ("redis:6", ""),
        ("sha256:abc", "a"),
        ("abc", "a"),
        ("r*7", "a"),
        ("reg:5000/redis", "a"),
    ],
)
def test_affinity_to_an_image(expression: str, expected: str) -> None:
    """An image is known by its id, its tags, and these without the tag."""
    images = named("sha256:abc", tags=["redis:7", "reg:5000/redis:7"])
    assert _left(f"affinity:image=={expression}", evolve(A, images=images), evolve(B, images=())) == expected


def _left(expression: str, *candidates: Candidate) -> str:
    try:
        return "".join(sorted(order(wanting(expression), *candidates)))
    except Unavailable:
        return ""


def test_what_is_being_created_attracts() -> None:
    """A container counts from the moment that it is asked for, by its name and labels."""
    coming = host("c", pending=pending("web", Labels={"tier": "front"}))
    assert order(wanting("affinity:container==web"), B, coming) == ["c"]
    assert order(wanting("affinity:tier==front"), B, coming) == ["c"]


def test_expressions_in_labels_count_alike() -> None:
    """A spec whose expressions are in labels is placed as one that has them in its environment."""
    assert order({"Labels": {"com.docker.swarm.constraints": '["node==b"]'}}, A, B) == ["b"]
    assert order({"Labels": {"com.docker.swarm.affinities": '["container==web"]'}}, A, B) == ["a"]


@pytest.mark.parametrize(
    "host_config",
    [
        {"NetworkMode": "container:web"},
        {"PidMode": "container:web"},
        {"IpcMode": "container:web"},
        {"VolumesFrom": ["web:ro"]},
        {"Links": ["web:alias"]},
        {"Links": ["/a/web"]},
        {"Links": [A.containers[0].id[:5]]},
    ],
)
def test_what_is_referred_to_is_there(host_config: dict[str, Any]) -> None:
    """A container whose network, processes, memory, volumes or name are shared must be on the host."""
    assert order(asking(**host_config), B, A) == ["a"]
    with pytest.raises(Unavailable, match=r"b: has no container .*, which is referred to"):
        order(asking(**host_config), B)


@pytest.mark.parametrize(
    "spec",
    [
        asking(Binds=["data:/data"]),
        asking(Mounts=[{"Type": "volume", "Source": "data", "Target": "/data"}]),
    ],
)
def test_a_volume_that_a_host_has(spec: dict[str, Any]) -> None:
    """A container goes to its volume; one that no host has may be made on any, and one that all share is on all."""
    a, b = host("a", "one", volumes=named("data")), host("b", volumes=())
    assert order(spec, a, b) == ["a"]
    assert order(spec, evolve(a, volumes=()), b) == ["b", "a"]
    assert order(spec, evolve(a, volumes=named("data", scope="global")), b) == ["b", "a"]
    assert order(spec, a, evolve(b, volumes=None)) == ["b", "a"]
    with pytest.raises(Unavailable, match="a: frozen; b: has no volume data, which another host has"):
        order(spec, evolve(a, lost={"": "frozen"}), b)


@pytest.mark.parametrize("bind", ["/data:/data", "./data:/data", "~/data:/data", "data"])
def test_a_path_is_no_volume(bind: str) -> None:
    """A folder of the host, or a volume without a name, binds to no host."""
    a, b = host("a", "one", volumes=named("data", "/data", ".", "~")), host("b", volumes=())
    assert order(asking(Binds=[bind]), a, b) == ["b", "a"]


@pytest.mark.parametrize(
    "spec", [asking(NetworkMode="front"), {"NetworkingConfig": {"EndpointsConfig": {"front": None}}}]
)
def test_a_network_that_a_host_has(spec: dict[str, Any]) -> None:
    """A container goes to its network; those that every engine has, and those that all hosts share, bind to none."""
    a, b = host("a", "one", networks=named("front", "bridge")), host("b", networks=named("bridge"))
    assert order(spec, a, b) == ["a"]
    assert order(spec, evolve(a, networks=named("front", scope="swarm")), b) == ["b", "a"]
    assert order(asking(NetworkMode="bridge"), a, evolve(b, networks=())) == ["b", "a"]


@pytest.mark.parametrize(("label", "limit"), [("2", 2), ("3", 3), ("many", 3), ("-1", 3)])
def test_a_host_that_has_enough(label: str, limit: int) -> None:
    """Stopped containers count, and those on their way; a host's own number goes before the one for all."""
    policy = make_policy(max_containers=3)
    full = host("a", "web", container("old", "exited"), pending=pending(), Labels={"containerslots": label})
    with pytest.raises(Unavailable, match=f"a: has 3 of {limit} containers"):
        order(NOTHING, full, policy=policy)
    if limit == 3:
        assert order(NOTHING, evolve(full, pending=()), policy=policy) == ["a"]


def test_a_number_of_its_own_is_a_rule_without_the_option() -> None:
    """A host's label counts by itself, and may be higher than the number for all."""
    assert order(NOTHING, host("a", "web", Labels={"containerslots": "1"}), B) == ["b"]
    roomy = host("a", "web", Labels={"containerslots": "2"})
    assert order(NOTHING, roomy, policy=make_policy(max_containers=1)) == ["a"]


@pytest.mark.parametrize(
    ("overcommit", "cpus", "expected"), [(0, 2, True), (0, 2.1, False), (0.05, 2.2, True), (-0.5, 1, False)]
)
def test_overcommitting(overcommit: float, cpus: float, expected: bool) -> None:
    """With a ratio no more is reserved than a host has and that share of it."""
    policy = make_policy(overcommit=overcommit)
    half = host("a", container("web", NanoCpus=2 * 10**9), NCPU=4)
    spec = asking(NanoCpus=int(cpus * 10**9))
    if expected:
        assert order(spec, half, policy=policy) == ["a"]
    else:
        with pytest.raises(Unavailable, match=f"a: has no room: {2 + cpus:g} CPUs would be reserved of 4"):
            order(spec, half, policy=policy)


def test_overcommitting_memory() -> None:
    """Memory alike; what is not asked for, or not known, is no reason, nor is what has ended."""
    policy = make_policy(overcommit=0)
    full = host("a", container("web", Memory=GIB), MemTotal=GIB, NCPU=1)
    with pytest.raises(Unavailable, match=r"a: has no room: 1536 MiB of memory would be reserved of 1024 MiB"):
        order(asking(Memory=GIB // 2), full, policy=policy)
    assert order(NOTHING, full, policy=policy) == ["a"]
    assert order(asking(NanoCpus=10**9), full, policy=policy) == ["a"]
    assert order(asking(Memory=GIB), host("a", container("web", "exited", Memory=GIB), MemTotal=GIB)) == ["a"]
    assert order(asking(Memory=GIB), host("a"), policy=policy) == ["a"]


def test_a_refusal_names_each_host_and_why() -> None:
    """So that a person can do something about it."""
    hosts = [host("a", lost={"": "connection refused"}), host("b", lost={"": ""}), B, host("c", Labels={"disk": "ssd"})]
    hosts[2] = evolve(hosts[2], name="d")
    with pytest.raises(Unavailable) as raised:
        order(wanting("constraint:disk==ssd", "affinity:container==web"), *hosts)
    refusals = {
        "a": "connection refused",
        "b": "does not answer",
        "d": "does not meet constraint:disk==ssd",
        "c": "does not meet affinity:container==web",
    }
    text = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    assert raised.value.message == f"no host can take the container: {text}"
    assert raised.value.details["refusals"] == refusals


def test_no_hosts_at_all() -> None:
    """That, too, is said."""
    with pytest.raises(Unavailable, match="there are no hosts"):
        order(NOTHING)


# -- a candidate of many hosts ------------------------------------------------------------------------------------


def many(**options: Any) -> Candidate:
    """Make a candidate over node-3, which is large and has web, and node-4, which has an SSD."""
    three = Row("node-3", ("nodes", "node-3"), document={"NCPU": 8}, member="node-3")
    four = Row("node-4", ("nodes", "node-4"), document={"NCPU": 1, "Labels": {"disk": "ssd"}}, member="node-4")
    return Candidate("dc1", (three, four), (container("web", host="node-3"),), **options)


@pytest.mark.parametrize("expression", ["node==dc1/node-3", "node==node-3", "node==dc1/*", "disk==ssd"])
def test_one_of_many_hosts_is_enough(expression: str) -> None:
    """A member that is many hosts may have the container where one of them may."""
    assert order(wanting(f"constraint:{expression}"), host("a"), many()) == ["dc1"]


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("node==eu/dc1/node-3", ["dc1"]),
        ("node==node-3", ["dc1"]),
        ("node==eu/*", ["a", "dc1"]),
        ("node!=eu/a", ["dc1"]),
        ("node==/^eu.a$/", ["a"]),
    ],
)
def test_names_are_those_of_the_whole(expression: str, left: list[str]) -> None:
    """Where the candidates are a part of a larger whole, hosts are called as they are there."""
    candidates = (evolve(each, within="eu") for each in (host("a"), many()))
    assert order(wanting(f"constraint:{expression}"), *candidates) == left


def test_refusals_name_hosts_as_the_whole_does() -> None:
    """A reason is said of a host by the name that the asker knows."""
    with pytest.raises(Unavailable) as raised:
        order(wanting("constraint:disk==none"), evolve(host("a"), within="eu"), evolve(many(), within="eu"))
    assert list(raised.value.details["refusals"]) == ["eu/a", "eu/dc1/node-3", "eu/dc1/node-4"]


def test_one_host_of_many_must_have_all() -> None:
    """What is asked for must be on one of the hosts, and each of them is named with its own reason."""
    with pytest.raises(
        Unavailable, match=r"dc1/node-3: .* constraint:disk==ssd; dc1/node-4: .* affinity:container==web"
    ):
        order(wanting("constraint:disk==ssd", "affinity:container==web"), many())


def test_a_lost_one_of_many() -> None:
    """A host beneath that does not answer is ruled out alone."""
    assert order(NOTHING, many(lost={"node-3": "frozen"})) == ["dc1"]
    with pytest.raises(Unavailable, match="dc1/node-3: frozen; dc1/node-4: does not meet"):
        order(wanting("constraint:node==node-3"), many(lost={"node-3": "frozen"}))


def test_what_is_on_its_way_to_one_of_many() -> None:
    """What is said to be for one of the hosts is counted there, and what is not, as if they took turns."""
    policy = make_policy(max_containers=1)
    coming = pending("one")
    with pytest.raises(Unavailable, match=r"dc1/node-3: has 1 of 1 .*; dc1/node-4: has 1 of 1"):
        order(NOTHING, many(pending=(evolve(coming[0], host="node-4"),)), policy=policy)
    assert order(NOTHING, many(pending=coming), policy=policy) == ["dc1"]
    with pytest.raises(Unavailable, match=r"dc1/node-3: has 2 of 1 .*; dc1/node-4: has 1 of 1"):
        order(NOTHING, many(pending=coming * 2), policy=policy)
