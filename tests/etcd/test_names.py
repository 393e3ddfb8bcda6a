"""Names held in a real etcd, by several instances."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
import trio

from backends.etcd import names
from backends.etcd.client import EtcdClient
from backends.etcd.messages import Done
from backends.etcd.names import ASK_SECONDS, Names
from swarmkit.channel import Receiver
from swarmkit.errors import Conflict, Timeout, Unavailable
from swarmkit.instance import open_instance
from swarmkit.message import Message
from swarmkit.transport import TcpDialer

from ..real.etcd import LOOPBACK, Place
from .opening import dialer_at, open_client

SOON = 5.0
"""Seconds within which what takes a moment must have happened, on a busy machine."""


@asynccontextmanager
async def opened(place: Place, *others: TcpDialer) -> AsyncIterator[Names]:
    """Open one instance."""
    async with open_client(place, *others) as client, open_instance() as nursery:
        yield Names(client, place.prefix, nursery)


def held(reply: Message) -> Receiver:
    """Return the channel of a hold."""
    assert isinstance(reply.ret, Receiver)
    return reply.ret


def said(place: Place, name: str) -> dict[str, Any]:
    """Return what etcd has of a name."""
    value = place.member.get(f"{place.prefix}/names/{name}")
    return dict(json.loads(value)) if value is not None else {}


async def wait_until_given_back(place: Place, name: str) -> None:
    """Wait until etcd says that nobody holds a name any more."""
    with trio.fail_after(SOON):
        while said(place, name).get("state") != "created":
            await trio.sleep(0.01)


async def give_back(place: Place, name: str, reply: Message) -> None:
    """Give a name back, and wait until that is so."""
    held(reply).close()
    await wait_until_given_back(place, name)


async def test_a_name_is_held_by_one(etcd: Place) -> None:
    """Another instance is told that it is in use at this moment, and by whom; so is the same one."""
    async with opened(etcd) as a, opened(etcd) as b, held(await a.hold("web")):
        with pytest.raises(
            Conflict, match=f"the name web is being created at this moment by another swarmd \\({a.by}\\)"
        ) as error:
            await b.hold("web")
        assert error.value.details == {"name_in_use": "web"}
        with pytest.raises(Conflict, match="at this moment by this one"):
            await a.hold("web")
        assert said(etcd, "web")["state"] == "creating"
        held(await b.hold("db")).close()


async def test_of_many_at_once_one_gets_a_name(etcd: Place) -> None:
    """Whether there was nobody before, or somebody who has given it back."""
    async with AsyncExitStack() as stack:
        instances = [await stack.enter_async_context(opened(etcd)) for _ in range(5)]
        for _ in range(2):
            replies: list[Message] = []

            async def hold(instance: Names, replies: list[Message] = replies) -> None:
                with suppress(Conflict):
                    replies.append(await instance.hold("web"))

            async with trio.open_nursery() as nursery:
                for instance in instances:
                    nursery.start_soon(hold, instance)
            (reply,) = replies
            await give_back(etcd, "web", reply)


async def test_a_name_that_another_has_just_given_back_is_contested(etcd: Place) -> None:
    """Not so one that was its own before: what that has come to is known to it."""
    async with opened(etcd) as a, opened(etcd) as b:
        for instance, contested in ((a, False), (a, False), (b, True), (b, False), (a, True)):
            reply = await instance.hold("web")
            assert reply["contested"] is contested
            await give_back(etcd, "web", reply)


async def test_a_name_may_be_held_again_at_once(etcd: Place) -> None:
    """That the one before is still being given back is nobody's business."""
    async with opened(etcd) as a, opened(etcd) as b:
        for _ in range(20):
            reply = await a.hold("web")
            assert reply["contested"] is False
            held(reply).close()
        await wait_until_given_back(etcd, "web")
        assert (await b.hold("web"))["contested"] is True


async def test_what_nobody_can_read_is_taken_over(etcd: Place) -> None:
    """Whatever stands there, it holds the name for nobody; somebody has put it there, though."""
    for value in (b"", b"\xff", b"[]", b'{"state": 3}'):
        etcd.member.put(f"{etcd.prefix}/names/web", value)
        async with opened(etcd) as a:
            assert (await a.hold("web"))["contested"] is True


