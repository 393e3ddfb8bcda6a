"""The client of etcd: the operations that are used here, at whichever endpoint answers, as the user that we are.

What a request and an answer look like is in `messages`, one request at one endpoint in `exchange`, and watches in
`watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import trio

from swarmkit.errors import Conflict, NotFound, Timeout, Unavailable
from swarmkit.transport import Dialer

from .credentials import Credentials, Token
from .endpoints import Endpoint, Endpoints
from .exchange import ask, understanding
from .failures import NO_AUTHENTICATION, Request, TokenRefused, none_answers
from .messages import (
    Done,
    Found,
    Lease,
    Plain,
    deleted_of,
    done_of,
    end_of_prefix,
    found_of,
    lasting_of,
    lease_of,
    newest_of,
    put_fields,
    range_of,
    revision_of,
)

T = TypeVar("T")


class EtcdClient:
    """Speak to one etcd, through its JSON gateway (`/v3/`, from 3.4 on).

    Every operation raises `Unavailable` where it is known not to have been done, or only read, at any endpoint;
    `Timeout` where it may have been done, which is never repeated; `Denied` where we may not. Each endpoint has
    `DIAL_DEADLINE` and `ANSWER_DEADLINE`; who has less time gives the call up by cancelling it.
    """

    def __init__(self, dialers: Iterable[Dialer], credentials: Credentials | None = None) -> None:
        self.endpoints = Endpoints(dialers)
        self._credentials = credentials
        self._token = Token()

    async def aclose(self) -> None:
        """Close the connections that are kept, all of them also where this is being cancelled."""
        with trio.CancelScope(shield=True):
            await self.endpoints.aclose()

    # -- operations -----------------------------------------------------------------------------------------------

    async def range(self, key: str, end: str | None = None) -> Found:
        """Find one key, or those from `key` up to, but without, `end` (KV.Range). What is found was there just now."""
        return await self._call("/v3/kv/range", range_of(key, end), found_of, repeats=True)

    async def prefix(self, prefix: str) -> Found:
        """Find the keys that begin with a prefix, which is not empty."""
        return await self.range(prefix, end_of_prefix(prefix))

    async def newest(self, endpoint: Endpoint, key: str, end: str) -> Found:
        """Find the key of a range that was changed last, as one endpoint has it, which thereby shows that it works."""
        request = Request("/v3/kv/range", newest_of(key, end), repeats=True)
        return await self.call_at(endpoint, request, found_of)

    async def put(self, key: str, value: bytes, lease: int | None = None) -> int:
        """Put a key, under a lease if one is given; return the revision. `NotFound`: the lease is no more (KV.Put)."""
        return await self._call("/v3/kv/put", put_fields(key, value, lease), revision_of)

    async def delete(self, key: str) -> bool:
        """Delete a key; return whether it was there (KV.DeleteRange)."""
        return await self._call("/v3/kv/deleterange", range_of(key, None), deleted_of)

    async def txn(
        self, compare: Iterable[Plain] = (), success: Iterable[Plain] = (), failure: Iterable[Plain] = ()
    ) -> Done:
        """Do `success` where all comparisons hold, else `failure`, at one revision (KV.Txn).

        They are made by `absent`, `unchanged` and `holds`; `putting` and `reading`. `NotFound`: the lease
        of one that is put is no more.
        """
        body = {"compare": list(compare), "success": list(success), "failure": list(failure)}
        return await self._call("/v3/kv/txn", body, done_of)

    async def grant(self, ttl: int) -> Lease:
        """Get a lease of some seconds, or of more where etcd has a minimum (Lease.LeaseGrant).

        It is asked at the next endpoint where one gives no answer: a lease that nobody knows of ends by itself.
        """
        return await self._call("/v3/lease/grant", {"TTL": str(ttl)}, lease_of, repeats=True)

    async def keep_alive(self, lease: int) -> int | None:
        """Renew a lease; return the seconds that it lasts now, None where it is no more (Lease.LeaseKeepAlive)."""
        return await self._call("/v3/lease/keepalive", {"ID": str(lease)}, lasting_of, repeats=True)

    async def revoke(self, lease: int) -> None:
        """End a lease, and delete what is under it; one that is no more is fine (Lease.LeaseRevoke)."""
        with suppress(NotFound):
            await self._call("/v3/lease/revoke", {"ID": str(lease)}, revision_of, repeats=True)

    # -- who asks, and where --------------------------------------------------------------------------------------

    async def _call(
        self, path: str, body: Mapping[str, Any], read: Callable[[Plain], T], *, repeats: bool = False
    ) -> T:
        """Ask one endpoint after the other until one answers, as far as what was sent allows."""
        request = Request(path, body, repeats)
        errors: list[Unavailable] = []
        for endpoint in self.endpoints.order:
            try:
                return await self.call_at(endpoint, request, read)
            except Timeout:
                self.endpoints.failed(endpoint)
                raise
            except Unavailable as error:
                self.endpoints.failed(endpoint)
                errors.append(error)
        raise none_answers(errors)

    async def call_at(self, endpoint: Endpoint, request: Request, read: Callable[[Plain], T]) -> T:
        """Ask one endpoint; where the token is not taken, authenticate again, once."""
        token = await self.token(endpoint)
        try:
            said = await ask(endpoint, request, token)
        except TokenRefused:
            self.refuse(token)
            said = await ask(endpoint, request, await self.token(endpoint))
        with understanding(endpoint, request, said):
            return read(said)

    async def token(self, endpoint: Endpoint) -> str:
        """Return the token to send, had from that endpoint where there is none yet; "" for none."""
        credentials = self._credentials
        return "" if credentials is None else await self._token.get(partial(_authenticate, endpoint, credentials))

    def refuse(self, token: str) -> None:
        """Take note that a token is not taken any more."""
        self._token.refuse(token)


async def _authenticate(endpoint: Endpoint, credentials: Credentials) -> str:
    """Exchange the password, as it is now, for a token (Auth.Authenticate); "" where etcd asks nobody who they are."""
    body = {"name": credentials.user, "password": credentials.password()}
    request = Request("/v3/auth/authenticate", body, repeats=True)
    try:
        said = await ask(endpoint, request)
    except Conflict as error:
        if error.details.get("said") != NO_AUTHENTICATION:
            raise
        return ""
    with understanding(endpoint, request, "no token"):
        return str(said["token"])
