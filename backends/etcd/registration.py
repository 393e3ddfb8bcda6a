"""One member registered in etcd: a key under a lease that is kept alive, and made again where it was lost."""

from __future__ import annotations

import json
import logging
from typing import Any

import trio
from attrs import define, frozen

from swarmkit.backoff import Backoff
from swarmkit.channel import Sender, open_channel
from swarmkit.errors import Conflict, Invalid, NotFound, SwarmError, Timeout, Unavailable
from swarmkit.message import Message, Verb, ack

from .client import EtcdClient
from .entries import VERSION, Means, read_member
from .messages import KeyValue, absent, putting, reading, unchanged

log = logging.getLogger(__name__)

DEFAULT_TTL, MIN_TTL, MAX_TTL = 30, 5, 86_400
"""Seconds after which a member that is not kept registered is gone: where nothing is said, and what may be."""

RETRY_FIRST = 0.5
"""Seconds before etcd is asked again where it gave no answer; doubled up to a quarter of the lease's time."""

REVOKE_SECONDS = 2.0
"""How long taking a member out is tried when it is over. Where that fails its lease ends it."""


@frozen
class Wanted:
    """What is to be registered: the key, and what it says."""

    name: str
    key: str
    address: str
    value: bytes
    ttl: int

    @classmethod
    def of(cls, message: Message, prefix: str, means: Means) -> Wanted:
        """Read `SPAWN (NAME,) {address, labels, ttl}`; raise `Invalid` for what nobody could read as a member."""
        (name,) = message.path
        args = {"labels": {}, "ttl": DEFAULT_TTL, **message.args}
        if args.keys() != {"address", "labels", "ttl"}:
            raise Invalid(
                f"{name}: a member is registered with `address`, `labels` and `ttl`, not {sorted(message.args)}"
            )
        ttl = args["ttl"]
        if type(ttl) is not int or not MIN_TTL <= ttl <= MAX_TTL:
            raise Invalid(f"the ttl of a registration is a number of seconds from {MIN_TTL} to {MAX_TTL}, not {ttl!r}")
        said = {"name": name, "address": args["address"], "labels": args["labels"], "version": VERSION}
        value = json.dumps(said).encode()
        try:
            read_member(name, value, means)
        except Invalid as error:
            raise Invalid(f"{name} cannot be registered: {error.message}") from error
        return cls(name, f"{prefix}/members/{name}", str(args["address"]), value, ttl)


@define(eq=False)
class Registration:
    """What is wanted, and how far we are: the lease, and whether the key has been put under it."""

    client: EtcdClient
    wanted: Wanted
    _lease: int | None = None
    _put: bool = False
    lost: str | None = None
    """Why the member is not registered now, or not known to be."""

    async def begin(self) -> None:
        """Register, if etcd answers; raise what cannot be mended by asking again."""
        try:
            await self._ensure()
        except (Unavailable, Timeout) as error:
            self.lost = error.reason
        except BaseException:
            await self._revoke()
            raise

    async def keep(self, sender: Sender) -> None:
        """Keep the member registered until nobody listens any more, who is told what happens; then take it out.

        The channel ends with `Conflict` where another has taken the name while the lease was lost.
        """
        pause = self.wanted.ttl / 4  # with its chance three go into the lease's time: two may fail
        renewing, trying = Backoff(pause, pause), Backoff(RETRY_FIRST, pause)
        try:
            while not sender.closed:
                with trio.move_on_after((renewing if self.lost is None else trying).wait()):
                    await sender.wait_closed()
                    break
                if await self._renew(sender):
                    trying.reset()
        finally:
            sender.end(Unavailable(f"{self.wanted.name} is not kept registered any more: its source has been closed"))
            await self._revoke()

    async def _renew(self, sender: Sender) -> bool:
        """See that the member is registered, and say where it is so no more, or again; return whether it is."""
        try:
            await self._ensure()
        except Conflict as error:
            sender.end(error)
            return False
        except SwarmError as error:
            if self.lost is None:
                self._say(sender, "lost", reason=error.reason)
            self.lost = error.reason
            return False
        if self.lost is not None:
            self._say(sender, "back", reason=self.lost)
            self.lost = None
        return True

    def _say(self, sender: Sender, kind: str, **args: Any) -> None:
        sender.offer(Message(Verb.WATCH, (self.wanted.name,), {"kind": kind, **args}))

    # -- one look ---------------------------------------------------------------------------------------------------

    async def _ensure(self) -> None:
        """Renew the lease, or get one, and see that the key is there; raise `Conflict` where it is another's."""
        if self._lease is None or await self.client.keep_alive(self._lease) is None:
            self._put = False
            self._lease = (await self.client.grant(self.wanted.ttl)).id
        try:
            await self._ensure_key(self._lease)
        except NotFound as error:  # of the lease, which has ended this moment
            self._lease = None
            raise Unavailable(error.message, reason="its lease has ended") from error
        self._put = True

    async def _ensure_key(self, lease: int) -> None:
        """Put the key where there is none, in place of one that an earlier run of ours has left, too.

        Two who register one host by the same words leave each other alone: whose key it is does not matter.
        """
        put = putting(self.wanted.key, self.wanted.value, lease)
        condition = absent(self.wanted.key)
        while True:
            done = await self.client.txn([condition], [put], [reading(self.wanted.key)])
            (rows,) = done.found or ((),)
            if done.succeeded:
                return
            if not rows:  # it has gone since
                condition = absent(self.wanted.key)
                continue
            (row,) = rows
            self._check_ours(row)
            if row.lease == lease or self._put:
                return
            condition = unchanged(self.wanted.key, row.mod_revision)

    def _check_ours(self, row: KeyValue) -> None:
        address = _address_in(row.value)
        if address != self.wanted.address:
            name = self.wanted.name
            raise Conflict(
                f"{name} is registered already, as {address or 'something that cannot be read'}, and not as "
                f"{self.wanted.address}: choose another name, or end what keeps it registered; "
                "it is free when that one's time is over",
                name=name,
            )

    async def _revoke(self) -> None:
        """End the lease, and with it the key, also when all is being closed."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        with trio.move_on_after(REVOKE_SECONDS, shield=True) as deadline:
            try:
                await self.client.revoke(lease)
            except SwarmError as error:
                log.warning("%s could not be taken out: %s; %s", self.wanted.name, error, _LATER)
        if deadline.cancelled_caught:
            log.warning("%s could not be taken out in %g s; %s", self.wanted.name, REVOKE_SECONDS, _LATER)


_LATER = "it is gone when its lease has ended"


async def register(client: EtcdClient, prefix: str, means: Means, message: Message, nursery: trio.Nursery) -> Message:
    """Register a member: `SPAWN (NAME,) {address, labels, ttl}`. It is kept until the reply's `ret` is closed.

    Where etcd gives no answer it is tried on and on: the reply then has `lost`, the reason, and `ret` says `lost` and
    `back`. Raises `Conflict` where the name is that of one with another address, and `Invalid`.
    """
    registration = Registration(client, Wanted.of(message, prefix, means))
    await registration.begin()
    sender, receiver = open_channel()
    nursery.start_soon(registration.keep, sender)
    return ack({} if registration.lost is None else {"lost": registration.lost}, ret=receiver)


def _address_in(value: bytes) -> str:
    try:
        said = json.loads(value)
    except ValueError:
        return ""
    return str(said.get("address", "")) if isinstance(said, dict) else ""
