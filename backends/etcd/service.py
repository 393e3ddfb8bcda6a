"""The source as a service: LS, WATCH and SET of its roster, and SPAWN of what etcd can hold for somebody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import trio

from swarmkit.instance import open_instance
from swarmkit.message import Message, Verb
from swarmkit.service import Service, VerbService, close_ends
from swarmkit.source import Roster, open_roster

from .client import EtcdClient
from .entries import Means
from .following import Follower
from .members import Keys, Members
from .messages import Change, KeyValue, absent, putting
from .names import Names
from .registration import register


class EtcdSource(VerbService):
    """One opened source. `client` and `prefix` are for what is registered and held through it, in `nursery`."""

    def __init__(
        self,
        name: str,
        roster: Service,
        follower: Follower,
        client: EtcdClient,
        prefix: str,
        means: Means,
        nursery: trio.Nursery,
    ) -> None:
        self.name = name
        self.client = client
        self.prefix = prefix
        self.means = means
        self.nursery = nursery
        self._names = Names(client, prefix, nursery)
        self._roster = roster
        self._follower = follower

    async def __call__(self, message: Message, /) -> Message:
        if message.verb is Verb.SPAWN:
            return await super().__call__(message)
        try:
            await self._follower.wait_settled()
        except BaseException:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise
        return await self._roster(message)

    async def spawn(self, message: Message) -> Message:
        match message.path:
            case ("names", name):
                return await self._names.hold(name)
            case (_,):
                return await register(self.client, self.prefix, self.means, message, self.nursery)
        raise self.unimplemented(message)


@asynccontextmanager
async def open_source(name: str, client: EtcdClient, prefix: str, means: Means) -> AsyncIterator[EtcdSource]:
    """Serve the members under a prefix, and follow them, for the length of the block."""
    keys, roster = Keys(prefix), Roster()
    follower = Follower(client, Members(keys, means), roster, name)

    async def drain(member: str, drained: bool) -> None:
        follower.take([await _set_drained(client, keys, member, drained=drained)])

    async with open_instance() as nursery, open_roster(name, roster, drain=drain) as service:
        nursery.start_soon(follower.run)
        try:
            yield EtcdSource(name, service, follower, client, prefix, means, nursery)
        finally:
            nursery.cancel_scope.cancel()


async def _set_drained(client: EtcdClient, keys: Keys, member: str, *, drained: bool) -> Change:
    """Have etcd say that a member is drained, from when it was first so, or say it no more; return what has changed."""
    key = keys.drained + member
    if not drained:
        await client.delete(key)
        return Change(KeyValue(key), deleted=True)
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    value = json.dumps({"name": member, "since": since}).encode()
    done = await client.txn([absent(key)], [putting(key, value)])
    return Change(KeyValue(key, value, mod_revision=done.revision), deleted=False)
