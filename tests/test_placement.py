"""Placing on one of many hosts: names are free everywhere, the policy orders, the first that can takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from swarmkit import Message, Verb
from swarmkit.errors import Conflict, Invalid, NotFound, SwarmError, Timeout, Unavailable
from swarmkit.pipeline import open_pipeline, parse_pipeline
from swarmkit.placement import Candidate, Spec
from swarmkit.registry import Registry

from .aggregate.scripted import ScriptedHost, full_id
from .aggregate.whole import host_with, ls, whole_of

Clock = trio.testing.MockClock


def spawn(name: str = "", **args: Any) -> Message:
    """Ask for a container."""
    return Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": name, **args})


def refuse(host: ScriptedHost, error: SwarmError) -> None:
    """Have a host fail at every SPAWN."""

    async def before(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            raise error

    host.before = before


async def test_spawned_is_found_under_its_host(autojump_clock: Clock) -> None:
    """The reply has the canonical path, and the next LS has the container."""
    async with whole_of(host_with("a")) as whole:
        reply = await whole(spawn("web"))
        assert (reply.path, reply["id"]) == (("nodes", "a", "containers", full_id("web")), full_id("web"))
        assert [each.path for each in await ls(whole)] == [reply.path]


async def test_many_at_once_are_spread(autojump_clock: Clock) -> None:
    """Twenty containers asked for at the same time, slowly created, are spread evenly over four hosts."""
    hosts = [ScriptedHost(name) for name in "abcd"]

    async def slow(message: Message) -> None:
        if message.verb is Verb.SPAWN:
            await trio.sleep(1)

    for host in hosts:
        host.before = slow
    async with whole_of(*hosts) as whole:
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(whole, spawn(f"c{number}"))
        assert [len(host.rows) for host in hosts] == [5, 5, 5, 5]


async def test_what_was_just_created_counts(autojump_clock: Clock) -> None:
    """One after another they are spread evenly, whether their events come or not."""
    hosts = [ScriptedHost("a"), ScriptedHost("b", quiet=True), ScriptedHost("c")]
    async with whole_of(*hosts) as whole:
        for _ in range(9):
            await whole(spawn())
        assert [len(host.rows) for host in hosts] == [3, 3, 3]


async def test_policy_decides(autojump_clock: Clock) -> None:
    """The policy given is asked with the spec and every host as it is, and its first is taken."""
    asked: list[tuple[Spec, list[Candidate]]] = []

    def last(spec: Spec, candidates: Sequence[Candidate], /) -> Sequence[Candidate]:
        asked.append((spec, list(candidates)))
        return candidates[::-1]

    a = host_with("a", "db", node={"NCPU": 4, "MemTotal": 1 << 30, "Labels": {"disk": "ssd"}})
    b = host_with("b")
    async with whole_of(a, b, policy=last) as whole:
        assert (await whole(spawn("web"))).path[1] == "b"
        ((spec, (one, two)),) = asked
        assert spec == {"Image": "busybox"}
        assert (one.name, [row.name for row in one.containers], one.pending, one.lost) == ("a", ["db"], (), {})
        assert [row.document["Labels"] for row in one.hosts] == [{"disk": "ssd"}]
        assert (two.name, two.containers) == ("b", ())


async def test_lost_host_is_passed_over(autojump_clock: Clock) -> None:
    """A host that is down is no place; where all are down, the error names each and why."""
    a, b = host_with("a"), host_with("b", "one", "two")
    async with whole_of(a, b) as whole:
        a.lose("frozen")
        await trio.testing.wait_all_tasks_blocked()
        assert (await whole(spawn("web"))).path[1] == "b"
        b.lose("dead")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match="a: frozen; b: dead"):
            await whole(spawn("db"))


@pytest.mark.parametrize("error", [NotFound("No such image: busybox"), Unavailable("reset")])
async def test_next_host_is_tried_where_it_was_not_done(autojump_clock: Clock, error: SwarmError) -> None:
    """Where the first host lacks the image, or could not be asked, the next one is."""
    a, b = host_with("a"), host_with("b", "db")
    async with whole_of(a, b) as whole:
        refuse(a, error)
        assert (await whole(spawn("web"))).path[1] == "b"


@pytest.mark.parametrize("error", [Timeout("sent"), Conflict("in use"), Invalid("no command")])
async def test_no_other_host_is_tried_where_it_may_be_done(autojump_clock: Clock, error: SwarmError) -> None:
    """After a Timeout the outcome is unknown, and other errors are the answer: no other host is asked."""
    a, b = host_with("a"), host_with("b", "db")
    async with whole_of(a, b) as whole:
        refuse(a, error)
        with pytest.raises(type(error)):
            await whole(spawn("web"))
        assert b.sent(Verb.SPAWN) == []


async def test_missing_everywhere_is_not_found(autojump_clock: Clock) -> None:
    """What no host has is NotFound in the engine's words."""
    a, b = host_with("a"), host_with("b")
    async with whole_of(a, b) as whole:
        refuse(a, NotFound("No such image: busybox"))
        refuse(b, NotFound("No such image: busybox"))
        with pytest.raises(NotFound, match=r"^No such image: busybox$"):
            await whole(spawn("web"))


