"""Members registered in a real etcd."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from backends.etcd import registration
from backends.etcd.entries import Means
from backends.etcd.registration import MIN_TTL, Wanted, register
from swarmkit.channel import Receiver
from swarmkit.errors import Conflict, Invalid, Unavailable
from swarmkit.instance import open_instance
from swarmkit.message import Message, Verb

from ..real.etcd import Place
from .opening import open_client

ADDRESS, OTHER = "docker tcp://192.0.2.7:2376", "docker ssh://ops@web-2"
WITHIN = 8.0
"""Seconds within which a lease of the shortest time has been looked after, on a busy machine."""


class Registrar:
    """One who registers, through a client of its own."""

    def __init__(self, place: Place, call: Callable[[Message], Any]) -> None:
        self.place = place
        self._call = call

    async def register(self, address: str = ADDRESS, **args: Any) -> Message:
        """Register the member web for the shortest time."""
        message: Message = await self._call(Message(Verb.SPAWN, ("web",), {"address": address, "ttl": MIN_TTL, **args}))
        return message


@asynccontextmanager
async def registrar(place: Place) -> AsyncIterator[Registrar]:
    """Open one who registers; what it has registered is taken out at the end."""
    async with open_client(place) as client, open_instance() as nursery:
        yield Registrar(place, lambda message: register(client, place.prefix, Means(), message, nursery))


def channel_of(reply: Message) -> Receiver:
    """Return the channel of a registration."""
    assert isinstance(reply.ret, Receiver)
    return reply.ret


def registered(place: Place) -> dict[str, Any] | None:
    """Return what etcd has of web."""
    value = place.member.get(f"{place.prefix}/members/web")
    return None if value is None else dict(json.loads(value))


async def wait_for(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    with trio.fail_after(WITHIN):
        while not holds():
            await trio.sleep(0.02)


async def test_a_member_is_registered_until_the_channel_is_closed(etcd: Place) -> None:
    """Its key says what is documented, under a lease that ends with it."""
    before = etcd.member.leases()
    async with registrar(etcd) as one:
        reply = await one.register(labels={"zone": "a"})
        assert reply.args == {}
        assert registered(etcd) == {"name": "web", "address": ADDRESS, "labels": {"zone": "a"}, "version": 1}
        assert len(etcd.member.leases()) == len(before) + 1
        channel_of(reply).close()
        await wait_for(lambda: registered(etcd) is None)
        assert etcd.member.leases() == before


async def test_the_end_of_the_source_takes_it_out(etcd: Place) -> None:
    """And ends the channel with an error."""
    async with registrar(etcd) as one:
        channel = channel_of(await one.register())
    assert registered(etcd) is None
    with pytest.raises(Unavailable, match="web is not kept registered any more: its source has been closed"):
        await channel.receive()


async def test_the_name_of_another_address_is_refused(etcd: Place) -> None:
    """The error names it, and no lease is left over."""
    etcd.register("web", OTHER)
    before = etcd.member.leases()
    async with registrar(etcd) as one:
        with pytest.raises(Conflict, match=f"web is registered already, as {OTHER}, and not as {ADDRESS}"):
            await one.register()
        etcd.member.put(f"{etcd.prefix}/members/web", b"\xff")
        with pytest.raises(Conflict, match="as something that cannot be read"):
            await one.register()
        assert etcd.member.leases() == before


async def test_what_an_earlier_run_has_left_is_taken_over(etcd: Place) -> None:
    """With the labels of now; the end of the earlier one's lease does not take it out."""
    lease = etcd.member.grant(60)
    etcd.register("web", ADDRESS, {"zone": "a"}, lease=lease)
    async with registrar(etcd) as one:
        await one.register(labels={"zone": "b"})
        etcd.member.revoke(lease)
        found = registered(etcd)
        assert found is not None
        assert found["labels"] == {"zone": "b"}


async def test_two_may_register_one_host(etcd: Place) -> None:
    """They do not take it from each other; when one ends, the other sees to it."""
    key = f"{etcd.prefix}/members/web"
    async with registrar(etcd) as one, registrar(etcd) as two:
        await one.register(labels={"by": "one"})
        reply = await two.register(labels={"by": "two"})
        await trio.sleep(MIN_TTL / 3 + 0.5)  # one has looked after it meanwhile
        assert json.loads(etcd.member.get(key) or b"")["labels"] == {"by": "two"}
        channel_of(reply).close()
        await wait_for(lambda: (registered(etcd) or {}).get("labels") == {"by": "one"})