async def test_holds_share_a_lease(etcd: Place) -> None:
    """Of many at once, too; what is given back stands under it for some seconds more."""
    before = set(etcd.member.leases())
    async with opened(etcd) as a, trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(a.hold, f"web-{number}")
    (lease,) = set(etcd.member.leases()) - before
    assert len(etcd.keys()) == 10
    etcd.member.revoke(lease)
    assert etcd.keys() == []


async def test_the_end_of_an_instance_gives_back_what_it_holds(etcd: Place) -> None:
    """And ends the channel with an error."""
    async with opened(etcd) as a:
        channel = held(await a.hold("web"))
    assert said(etcd, "web")["state"] == "created"
    with pytest.raises(Unavailable, match="its source has been closed"):
        await channel.receive()


async def test_a_hold_is_kept_for_as_long_as_it_is_wanted(etcd: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease is renewed; where etcd has lost that, the hold ends with an error, and the name is free."""
    monkeypatch.setattr(names, "TTL", 3)
    before = set(etcd.member.leases())
    async with opened(etcd) as a, opened(etcd) as b:
        channel = held(await a.hold("web"))
        (lease,) = set(etcd.member.leases()) - before
        await trio.sleep(4)
        with pytest.raises(Conflict):
            await b.hold("web")
        etcd.member.revoke(lease)
        with trio.fail_after(SOON), pytest.raises(Unavailable, match="the hold on the name web was lost"):
            await channel.receive()
        held(await b.hold("web")).close()


async def test_a_lease_that_etcd_has_lost_is_not_used_again(etcd: Place) -> None:
    """The call that finds out gets another."""
    before = set(etcd.member.leases())
    async with opened(etcd) as a:
        held(await a.hold("web")).close()
        await wait_until_given_back(etcd, "web")
        for lease in set(etcd.member.leases()) - before:
            etcd.member.revoke(lease)
        assert (await a.hold("web"))["contested"] is False
        assert said(etcd, "web")["by"] == a.by


async def test_without_etcd_it_is_soon_known(etcd: Place) -> None:
    """That it cannot be reached, or that it does not answer."""
    async with opened(etcd) as a:
        etcd.member.kill()
        with trio.fail_after(SOON), pytest.raises(Unavailable, match="etcd cannot be reached"):
            await a.hold("web")


async def test_what_was_held_unnoticed_is_given_back(etcd: Place) -> None:
    """An etcd that was frozen does what it was asked when it thaws: nobody else is kept from the name for that."""
    async with opened(etcd) as a, opened(etcd) as b:
        await give_back(etcd, "db", await a.hold("db"))
        etcd.member.freeze()
        with trio.fail_after(SOON), pytest.raises(Unavailable, match=f"did not hold the name web in {ASK_SECONDS} s"):
            await a.hold("web")
        etcd.member.thaw()
        with trio.fail_after(SOON):
            while True:
                with suppress(Conflict, Unavailable):
                    await b.hold("web")
                    break
                await trio.sleep(0.05)


async def test_a_hold_that_etcd_learns_of_late_is_given_back(etcd: Place, nursery: trio.Nursery) -> None:
    """It was asked, and gave no answer; what it does of that later is looked for."""

    async def txn_later(*words: Any) -> None:
        await trio.sleep(0.3)
        await EtcdClient.txn(client, *words)

    class Late(EtcdClient):
        """Its first transaction is done when all believe that it was not."""

        late = True

        async def txn(self, *words: Any) -> Done:
            if not self.late:
                return await super().txn(*words)
            self.late = False
            nursery.start_soon(txn_later, *words)
            raise Timeout("no answer")

    async with aclosing(Late([dialer_at(etcd.member.host)])) as client, open_instance() as instance:
        with pytest.raises(Timeout):
            await Names(client, etcd.prefix, instance).hold("web")
        await wait_until_given_back(etcd, "web")


async def test_an_endpoint_that_hangs_is_not_asked_first_again(etcd: Place) -> None:
    """One call has no time for two endpoints; the next one begins with the other."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        hanging = TcpDialer(LOOPBACK, silent.getsockname()[1])
        async with opened(etcd, hanging) as a:
            with pytest.raises(Unavailable, match=f"in {ASK_SECONDS} s \\(http://{LOOPBACK}:{hanging.port}\\)"):
                await a.hold("web")
            held(await a.hold("web")).close()