async def test_failed_host_is_named(autojump_clock: Clock) -> None:
    """Where no host could be asked, the error has each host's reason."""
    a, b = host_with("a"), host_with("b")
    async with whole_of(a, b) as whole:
        refuse(a, Unavailable("reset"))
        refuse(b, Unavailable("refused"))
        with pytest.raises(Unavailable, match="a: reset; b: refused"):
            await whole(spawn("web"))


async def test_failed_creation_does_not_count(autojump_clock: Clock) -> None:
    """A creation that failed leaves neither its name held nor its host fuller."""
    a, b = host_with("a"), host_with("b")
    async with whole_of(a, b) as whole:
        refuse(a, Timeout("sent"))
        with pytest.raises(Timeout):
            await whole(spawn("web"))
        assert whole.members["a"].candidate().pending == ()
        a.before = None
        assert (await whole(spawn("web"))).path[1] == "a"


# -- what an operator says ----------------------------------------------------------------------------------------


async def refusal(options: str, *specs: dict[str, Any]) -> str:
    """Create containers on an aggregate of one in-memory engine; return why the last one is refused, if it is."""
    stage = f'aggregate {options} "a=fake"'
    async with open_pipeline(parse_pipeline(stage, Registry())) as host:
        for spec in specs[:-1]:
            await host.spawn({"Image": "busybox", **spec})
        try:
            await host.spawn({"Image": "busybox", **specs[-1]})
        except Unavailable as error:
            return error.message
    return ""


@pytest.mark.parametrize("strategy", ["spread", "binpack", "random"])
async def test_a_cap_is_an_option(strategy: str) -> None:
    """No host has more containers than the operator allows, whatever the strategy."""
    message = await refusal(f"--strategy {strategy} --max-containers 2", {}, {}, {})
    assert message == "no host can take the container: a: has 2 of 2 containers"


async def test_overcommitting_is_an_option() -> None:
    """Limits are no rule without it, and with it are."""
    half, much = {"HostConfig": {"Memory": 1 << 29}}, {"HostConfig": {"Memory": 1 << 50}}
    assert await refusal("", half, much) == ""
    assert "a: has no room: " in await refusal("--overcommit 0.05", half, much)
    assert await refusal("--overcommit 0.05", half, half) == ""


@pytest.mark.parametrize("options", ["--overcommit -1", "--overcommit x", "--max-containers 0", "--strategy best"])
async def test_options_that_make_no_sense(options: str) -> None:
    """They are refused with the option's name."""
    with pytest.raises(Invalid, match=options.split()[0]):
        parse_pipeline(f'aggregate {options} "a=fake"', Registry())


# -- names --------------------------------------------------------------------------------------------------------


async def test_name_in_use_anywhere_is_a_conflict(autojump_clock: Clock) -> None:
    """A bare name that any host has is a Conflict that names the host, and nothing is created."""
    a, b = host_with("a"), host_with("b", "web")
    async with whole_of(a, b) as whole:
        with pytest.raises(Conflict, match=r"the name web is in use by .* on b") as caught:
            await whole(spawn("web"))
        assert caught.value.details["host"] == "b"
        assert a.sent(Verb.SPAWN) + b.sent(Verb.SPAWN) == []


