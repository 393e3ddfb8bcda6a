"""In which order hosts are tried."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.placement import RULES, STRATEGIES, Placement, make_policy
from swarmkit.engine.placement.reservations import reserved_cpus, reserved_memory
from swarmkit.engine.placement.strategies import random_strategy, spread
from swarmkit.errors import Invalid, Unavailable
from swarmkit.placement import Candidate
from swarmkit.rows import Row

from .placing import GIB, NOTHING, asking, container, host, named, names, order, pending, publishing, wanting

BINPACK = make_policy("binpack")

EXPRESSIONS = st.lists(
    st.sampled_from(
        [
            *("constraint:node==a", "constraint:node!=a*", "constraint:disk==/s/", "constraint:disk!=ssd"),
            *("affinity:container==web", "affinity:container!=web", "affinity:tier==front", "affinity:image==x"),
        ]
    ),
    max_size=3,
)
CONTAINERS = st.builds(
    container,
    st.sampled_from(["web", "db", "cache"]),
    st.sampled_from(["running", "exited", "created"]),
    labels=st.sampled_from([{}, {"tier": "front"}]),
    NanoCpus=st.sampled_from([0, 10**9]),
    Memory=st.sampled_from([0, GIB]),
    PortBindings=st.sampled_from([{}, publishing("80")]),
)
CANDIDATES = st.lists(
    st.builds(
        lambda name, containers, **options: host(name, *containers, **options),
        st.text("abc", min_size=1, max_size=3),
        st.lists(CONTAINERS, max_size=3, unique_by=lambda each: each.id),
        lost=st.sampled_from([{}, {}, {"": "frozen"}]),
        pending=st.sampled_from([(), pending(HostConfig={"PortBindings": publishing("80")})]),
        images=st.sampled_from([None, (), named("sha256:1", tags=["x:latest"])]),
        NCPU=st.sampled_from([0, 1, 4]),
        MemTotal=st.sampled_from([0, GIB]),
        Labels=st.sampled_from([{}, {"disk": "ssd"}]),
    ),
    unique_by=lambda each: each.name,
    max_size=4,
)
HOST_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "NanoCpus": st.just(10**9),
        "Memory": st.just(GIB),
        "PortBindings": st.just(publishing("80")),
        "VolumesFrom": st.just(["web"]),
    },
)
STRATEGY = st.sampled_from(sorted(STRATEGIES))


def eligible(spec: dict[str, Any], candidates: list[Candidate], **options: Any) -> set[str]:
    """Return the names of those that may take a container, none where it is refused."""
    try:
        return set(names(make_policy(**options)(spec, candidates)))
    except Unavailable:
        return set()


@given(candidates=CANDIDATES, config=HOST_CONFIGS, some=EXPRESSIONS, more=EXPRESSIONS, strategy=STRATEGY)
def test_a_further_condition_never_adds_a_host(
    candidates: list[Candidate], config: dict[str, Any], some: list[str], more: list[str], strategy: str
) -> None:
    """With more hard expressions, the same hosts may take a container or fewer."""
    before = eligible(wanting(*some, HostConfig=config), candidates, strategy=strategy)
    assert eligible(wanting(*some, *more, HostConfig=config), candidates, strategy=strategy) <= before


@given(candidates=CANDIDATES, config=HOST_CONFIGS, some=EXPRESSIONS, wishes=EXPRESSIONS)
def test_a_wish_never_refuses(
    candidates: list[Candidate], config: dict[str, Any], some: list[str], wishes: list[str]
) -> None:
    """With more soft expressions, the same hosts may take a container."""
    soft = [each.replace("=", "=~", 1) if "!=" in each else each.replace("==", "==~", 1) for each in wishes]
    before = eligible(wanting(*some, HostConfig=config), candidates)
    assert eligible(wanting(*some, *soft, HostConfig=config), candidates) == before


@given(candidates=CANDIDATES, config=HOST_CONFIGS, strategy=STRATEGY)
def test_a_limit_never_adds_a_host(candidates: list[Candidate], config: dict[str, Any], strategy: str) -> None:
    """With a ratio of overcommitment or a cap, the same hosts may take a container or fewer."""
    before = eligible(asking(**config), candidates, strategy=strategy)
    assert eligible(asking(**config), candidates, strategy=strategy, overcommit=0, max_containers=1) <= before


@given(history=st.lists(st.lists(CONTAINERS, max_size=3, unique_by=lambda each: each.id)), config=HOST_CONFIGS)
def test_what_is_remembered_changes_nothing(history: list[list[Row]], config: dict[str, Any]) -> None:
    """A policy that saw a host otherwise before answers what a new one answers."""
    policy, spec = make_policy(overcommit=0), wanting("affinity:tier!=front", HostConfig=config)
    for containers in history:
        candidates = [host("a", *containers, NCPU=1), host("b", "web", "db", NCPU=1)]
        assert _outcome(policy, spec, candidates) == _outcome(make_policy(overcommit=0), spec, candidates)


def _outcome(policy: Any, spec: dict[str, Any], candidates: list[Candidate]) -> list[str] | str:
    try:
        return names(policy(spec, candidates))
    except Unavailable as error:
        return error.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("a:=/80", max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("a80/", max_size=4), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["Image", "Env", "Labels", "HostConfig", "ExposedPorts", "NetworkingConfig"]
CONFIG_FIELDS = ["NanoCpus", "CpuQuota", "CpuPeriod", "Memory", "MemoryReservation", "PortBindings", "NetworkMode"]
CONFIG_FIELDS += ["Binds", "Mounts", "VolumesFrom", "Links", "IpcMode"]


@given(
    spec=st.dictionaries(st.sampled_from(FIELDS), JSON), config=st.dictionaries(st.sampled_from(CONFIG_FIELDS), JSON)
)
def test_rubbish_is_left_to_the_engine(spec: dict[str, Any], config: dict[str, Any]) -> None:
    """A spec of wrong types is placed, or refused for what can be read of it; nothing breaks."""
    for each in (spec, {**spec, "HostConfig": config}):
        with suppress(Unavailable, Invalid):
            assert order(each, host("a", "web", NCPU=1, MemTotal=GIB), policy=make_policy(overcommit=0)) == ["a"]


def test_rules_are_asked_in_order_and_the_first_reason_counts() -> None:
    """More rules can be given, and strategies."""
    rules = [*RULES, lambda demand, place: None if place.name == "b" else "is not b"]
    assert order(NOTHING, host("a"), host("b"), policy=Placement(spread, rules)) == ["b"]
    with pytest.raises(Unavailable, match="a: is not b; b: never"):
        order(NOTHING, host("a"), host("b"), policy=Placement(spread, [*rules, lambda demand, place: "never"]))


def test_spread_prefers_fewer_containers() -> None:
    """Those on their way count, and stopped ones."""
    hosts = [host("a", "1", container("2", "exited")), host("b", "1", pending=pending() * 2), host("c", "1")]
    assert order(NOTHING, *hosts) == ["c", "a", "b"]
    assert order(NOTHING, *hosts, policy=BINPACK) == ["b", "a", "c"]


def test_names_decide_between_equals() -> None:
    """The order of the candidates given does not matter."""
    assert order(NOTHING, host("b"), host("a")) == ["a", "b"]
    assert order(NOTHING, host("b"), host("a"), policy=BINPACK) == ["a", "b"]


HALF_FULL = host("half", container("web", NanoCpus=2 * 10**9), NCPU=4)
EMPTY = host("empty", "1", "2", "3", "4", "5", NCPU=4)
FULL = host("full", NCPU=4, pending=pending(HostConfig={"NanoCpus": 4 * 10**9}))


def test_what_is_asked_for_weighs_more_than_the_count() -> None:
    """A host of many idle containers has more room than one of a few that hold much."""
    spec = asking(NanoCpus=10**9)
    assert order(spec, FULL, HALF_FULL, EMPTY) == ["empty", "half", "full"]
    assert order(spec, FULL, HALF_FULL, EMPTY, policy=BINPACK) == ["half", "empty", "full"]


def test_a_host_without_room_is_the_last_resort() -> None:
    """Limits are no reservations to an engine: it takes more than it has, and so do many, unless told otherwise."""
    spec = asking(NanoCpus=3 * 10**9)
    assert order(spec, FULL, HALF_FULL, EMPTY) == ["empty", "half", "full"]
    assert order(spec, FULL, HALF_FULL, EMPTY, policy=make_policy(overcommit=0)) == ["empty"]


def test_what_is_not_asked_for_needs_no_room() -> None:
    """A full host is as good as any for a container without limits."""
    assert order(NOTHING, FULL, HALF_FULL) == ["full", "half"]


def test_random_is_repeatable_with_a_seed() -> None:
    """The generator is given."""
    hosts = [host(name) for name in "abcdefgh"]
    once, again = Placement(random_strategy(Random(1))), Placement(random_strategy(Random(1)))
    assert order(NOTHING, *hosts, policy=once) == order(NOTHING, *hosts, policy=again)


def test_random_reaches_every_host() -> None:
    """Each host comes first some time, but for those without room."""
    policy = Placement(random_strategy(Random(1)))
    hosts = [host("a"), host("b"), host("c"), FULL]
    assert {"a", "b", "c"} == {order(asking(NanoCpus=10**9), *hosts, policy=policy)[0] for _ in range(50)}


# -- wishes -------------------------------------------------------------------------------------------------------


def test_the_more_wishes_are_met_the_better() -> None:
    """Soft expressions order the hosts, and hard ones rule them out."""
    a, b, c = host("a", "web", Labels={"disk": "ssd"}), host("b", "web"), host("c")
    spec = wanting("constraint:disk==~ssd", "affinity:container==~web")
    assert order(spec, c, b, a) == ["a", "b", "c"]
    assert order(wanting("constraint:node!=~c", "constraint:node!=b"), a, b, c) == ["a", "c"]


def test_a_host_with_the_image_goes_first() -> None:
    """Then come those of which the images are not known; a tag that is not named is `latest`."""
    with_image = host("c", "1", "2", images=named("sha256:1", tags=["busybox:latest"]))
    without, unknown = host("a", images=named("sha256:2", tags=["busybox:1"])), host("b", "1")
    for image in ("busybox", "docker.io/library/busybox:latest", "sha256:1"):
        assert order({"Image": image}, without, unknown, with_image) == ["c", "b", "a"]


def compose(project: str, service: str, number: str = "1") -> dict[str, str]:
    """Make the labels that Compose gives."""
    prefix = "com.docker.compose"
    return {f"{prefix}.project": project, f"{prefix}.service": service, f"{prefix}.container-number": number}


def test_a_project_stays_together() -> None:
    """The host with most of a Compose project goes first, what is on its way counted, unless told otherwise."""
    web, db = compose("shop", "web"), compose("shop", "db")
    a, b = host("a"), host("b", container("db", labels=db), container("other", labels=compose("x", "y")))
    assert order({"Labels": web}, a, b) == ["b", "a"]
    assert order(NOTHING, a, b) == ["a", "b"]
    assert order({"Labels": compose("x", "z")}, a, host("c", pending=pending(Labels=compose("x", "y")))) == ["c", "a"]
    assert order({"Labels": web, "Env": ["constraint:node==a"]}, a, b) == ["a"]
    assert order({"Labels": web, "Env": ["constraint:node==~a"]}, a, b) == ["a", "b"]


def test_a_project_is_where_its_networks_and_volumes_are() -> None:
    """They are made before its first container, and count as that does."""
    net = evolve(named("shop_default")[0], document={"Labels": compose("shop", "")})
    a, b = host("a", networks=(), volumes=()), host("b", "busy", networks=(net,), volumes=named("data"))
    assert order({"Labels": compose("shop", "web")}, a, b) == ["b", "a"]
    assert order({"Name": "shop_data", "Labels": compose("shop", "")}, a, b) == ["b", "a"]
    assert order({"Name": "blog_data", "Labels": compose("blog", "")}, a, b) == ["a", "b"]


def test_what_compose_makes_anew_goes_where_it_was() -> None:
    """It is made before the old one is removed, which holds its port, slot, room and name against nobody but others."""
    old = container("web", labels=compose("shop", "web"), PortBindings=publishing("80"), NanoCpus=10**9)
    a, b = host("a", old, NCPU=1, Labels={"containerslots": "1"}), host("b", NCPU=1)
    again = asking(PortBindings=publishing("80"), NanoCpus=10**9) | {"Labels": compose("shop", "web")}
    policy = make_policy(overcommit=0)
    for env in ([], ["affinity:container==web"], ["affinity:com.docker.compose.service!=web"]):
        assert order({**again, "Env": env}, b, a, policy=policy)[0] == "a"
    oneoff = {**compose("shop", "web"), "com.docker.compose.oneoff": "True"}
    for labels in (compose("shop", "web", "2"), compose("shop", "db"), compose("x", "web"), oneoff):
        assert order({**again, "Labels": labels}, b, a, policy=policy) == ["b"]


# -- reservations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, 0),
        ({"NanoCpus": 1_500_000_000}, 1.5),
        ({"NanoCpus": 1_000_000_000, "CpuQuota": 50_000}, 1),
        ({"CpuQuota": 50_000}, 0.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 25_000}, 2),
        ({"CpuQuota": -1}, 0),
        ({"CpuQuota": 50_000, "CpuPeriod": -5}, 0.5),
        ({"NanoCpus": float("inf")}, 0),
        ({"NanoCpus": "1"}, 0),
    ],
)
def test_cpus_that_are_reserved(config: dict[str, Any], expected: float) -> None:
    """NanoCpus, or a quota in a period; -1 is no limit, and what is no number of the engine's none."""
    assert reserved_cpus(config) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, 0),
        ({"Memory": GIB}, GIB),
        ({"Memory": GIB, "MemoryReservation": GIB // 2}, GIB // 2),
        ({"MemoryReservation": GIB}, GIB),
        ({"Memory": -1}, 0),
        ({"Memory": 10**400}, 0),
    ],
)
def test_memory_that_is_reserved(config: dict[str, Any], expected: int) -> None:
    """The reservation, or else the limit; 0 and -1 are no limit."""
    assert reserved_memory(config) == expected
