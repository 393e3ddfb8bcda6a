"""Clients of a real etcd, for tests of what is kept in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from backends.etcd.client import EtcdClient
from swarmkit.transport import TcpDialer

from ..real.etcd import LOOPBACK, Place


def dialer_at(host: str) -> TcpDialer:
    """Return the way to `HOST:PORT`."""
    return TcpDialer(LOOPBACK, int(host.rpartition(":")[2]))


@asynccontextmanager
async def open_client(place: Place, *others: TcpDialer) -> AsyncIterator[EtcdClient]:
    """Open a client of a place's etcd; `others` are endpoints that are asked first."""
    dialers = [*others, *(dialer_at(member.host) for member in place.cluster.members)]
    async with aclosing(EtcdClient(dialers)) as client:
        yield client
