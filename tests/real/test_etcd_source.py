"""The source `etcd` on real ones, of one and three members: what it lists, and what is seen while they fail."""

from __future__ import annotations

import shlex
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from backends.etcd.service import EtcdSource
from backends.etcd.watch import open_watch
from swarmkit import Listing, Message, Registry, Verb, open_pipeline, parse_pipeline
from swarmkit.errors import Denied, Timeout, Unavailable
from swarmkit.pipeline import parse_stage
from swarmkit.rows import Row
from swarmkit.testing import SERVICE_CHECKS, SOURCE_CHECKS, Check, SourceSubject, Subject
from swarmkit.testing.expect import eventually

from ..transport.certificates import Authority
from .etcd import Etcd, EtcdError, Place, entry_of, free_port, serving_etcd

ADDRESS = "docker tcp://192.0.2.7:2376"
SOON = 15.0
"""Seconds in which a change must have come about that follows a fault."""


@asynccontextmanager
async def opened(words: str) -> AsyncIterator[EtcdSource]:
    """Open a source."""
    async with parse_stage(f"etcd {words}", Registry()).open(None) as service:
        assert isinstance(service, EtcdSource)
        yield service


async def listing(service: EtcdSource) -> Listing:
    """List the members."""
    return Listing.of(await service(Message(Verb.LS)))


async def until(service: EtcdSource, accept: Callable[[Listing], bool], within: float = SOON) -> float:
    """Wait until a listing is as it should be; return how many seconds that took."""
    begun = time.monotonic()
    while not accept(seen := await listing(service)):
        assert time.monotonic() - begun < within, f"not so in {within} s: {seen}"
        await trio.sleep(0.02)
    return time.monotonic() - begun


def has(*names: str) -> Callable[[Listing], bool]:
    """Tell whether a listing has just these, and nothing is missing."""
    return lambda found: (sorted(row.name for row in found), found.missing) == (sorted(names), ())


def misses(found: Listing) -> bool:
    """Tell whether etcd is said to be missing."""
    return any(gap.member == "etcd" for gap in found.missing)


async def in_thread(call: Callable[[], object]) -> None:
    """Do what blocks while all else goes on."""
    await trio.to_thread.run_sync(call)


# -- the conformance kit ---------------------------------------------------------------------------------------------


@pytest.fixture
def subject(etcd: Place) -> SourceSubject:
    """Give the source as a subject; its members are registered from outside."""

    async def add(name: str, stage: str) -> None:
        etcd.register(name, stage, {"zone": "a"})

    async def remove(name: str) -> None:
        etcd.unregister(name)

    stage = parse_stage(f"etcd {etcd.address}", Registry())
    return SourceSubject(
        name="etcd", open=lambda: stage.open(None), add=add, remove=remove, drains=True, holds_names=True
    )


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: SourceSubject, check: Check[Subject]) -> None:
    """It is a service."""
    await check(subject)


@pytest.mark.parametrize("check", SOURCE_CHECKS, ids=str)
async def test_source(subject: SourceSubject, check: Check[SourceSubject]) -> None:
    """It is a source."""
    await check(subject)


# -- one member ------------------------------------------------------------------------------------------------------


async def test_what_is_listed(etcd: Place) -> None:
    """Members with their labels, those of classic Swarm, and what is drained; what cannot be read is missing."""
    etcd.register("web", ADDRESS, {"zone": "a"})
    etcd.member.put(f"{etcd.prefix}/docker/swarm/nodes/192.0.2.8:2375", "192.0.2.8:2375")
    etcd.member.put(f"{etcd.prefix}/drained/web", "{}")
    etcd.register("bad", "docker unix:///var/run/docker.sock")
    async with opened(f"{etcd.address} --insecure") as service:
        found = await listing(service)
        plain = "docker tcp://192.0.2.8:2375 --insecure"
        web = {"Stage": f"{ADDRESS} --insecure", "Labels": {"zone": "a"}, "Availability": "drain"}
        assert found.rows == (
            Row("web", ("web",), document=web),
            Row("192.0.2.8-2375", ("192.0.2.8-2375",), document={"Stage": plain, "Labels": {}}),
        )
        assert [gap.member for gap in found.missing] == ["bad"]


async def test_draining_outlives_a_registration(etcd: Place) -> None:
    """A member that leaves and comes is still drained, in every instance, until it is put back."""
    etcd.register("web", ADDRESS)
    async with opened(etcd.address) as one, opened(etcd.address) as two:
        await one(Message(Verb.SET, ("web",), {"drained": True}))
        etcd.unregister("web")
        await until(two, has())
        etcd.register("web", ADDRESS)
        await until(two, lambda found: [row.document.get("Availability") for row in found] == ["drain"])
        await two(Message(Verb.SET, ("web",), {"drained": False}))
        await until(one, lambda found: [row.document.get("Availability") for row in found] == [None])
    assert etcd.keys() == ["members/web"]