async def test_what_etcd_has_lost_is_registered_again(etcd: Place) -> None:
    """The lease, as after it has been frozen for too long, or the key alone."""
    before = set(etcd.member.leases())
    async with registrar(etcd) as one:
        await one.register()
        (lease,) = set(etcd.member.leases()) - before
        etcd.member.revoke(lease)
        assert registered(etcd) is None
        await wait_for(lambda: registered(etcd) is not None)
        etcd.unregister("web")
        await wait_for(lambda: registered(etcd) is not None)


async def test_a_name_that_was_lost_and_taken_ends_it(etcd: Place) -> None:
    """With who has it now, which stays."""
    before = set(etcd.member.leases())
    async with registrar(etcd) as one:
        channel = channel_of(await one.register())
        (lease,) = set(etcd.member.leases()) - before
        etcd.member.revoke(lease)
        etcd.register("web", OTHER)
        with trio.fail_after(WITHIN), pytest.raises(Conflict, match=f"web is registered already, as {OTHER}"):
            await channel.receive()
    found = registered(etcd)
    assert found is not None
    assert found["address"] == OTHER


async def test_while_etcd_is_gone_it_is_tried_again(etcd: Place) -> None:
    """The channel says why, once, and that the member is there again."""
    async with registrar(etcd) as one:
        channel = channel_of(await one.register())
        etcd.member.kill()
        with trio.fail_after(WITHIN):
            lost = await channel.receive()
        assert (lost["kind"], lost["reason"]) == ("lost", f"{etcd.member.url}: connection refused")
        await trio.sleep(1)
        etcd.member.start()
        with trio.fail_after(WITHIN):
            assert (await channel.receive())["kind"] == "back"
        assert registered(etcd) is not None


async def test_etcd_may_come_later(etcd: Place) -> None:
    """The reply says that the member is not registered yet, and why; the channel, when it is."""
    etcd.member.kill()
    async with registrar(etcd) as one:
        reply = await one.register()
        assert reply["lost"] == f"{etcd.member.url}: connection refused"
        etcd.member.start()
        with trio.fail_after(WITHIN):
            assert (await channel_of(reply).receive())["kind"] == "back"
        assert registered(etcd) is not None


async def test_ending_waits_for_no_etcd(
    etcd: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That does not answer: what is left there ends with its lease, and the log says so."""
    monkeypatch.setattr(registration, "REVOKE_SECONDS", 0.2)
    with caplog.at_level(logging.WARNING, "backends.etcd.registration"):
        async with registrar(etcd) as one:
            await one.register()
            etcd.member.freeze()
            deadline = trio.current_time() + 2
        assert trio.current_time() < deadline
    assert caplog.messages == ["web could not be taken out in 0.2 s; it is gone when its lease has ended"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"address": None}, "its address is None"),
        ({"address": "docker unix:///run/docker.sock"}, "its address is 'docker unix:///run/docker.sock'"),
        ({"address": "docker tcp://127.0.0.1:2375"}, "which is whichever machine reads this"),
        ({"address": ADDRESS, "labels": {"zone": 1}}, "its label 'zone' is 1, which is no text"),
        ({"address": ADDRESS, "labels": None}, "its labels are None"),
        ({"address": ADDRESS, "ttl": 4}, "a number of seconds from 5 to 86400, not 4"),
        ({"address": ADDRESS, "ttl": "30"}, "a number of seconds from 5 to 86400, not '30'"),
        ({"address": ADDRESS, "ttl": True}, "a number of seconds from 5 to 86400, not True"),
        ({"address": ADDRESS, "lable": {}}, r"with `address`, `labels` and `ttl`, not \['address', 'lable'\]"),
    ],
)
def test_what_nobody_could_read_is_not_registered(args: Mapping[str, Any], says: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(Invalid, match=says):
        Wanted.of(Message(Verb.SPAWN, ("web",), args), "p", Means())


def test_a_word_of_the_api_is_no_member() -> None:
    """Nor is what no host can be called."""
    for name in ("events", "a b", ""):
        with pytest.raises(Invalid, match="cannot be a host's name"):
            Wanted.of(Message(Verb.SPAWN, (name,), {"address": ADDRESS}), "p", Means())
