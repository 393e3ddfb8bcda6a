"""Names of containers, held in etcd against all who create through the same prefix.

A hold is a key under a lease, put where there is none. When it is given back the key says "created" for some seconds
more: whoever finds it so takes it over, and knows that the name may have been given a moment ago.

Leases are shared: one is granted every few seconds at most, and takes all holds of that time. A lease for each costs
every create one more round of etcd's consensus (measured on loopback, without and with three members: 3.5 and 5.9 ms in
place of 2.5 and 3.3; over a network the same again). One for as long as an instance lives would be cheaper still, and
would have to be kept alive for ever, and to be another one than that of the names just given back.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

import trio
from attrs import define, field

from swarmkit.channel import Sender, open_channel
from swarmkit.errors import Conflict, NotFound, SwarmError, Timeout, Unavailable
from swarmkit.message import Message, ack

from .client import EtcdClient
from .messages import KeyValue, absent, holds, putting, reading, unchanged

log = logging.getLogger(__name__)

TTL = 15
"""Seconds after which a name is free again whose holder has died, at most."""

SHARED_SECONDS = 5.0
"""How long a lease takes further holds: what it lasts then is enough for most creates, and others have it renewed."""

ASK_SECONDS = 0.8
"""How long holding a name may take. Whoever creates goes on without it then, and has not waited for long."""

LET_GO_SECONDS = 2.0
"""How long giving a name back is tried, which nobody waits for but the end of the process. It lapses with its lease."""

_RETRY_SECONDS = 0.5


@define(eq=False)
class _Lease:
    """A lease, when it was granted, and until when it lasts as far as we know."""

    id: int
    granted: float
    until: float

    def renewed(self, ttl: float) -> None:
        self.until = trio.current_time() + ttl


@define(eq=False)
class _Hold:
    """A name that is held, or may be: `value` is its key's, which no other hold has."""

    name: str
    key: str
    lease: _Lease
    by: str
    token: str = field(factory=lambda: secrets.token_hex(8))

    def value(self, state: str) -> bytes:
        return json.dumps({"state": state, "by": self.by, "hold": self.token}).encode()


