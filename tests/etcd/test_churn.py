"""Fifty hosts that come and go at random for a minute, under load: nothing is left of those that have gone."""

from __future__ import annotations

import gc
import json
import random
import shlex
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import trio
from attrs import define, field

from backends.etcd.endpoints import IDLE_CONNECTIONS
from backends.fake.engine import FakeEngine
from swarmkit import Listing, Message, Path, Receiver, Registry, Service, Verb, parse_pipeline
from swarmkit.aggregate import Aggregate
from swarmkit.aggregate.members import Member
from swarmkit.errors import Code, Conflict, NotFound, SwarmError
from swarmkit.http import serve_connection
from swarmkit.mirror import COLLECTIONS, Mirror
from swarmkit.pipeline import parse_stage
from swarmkit.testing.expect import subscribe
from swarmkit.testing.leftovers import Leftovers

from ..real.etcd import LOOPBACK, Place

HOSTS = 50
SECONDS = 60.0

LONGEST = 8.0
"""Seconds for which a host stays, or stays away, at most."""

DIES = 0.3
"""How many of those that leave have died a second before they are taken out."""

SETTLED = 30.0
"""Seconds in which all must have come to rest; what an engine did not list in time is asked for again after some."""

TTL = 30

UNFORESEEN = {Code.INTERNAL, Code.INVALID, Code.NOT_IMPLEMENTED, Code.DENIED}
"""What hosts that come and go are no reason for."""


@define
class Coming:
    """Who is there, and what was done and answered. It is over in two steps: nobody moves, then all leave."""

    whole: Aggregate
    registry: Service
    engines: dict[str, FakeEngine]
    enough: trio.Event = field(factory=trio.Event)
    leaving: trio.Event = field(factory=trio.Event)
    there: set[str] = field(factory=set)
    times: Counter[str] = field(factory=Counter)
    failures: Counter[Code] = field(factory=Counter)

    async def until_enough(self, seconds: float) -> bool:
        """Wait for a time of chance; return whether it is enough before that is over."""
        with trio.move_on_after(random.uniform(0, seconds)):
            await self.enough.wait()
        return self.enough.is_set()

    # -- hosts ----------------------------------------------------------------------------------------------------

    async def come_and_go(self, name: str) -> None:
        """Serve an engine and have it registered, again and again, each time at another port."""
        while not await self.until_enough(LONGEST):
            async with serving(self.engines[name]) as (port, server):
                address = {"address": f"docker tcp://{LOOPBACK}:{port}", "ttl": TTL}
                try:
                    reply = await self.registry(Message(Verb.SPAWN, (name,), address))
                except Conflict:
                    continue  # it is being taken out yet, with the port that it had
                assert isinstance(reply.ret, Receiver)
                async with reply.ret:
                    self.there.add(name)
                    self.times["come"] += 1
                    if await self.until_enough(LONGEST):
                        await self.leaving.wait()
                    elif random.random() < DIES:
                        server.cancel()
                        await trio.sleep(1)
                    self.there.discard(name)

    # -- load -----------------------------------------------------------------------------------------------------

    async def _create(self, name: str) -> bool:
        """Create a container, and remove it behind the back of all, or leave it; return whether it was created."""
        spec = {"Image": "busybox", "Cmd": ["true"]}
        try:
            reply = await self.whole(Message(Verb.SPAWN, ("containers",), {"spec": spec, "name": name}))
        except SwarmError as error:
            self.failures[error.code] += 1
            return False
        self.times["created"] += 1
        if random.random() < 0.7:
            await trio.sleep(random.uniform(0, 0.5))
            with suppress(NotFound):
                await self.engines[reply.path[1]].remove_container(reply.path[-1])
        return True

    async def create(self, prefix: str) -> None:
        """Ask twice at once for each of many names, which only one may be given."""
        while not await self.until_enough(0.4):
            name, given = f"{prefix}-{self.times['asked']}", list[bool]()
            self.times["asked"] += 1

            async def ask(name: str, given: list[bool]) -> None:
                given.append(await self._create(name))

            async with trio.open_nursery() as nursery:
                for _ in range(2):
                    nursery.start_soon(ask, name, given)
            assert sum(given) <= 1

    async def look(self) -> None:
        """List one thing after the other."""
        while not await self.until_enough(0.2):
            for collection in ("nodes", *COLLECTIONS):
                await listed(self.whole, collection)
                self.times["listed"] += 1

    async def watch(self) -> None:
        """Begin to watch, and stop some time later, in the middle of whatever is said."""
        while not self.enough.is_set():
            async with await subscribe(self.whole) as channel:
                with trio.move_on_after(random.uniform(0, 3)):
                    async for _ in channel:
                        pass
            self.times["watched"] += 1


@asynccontextmanager
async def serving(engine: FakeEngine) -> AsyncIterator[tuple[int, trio.CancelScope]]:
    """Serve an engine on a port of loopback for the length of a block, or until the scope is cancelled."""
    listeners = await trio.open_tcp_listeners(0, host=LOOPBACK)
    server = trio.CancelScope()

    async def serve() -> None:
        with server:
            await trio.serve_listeners(partial(serve_connection, handler=engine.handler), listeners)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        yield listeners[0].socket.getsockname()[1], server
        nursery.cancel_scope.cancel()


async def listed(whole: Service, collection: str) -> set[Path]:
    """Return the paths of what is listed."""
    return {row.path for row in Listing.of(await whole(Message(Verb.LS, (collection,))))}