async def test_a_lease_that_ends(etcd: Place) -> None:
    """What is registered under a lease leaves with it."""
    lease = etcd.member.grant(60)
    etcd.register("web", ADDRESS, lease=lease)
    async with opened(etcd.address) as service:
        await until(service, has("web"))
        etcd.member.revoke(lease)
        assert await until(service, has()) < 2


async def test_etcd_is_killed_and_started(etcd: Place) -> None:
    """What was listed stays, and that it is not known to be so is said at once; what changed meanwhile is taken up."""
    etcd.register("web", ADDRESS)
    async with opened(etcd.address) as service:
        await until(service, has("web"))
        etcd.member.kill()
        assert await until(service, misses) < 2
        assert [row.name for row in await listing(service)] == ["web"]
        await in_thread(etcd.member.start)
        etcd.unregister("web")
        etcd.register("db", ADDRESS)
        await until(service, has("db"))


async def test_etcd_that_is_started_later(etcd: Place) -> None:
    """A source opens without an etcd, says so, and follows it once it is there."""
    etcd.register("web", ADDRESS)
    etcd.member.stop()
    async with opened(etcd.address) as service:
        (gap,) = (await listing(service)).missing
        assert "connection refused" in gap.reason
        await in_thread(etcd.member.start)
        await until(service, has("web"))


async def test_etcd_is_frozen_and_compacted(etcd: Place) -> None:
    """Silence is found out, and what was listed stays; it heals, though what it would watch from is no more."""
    etcd.register("web", ADDRESS)
    async with opened(etcd.address) as service:
        await until(service, has("web"))
        etcd.member.freeze()
        await until(service, misses)
        assert [row.name for row in await listing(service)] == ["web"]
        etcd.member.thaw()
        etcd.register("db", ADDRESS)
        etcd.member.compact()
        await until(service, has("db", "web"))
        etcd.unregister("web")
        assert await until(service, has("db")) < 2


async def test_a_revision_that_was_compacted(etcd: Place) -> None:
    """etcd says in a line that such a watch is cancelled, and leaves it open: it is an error here, at once."""
    etcd.register("web", ADDRESS)
    etcd.register("web", ADDRESS)
    etcd.member.compact()
    async with opened(etcd.address) as service:
        with pytest.raises(Unavailable, match="has cancelled the watch"), trio.fail_after(2):
            async with open_watch(service.client, "a", "z", 1) as watch:
                await watch.receive()


# -- who may ---------------------------------------------------------------------------------------------------------


async def test_the_password_is_changed(tmp_path: Path) -> None:
    """With the old one it is said that it is refused, and what was listed stays; with the new one it is followed on."""
    password = tmp_path / "password"
    with serving_etcd(1, tmp_path / "etcd") as cluster:
        member = cluster.members[0]
        member.enable_auth("bob", "old", "p/")
        root = member.token()
        member.put("p/members/web", entry_of("web", ADDRESS), token=root)
        await in_thread(partial(password.write_text, "old"))
        async with opened(f"{cluster.urls}/p --user bob --password-file {password}") as service:
            await until(service, has("web"))
            await service(Message(Verb.SET, ("web",), {"drained": True}))
            member.change_password("bob", "new")
            with pytest.raises(Denied, match="authentication failed, invalid user ID or password"):
                await service(Message(Verb.SET, ("web",), {"drained": True}))
            assert [row.name for row in await listing(service)] == ["web"]
            await in_thread(partial(password.write_text, "new"))
            await service(Message(Verb.SET, ("web",), {"drained": False}))
            member.put("p/members/db", entry_of("db", ADDRESS), token=member.token())
            await until(service, has("db", "web"))
        async with opened(f"{cluster.urls}/p") as service:
            (gap,) = (await listing(service)).missing
            assert "user name is empty (say who you are: --user and --password-file)" in gap.reason
        async with opened(f"{cluster.urls}/q --user bob --password-file {password}") as service:
            (gap,) = (await listing(service)).missing
            assert "permission denied" in gap.reason


async def test_tls_with_certificates_on_both_sides(tmp_path: Path) -> None:
    """Only who shows a certificate of the CA is let in; what is wrong is said by the options that it has here."""
    authority = Authority(tmp_path)
    ours = authority.issue("client")
    with serving_etcd(1, tmp_path / "etcd", tls=authority.issue("server")) as cluster:
        member = cluster.members[0]
        member.put("p/members/web", entry_of("web", ADDRESS))
        address = f"{cluster.urls}/p --etcd-cacert {authority.ca}"
        async with opened(f"{address} --etcd-cert {ours.cert} --etcd-key {ours.key}") as service:
            await until(service, has("web"))
            member.put("p/members/db", entry_of("db", ADDRESS))
            await until(service, has("db", "web"))
        async with opened(address) as service:
            (gap,) = (await listing(service)).missing
            assert "it requires a client certificate: --etcd-cert and --etcd-key" in gap.reason