async def test_last_known_name_of_a_lost_host_is_in_use(autojump_clock: Clock) -> None:
    """A name that a lost host had is still in use."""
    a, b = host_with("a"), host_with("b", "web")
    async with whole_of(a, b) as whole:
        b.lose()
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Conflict, match="on b"):
            await whole(spawn("web"))


async def test_name_that_was_freed_behind_our_back_is_free(autojump_clock: Clock) -> None:
    """Before a name is refused its host is asked whether it is there still."""
    b = host_with("b", "web", quiet=True)
    async with whole_of(host_with("a"), b) as whole:
        b.rows.clear()
        await whole(spawn("web"))


@pytest.mark.parametrize("quiet", [True, False])
async def test_name_just_given_is_in_use(autojump_clock: Clock, quiet: bool) -> None:
    """Right after a creation its name is in use, though the other host would be the next to be chosen."""
    async with whole_of(host_with("a", quiet=quiet), host_with("b", quiet=quiet)) as whole:
        await whole(spawn("web"))
        with pytest.raises(Conflict, match="web is in use"):
            await whole(spawn("web"))


async def test_name_given_by_a_raw_request_is_in_use(autojump_clock: Clock) -> None:
    """A name that a CONNECT has given is in use, too, though no event has told of it."""
    a = host_with("a", quiet=True)
    async with whole_of(a, host_with("b")) as whole:
        await whole(Message(Verb.CONNECT, ("nodes", "a"), {"method": "POST", "target": "/containers/create?name=web"}))
        a.rows |= host_with("", "web").rows
        with pytest.raises(Conflict, match="on a"):
            await whole(spawn("web"))


async def test_of_many_at_once_one_gets_the_name(autojump_clock: Clock) -> None:
    """Of several who ask for a name at the same time one gets it, the others are refused."""
    outcomes: Counter[str] = Counter()

    async def attempt() -> None:
        try:
            await whole(spawn("web"))
            outcomes["made"] += 1
        except Conflict:
            outcomes["refused"] += 1

    async with whole_of(host_with("a"), host_with("b")) as whole, trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(attempt)
    assert outcomes == {"made": 1, "refused": 9}


async def test_qualified_name_is_placed_and_checked_there_only(autojump_clock: Clock) -> None:
    """`host/name` is created on that host, under the bare name, whatever others have."""
    a, b = host_with("a", "web"), host_with("b", "one", "two")
    async with whole_of(a, b) as whole:
        assert (await whole(spawn("b/web"))).path[1] == "b"
        assert [message["name"] for message in b.sent(Verb.SPAWN)] == ["web"]


async def test_unknown_host_is_invalid(autojump_clock: Clock) -> None:
    """A host that there is not, in a name or in `on`, is Invalid and names those there are."""
    async with whole_of(host_with("a"), host_with("b")) as whole:
        for message in (spawn("c/web"), spawn("web", on="c")):
            with pytest.raises(Invalid, match="'c'; the hosts are a, b"):
                await whole(message)


async def test_place_of_a_reference_is_kept(autojump_clock: Clock) -> None:
    """`on` leaves one host only, whose error is the answer."""
    a, b = host_with("a"), host_with("b", "one", "two")
    async with whole_of(a, b) as whole:
        assert (await whole(spawn("web", on="b"))).path[1] == "b"
        refuse(b, NotFound("No such image"))
        with pytest.raises(NotFound):
            await whole(spawn("db", on="b"))
        assert a.sent(Verb.SPAWN) == []


async def test_path_places_too(autojump_clock: Clock) -> None:
    """SPAWN below `nodes/HOST` creates on that host."""
    async with whole_of(host_with("a"), host_with("b", "one")) as whole:
        reply = await whole(Message(Verb.SPAWN, ("nodes", "b"), {"spec": {}, "name": "web"}))
        assert reply.path == ("nodes", "b", "containers", full_id("web"))