async def all_listed(whole: Service) -> set[Path]:
    """Return the paths of all that is listed of hosts that answer."""
    return set[Path]().union(*[await listed(whole, each) for each in ("nodes", *COLLECTIONS)])


async def differences(whole: Service, seen: set[Path]) -> tuple[set[Path], set[Path]]:
    """Return what is listed and no watch has said, and what is said to be there and is not listed."""
    found = await all_listed(whole)
    return found - seen, seen - found


async def seen_and_listed(whole: Service, seen: set[Path]) -> tuple[set[Path], set[Path]]:
    """Return what a watch has said, and what is listed."""
    return set(seen), await all_listed(whole)


async def follow(channel: Receiver, seen: set[Path]) -> None:
    """Keep a set of what a watch has said to be there."""
    async for message in channel:
        if message.get("kind") in ("have", "put"):
            seen.add(message.path)
        elif message.get("kind") == "gone":
            seen.discard(message.path)


def registered(etcd: Place) -> set[str]:
    """Return who is registered in etcd."""
    keys = etcd.keys()
    return {key.removeprefix("members/") for key in keys if key.startswith("members/")}


def said_of(etcd: Place, key: str) -> dict[str, str]:
    """Return what is said of a name; it was given back where it has gone meanwhile."""
    return dict(json.loads(etcd.member.get(f"{etcd.prefix}/{key}") or b'{"state": "created"}'))


def in_memory() -> int:
    """Count the members and the mirrors that are somewhere in memory."""
    gc.collect()
    return sum(type(each) in (Member, Mirror) for each in gc.get_objects())


async def agree(look: Callable[[], Awaitable[object]], expected: Callable[[], object], what: str) -> None:
    """Wait until what is looked at is as expected at that moment."""
    deadline = trio.current_time() + SETTLED
    while (seen := await look()) != (wanted := expected()):
        assert trio.current_time() < deadline, f"not so in {SETTLED:g} s: {what}: {seen} and not {wanted}"
        await trio.sleep(0.05)


async def test_hosts_that_come_and_go_leave_nothing(etcd: Place) -> None:
    """All who look see the same as etcd, also who has watched all the time; then no task, descriptor or row is left."""
    words = f"etcd {etcd.address} --insecure"
    before, known = Leftovers.now(), in_memory()
    async with AsyncExitStack() as stack:
        names = [f"host-{number}" for number in range(HOSTS)]
        engines = {name: await stack.enter_async_context(FakeEngine(name).run()) for name in names}
        registry = await stack.enter_async_context(parse_stage(words, Registry()).open(None))
        whole = await stack.enter_async_context(parse_pipeline(f"aggregate {shlex.quote(words)}").open())
        assert isinstance(whole, Aggregate)
        coming, seen = Coming(whole, registry, engines), set[Path]()
        async with await subscribe(whole) as channel, trio.open_nursery() as watching:
            watching.start_soon(follow, channel, seen)
            await trio.sleep(1)
            alone = Leftovers.now()
            async with trio.open_nursery() as nursery:
                for name in names:
                    nursery.start_soon(coming.come_and_go, name)
                for number in range(3):
                    nursery.start_soon(coming.create, f"made-{number}")
                    nursery.start_soon(coming.look)
                    nursery.start_soon(coming.watch)
                await trio.sleep(SECONDS)
                coming.enough.set()
                await check_agreed(coming, etcd, seen)
                coming.leaving.set()
            await agree(partial(seen_and_listed, whole, seen), lambda: (set(), set()), "nothing is seen or listed")
            assert (whole.members, registered(etcd)) == ({}, set())
            await agree(partial(tasks_left, alone), lambda: "", "no task is left")
            assert Leftovers.now().descriptors <= alone.descriptors + 2 * IDLE_CONNECTIONS
            assert in_memory() == known
            watching.cancel_scope.cancel()
    assert before.excess() == ""
    assert coming.failures.keys() & UNFORESEEN == set()
    assert [each for each in map(partial(said_of, etcd), etcd.keys()) if each.get("state") != "created"] == []
    assert coming.times["come"] > HOSTS
    assert min(coming.times[what] for what in ("created", "listed", "watched")) > 0  # how often is the machine's affair


async def check_agreed(coming: Coming, etcd: Place, seen: set[Path]) -> None:
    """Check that the whole comes to have those hosts that are registered, each with what it has, and nothing else."""
    whole = coming.whole

    async def hosts() -> dict[str, bool]:
        rows = Listing.of(await whole(Message(Verb.LS, ("nodes",))))
        return {row.name: row.lost is None for row in rows}

    await agree(hosts, lambda: dict.fromkeys(coming.there, True), "those hosts are listed that are there, and are up")
    assert coming.there == registered(etcd) == whole.members.keys()

    async def containers() -> set[tuple[str, str]]:
        return {(path[1], path[-1]) for path in await listed(whole, "containers")}

    await agree(
        containers,
        lambda: {(name, each.id) for name in coming.there for each in coming.engines[name].containers},
        "the containers of those hosts are listed",
    )
    await agree(partial(differences, whole, seen), lambda: (set(), set()), "what is listed is what the watch has said")


async def tasks_left(alone: Leftovers) -> str:
    """Name the tasks that are more than there were."""
    more = Leftovers.now().tasks - alone.tasks
    return ", ".join(sorted(more.elements()))