# -- three members ---------------------------------------------------------------------------------------------------


def watched_at(service: EtcdSource, place: Place) -> Etcd:
    """Return the member at which a source watches."""
    where = service.client.endpoints.order[0].where
    return next(member for member in place.cluster.members if member.url == where)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_an_endpoint_fails(fault: str, etcd_cluster: Place) -> None:
    """Another is asked, nothing is missing, and changes are followed there."""
    etcd_cluster.register("web", ADDRESS)
    async with opened(etcd_cluster.address) as service:
        await until(service, has("web"))
        failing = watched_at(service, etcd_cluster)
        others = [member for member in etcd_cluster.cluster.members if member is not failing]
        failing.kill() if fault == "killed" else failing.freeze()
        await in_thread(partial(put_somewhere, others[0], f"{etcd_cluster.prefix}/members/db", entry_of("db", ADDRESS)))
        assert await until(service, has("db", "web")) < (2 if fault == "killed" else 10)


async def test_the_leader_is_killed(etcd_cluster: Place) -> None:
    """A source that watches at another member goes on; what is changed under the new leader is followed."""
    etcd_cluster.register("web", ADDRESS)
    leader, (one, two) = etcd_cluster.cluster.leader(), etcd_cluster.cluster.followers()
    async with opened(f"{one.url},{two.url}/{etcd_cluster.prefix}") as service:
        await until(service, has("web"))
        leader.kill()
        await in_thread(partial(put_somewhere, one, f"{etcd_cluster.prefix}/members/db", entry_of("db", ADDRESS)))
        await until(service, lambda found: {row.name for row in found} == {"db", "web"})
        await until(service, has("db", "web"))


async def test_quorum_is_lost(etcd_cluster: Place) -> None:
    """A member without a leader says so, and its watch does not pass for a quiet one; it heals with the quorum."""
    etcd_cluster.register("web", ADDRESS)
    async with opened(etcd_cluster.address) as service:
        await until(service, has("web"))
        await in_thread(etcd_cluster.cluster.lose_quorum)
        await until(service, misses)
        assert [row.name for row in await listing(service)] == ["web"]
        with pytest.raises((Unavailable, Timeout)):
            await service(Message(Verb.SET, ("web",), {"drained": True}))
        await in_thread(etcd_cluster.cluster.heal)
        etcd_cluster.register("db", ADDRESS)
        await until(service, has("db", "web"))


def put_somewhere(member: Etcd, key: str, value: bytes) -> None:
    """Put a key at a member, as soon as there is a leader again."""
    deadline = time.monotonic() + SOON
    while True:
        try:
            return member.put(key, value)
        except EtcdError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


# -- an aggregate over it --------------------------------------------------------------------------------------------


async def test_without_etcd_the_known_members_go_on_working(etcd: Place) -> None:
    """Containers are listed, made and removed as before, and a member that is drained meanwhile is so afterwards."""
    ports = [free_port(), free_port()]
    fronts = [[f"dockerserver tcp://127.0.0.1:{port}", "fake"] for port in ports]
    for name, port in zip("ab", ports, strict=True):
        etcd.register(name, f"docker tcp://127.0.0.1:{port}", {"zone": name})
    words = shlex.quote(f"etcd {etcd.address} --insecure")
    whole_of = parse_pipeline(f"aggregate {words}").open
    async with open_pipeline(fronts[0]), open_pipeline(fronts[1]), whole_of() as whole:

        async def hosts() -> dict[str, bool]:
            rows = Listing.of(await whole(Message(Verb.LS, ("nodes",))))
            return {row.name: row.lost is None and row.document.get("Availability") != "drain" for row in rows}

        async def create(name: str) -> str:
            reply = await whole(Message(Verb.SPAWN, ("containers",), {"spec": {"Image": "busybox"}, "name": name}))
            return reply.path[1]

        await eventually(hosts, lambda seen: seen == {"a": True, "b": True}, "both hosts are there")
        await create("before")
        etcd.member.kill()
        assert {await create("one"), await create("two")} == {"a", "b"}
        found = Listing.of(await whole(Message(Verb.LS, ("containers",))))
        assert ({row.name for row in found}, await hosts()) == ({"before", "one", "two"}, {"a": True, "b": True})
        await in_thread(etcd.member.start)
        etcd.member.put(f"{etcd.prefix}/drained/a", "{}")
        await eventually(hosts, lambda seen: seen == {"a": False, "b": True}, "a is drained")
        assert await create("three") == "b"
