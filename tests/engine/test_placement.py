from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.placement import (
    POLICIES,
    asked_cpus,
    asked_memory,
    binpack,
    eligible,
    fits,
    random_policy,
    spread,
)
from swarmkit.errors import Unavailable
from swarmkit.placement import Candidate, Policy

GIB = 1 << 30
NOTHING: dict[str, Any] = {"Image": "busybox"}


def asking(**host_config: int) -> dict[str, Any]:
    return {"Image": "busybox", "HostConfig": host_config}


def names(candidates: Sequence[Candidate]) -> list[str]:
    return [each.name for each in candidates]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.text("abc", min_size=1, max_size=5),
        st.integers(0, 3),
        st.integers(0, 3),
        st.booleans(),
        cpus=st.sampled_from([0, 1, 4]),
        memory=st.sampled_from([0, GIB]),
        reserved_cpus=st.sampled_from([0.0, 0.5, 3.0]),
        reserved_memory=st.integers(0, 2 * GIB),
    ),
    unique_by=lambda each: each.name,
)
SPECS = st.sampled_from(
    [NOTHING, asking(NanoCpus=500_000_000), asking(Memory=GIB // 2), asking(NanoCpus=10**9, Memory=1)]
)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@given(candidates=CANDIDATES, spec=SPECS)
def test_a_policy_orders_the_healthy_hosts(policy: Policy, candidates: list[Candidate], spec: dict[str, Any]) -> None:
    """It adds none, forgets none, and puts those with room first; without a healthy host it refuses."""
    healthy = {each.name for each in candidates if each.healthy}
    if healthy:
        ordered = policy(spec, candidates)
        room = [fits(spec, each) for each in ordered]
        assert healthy == set(names(ordered))
        assert len(healthy) == len(ordered)
        assert sorted(room, reverse=True) == room
    else:
        with pytest.raises(Unavailable):
            policy(spec, candidates)


def test_a_refusal_names_each_host_and_why() -> None:
    """So that a person can do something about it."""
    candidates = [Candidate("a", healthy=False, reason="connection refused"), Candidate("b", healthy=False)]
    with pytest.raises(Unavailable) as raised:
        spread(NOTHING, candidates)
    assert raised.value.message == "no host can take the container: a: connection refused; b: is not healthy"
    assert raised.value.details["refusals"] == {"a": "connection refused", "b": "is not healthy"}


def test_no_hosts_at_all() -> None:
    """That, too, is said."""
    with pytest.raises(Unavailable, match="there are no hosts"):
        binpack(NOTHING, [])


def test_rules_are_asked_in_order_and_the_first_reason_counts() -> None:
    """Rules come before the policy, and more can be given."""
    candidates = [Candidate("a"), Candidate("b")]

    def only_b(spec: object, candidate: Candidate) -> str | None:
        return None if candidate.name == "b" else "is not b"

    assert names(eligible(NOTHING, candidates, rules=[only_b])) == ["b"]
    with pytest.raises(Unavailable, match="a: is not b; b: never"):
        eligible(NOTHING, candidates, rules=[only_b, lambda spec, candidate: "never"])


def test_spread_prefers_fewer_containers() -> None:
    """Those on their way count."""
    candidates = [Candidate("a", 2), Candidate("b", 1, pending=2), Candidate("c", 1)]
    assert names(spread(NOTHING, candidates)) == ["c", "a", "b"]


def test_binpack_prefers_more_containers() -> None:
    """Those on their way count."""
    candidates = [Candidate("a", 2), Candidate("b", 1, pending=2), Candidate("c", 1)]
    assert names(binpack(NOTHING, candidates)) == ["b", "a", "c"]


def test_names_decide_between_equals() -> None:
    """The order of the candidates given does not matter."""
    assert names(spread(NOTHING, [Candidate("b"), Candidate("a")])) == ["a", "b"]
    assert names(binpack(NOTHING, [Candidate("b"), Candidate("a")])) == ["a", "b"]


HALF_FULL = Candidate("half", 1, cpus=4, reserved_cpus=2)
EMPTY = Candidate("empty", 5, cpus=4)
FULL = Candidate("full", 0, cpus=4, reserved_cpus=4)


def test_what_is_asked_for_weighs_more_than_the_count() -> None:
    """A host of many idle containers has more room than one of a few that hold much."""
    spec = asking(NanoCpus=10**9)
    assert names(spread(spec, [FULL, HALF_FULL, EMPTY])) == ["empty", "half", "full"]
    assert names(binpack(spec, [FULL, HALF_FULL, EMPTY])) == ["half", "empty", "full"]


def test_a_host_without_room_is_the_last_resort() -> None:
    """Limits are no reservations to an engine: it takes more than it has, and so do many."""
    spec = asking(NanoCpus=3 * 10**9)
    assert names(spread(spec, [FULL, HALF_FULL, EMPTY])) == ["empty", "half", "full"]


def test_random_is_repeatable_with_a_seed() -> None:
    """The generator is given."""
    candidates = [Candidate(name) for name in "abcdefgh"]
    once, again = random_policy(Random(1)), random_policy(Random(1))
    assert names(once(NOTHING, candidates)) == names(again(NOTHING, candidates))


def test_random_reaches_every_host() -> None:
    """Each host comes first some time, and the argument keeps its order."""
    candidates = [Candidate(name) for name in "abc"]
    policy = random_policy(Random(1))
    assert {"a", "b", "c"} == {policy(NOTHING, candidates)[0].name for _ in range(50)}
    assert names(candidates) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (NOTHING, 0),
        ({"HostConfig": None}, 0),
        (asking(NanoCpus=1_500_000_000), 1.5),
        (asking(CpuQuota=50_000), 0.5),
        (asking(CpuQuota=50_000, CpuPeriod=25_000), 2),
        (asking(CpuQuota=-1), 0),
    ],
)
def test_cpus_asked_for(spec: dict[str, Any], expected: float) -> None:
    """NanoCpus, or a quota in a period; -1 is no limit."""
    assert expected == asked_cpus(spec)


@pytest.mark.parametrize(("spec", "expected"), [(NOTHING, 0), (asking(Memory=GIB), GIB)])
def test_memory_asked_for(spec: dict[str, Any], expected: int) -> None:
    """Bytes, 0 is no limit."""
    assert expected == asked_memory(spec)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (Candidate("a"), True),
        (Candidate("a", cpus=1, memory=GIB), True),
        (Candidate("a", cpus=1, reserved_cpus=0.5), False),
        (Candidate("a", memory=GIB, reserved_memory=GIB), False),
    ],
)
def test_room(candidate: Candidate, expected: bool) -> None:
    """All that is asked for must be free; a total that is not known is enough."""
    assert expected == fits(asking(NanoCpus=10**9, Memory=GIB // 2), candidate)


def test_what_is_not_asked_for_needs_no_room() -> None:
    """A full host has room for a container without limits."""
    assert fits(NOTHING, FULL)