class Names:
    """The names that one instance holds below a prefix; the holds are kept, and given back, in `nursery`."""

    def __init__(self, client: EtcdClient, prefix: str, nursery: trio.Nursery) -> None:
        self.by = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._client = client
        self._prefix = prefix
        self._nursery = nursery
        self._held: dict[str, Sender] = {}  # by name: those whose channel is open, and some that end this moment
        self._lease: _Lease | None = None
        self._granting = trio.Lock()

    async def hold(self, name: str) -> Message:
        """Hold a name; the reply's `ret` is a channel: closing it gives the name back, and it ends where that is lost.

        `contested` says that another instance has let go of the name some seconds ago. Raises `Conflict` where one
        holds it, and `Unavailable` where etcd does not do it in `ASK_SECONDS`.
        """
        first = self._client.endpoints.order[0]
        with trio.move_on_after(ASK_SECONDS):
            return await self._hold(name)
        if self._client.endpoints.order[0] is first:
            self._client.endpoints.failed(first)  # the next call has no more time than this one had
        raise Unavailable(f"etcd did not hold the name {name} in {ASK_SECONDS:g} s ({first.where})")

    async def _hold(self, name: str) -> Message:
        if self._holds(name):
            raise _held_by(name, "this one")
        self._held[name], receiver = open_channel(1)
        sender = self._held[name]
        try:
            hold, contested = await self._take_leased(name)
        except BaseException:
            self._forget(name, sender)
            raise
        self._nursery.start_soon(self._keep, hold, sender)
        return ack({"contested": contested}, ret=receiver)

    def _holds(self, name: str) -> bool:
        return name in self._held and not self._held[name].closed

    def _forget(self, name: str, sender: Sender) -> None:
        sender.end()
        if self._held.get(name) is sender:
            del self._held[name]

    async def _usable_lease(self) -> _Lease:
        """Return a lease that lasts for a while; of many who ask at once one gets it for all."""
        async with self._granting:
            lease, now = self._lease, trio.current_time()
            if lease is None or now >= lease.granted + SHARED_SECONDS:
                granted = await self._client.grant(TTL)
                lease = self._lease = _Lease(granted.id, now, now + granted.ttl)
            return lease

    # -- taking -------------------------------------------------------------------------------------------------------

    async def _take_leased(self, name: str) -> tuple[_Hold, bool]:
        """Take a name under the lease of the moment, or under a new one where etcd has lost that."""
        key = f"{self._prefix}/names/{name}"
        lost: NotFound | None = None
        for _ in range(2):
            hold = _Hold(name, key, await self._usable_lease(), self.by)
            try:
                return hold, await self._take(hold)
            except NotFound as error:  # the lease; nothing was done
                self._lease, lost = None if self._lease is hold.lease else self._lease, error
        raise Unavailable(f"the name {name} could not be held: etcd loses its leases") from lost

    async def _take(self, hold: _Hold) -> bool:
        """Put the key; return whether the name is contested. Where it may have been put unnoticed, it is given back."""
        try:
            return await self._try_to_take(hold)
        except (Timeout, trio.Cancelled):
            self._nursery.start_soon(partial(self._let_go, hold, put=False))
            raise

    async def _try_to_take(self, hold: _Hold) -> bool:
        """Put the key where there is none, or in place of one that nobody holds and that has not changed till then."""
        put = putting(hold.key, hold.value("creating"), hold.lease.id)
        condition, found = absent(hold.key), None
        while True:
            done = await self._client.txn([condition], [put], [reading(hold.key)])
            if done.succeeded:
                return found is not None and _read(found).get("by") != self.by
            (rows,) = done.found
            found = rows[0] if rows else None
            condition = absent(hold.key) if found is None else unchanged(hold.key, found.mod_revision)
            if found is not None:
                self._check_given_back(hold.name, _read(found))

    def _check_given_back(self, name: str, said: Mapping[str, Any]) -> None:
        """Raise `Conflict` for a hold of another instance. One of ours, that we do not have, is being given back."""
        if said.get("state") == "creating" and said.get("by") != self.by:
            raise _held_by(name, f"another swarmd ({said.get('by')})")

    # -- keeping ------------------------------------------------------------------------------------------------------

    async def _keep(self, hold: _Hold, sender: Sender) -> None:
        """Keep a hold until it is given back, or lost."""
        try:
            while not sender.closed:
                with trio.move_on_after(TTL / 3):
                    await sender.wait_closed()
                    break
                await self._renew(hold, sender)
        finally:
            sender.end(Unavailable(f"the name {hold.name} is not held any more: its source has been closed"))
            self._forget(hold.name, sender)
            await self._let_go(hold)

    async def _renew(self, hold: _Hold, sender: Sender) -> None:
        """Renew the lease of a hold; end the channel where its time is over."""
        lease = hold.lease
        lasts: int | None = None
        while trio.current_time() < lease.until:
            try:
                with trio.move_on_at(lease.until):
                    lasts = await self._client.keep_alive(lease.id)
                    break
            except SwarmError as error:
                log.debug("the lease of the name %s is not renewed yet: %s", hold.name, error)
                await trio.sleep(_RETRY_SECONDS)
        if lasts is None:
            sender.end(Unavailable(f"the hold on the name {hold.name} was lost: etcd did not renew its lease in time"))
        else:
            lease.renewed(lasts)

    async def _let_go(self, hold: _Hold, *, put: bool = True) -> None:
        """Have the key say "created", if it is that hold's; also when all is being closed.

        Where it may not have been `put` yet it is looked for again: what etcd was asked may still be on its way there.
        """
        done = False
        with trio.move_on_after(LET_GO_SECONDS, shield=True):
            done = await self._let_go_once(hold, put=put)
            while not done:
                await trio.sleep(_RETRY_SECONDS)
                done = await self._let_go_once(hold, put=put)
        if put and not done:
            log.info("the name %s was not given back to etcd: it is free when its lease is over", hold.name)

    async def _let_go_once(self, hold: _Hold, *, put: bool) -> bool:
        """Give a name back if the key is that hold's; return whether nothing is left to do."""
        key, lease = hold.key, hold.lease.id
        given_back = putting(key, hold.value("created"), lease)
        try:
            done = await self._client.txn([holds(key, hold.value("creating"))], [given_back])
        except NotFound:
            return True  # the lease is over, and the key with it
        except SwarmError as error:
            log.debug("the name %s is not given back yet: %s", hold.name, error)
            return False
        return put or done.succeeded


def _held_by(name: str, whom: str) -> Conflict:
    return Conflict(f"the name {name} is being created at this moment by {whom}", name_in_use=name)


def _read(row: KeyValue) -> dict[str, Any]:
    """Read what is said of a name; what nobody here has written says nothing, and is taken over."""
    try:
        said = json.loads(row.value)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
