"""Requests that change an engine in every collection, and what is compared after them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from backends.fake.archive import make_tar
from backends.fake.files import File
from swarmkit import Listing, Message, Service, Verb
from swarmkit.streams import read_whole

ALL = quote(json.dumps({"dangling": ["false"]}))

REQUESTS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/images/create?fromImage=alpine&tag=3", None),
    ("POST", "/containers/create?name=c0", {"Image": "busybox", "Cmd": ["sleep", "600"], "Volumes": {"/data": {}}}),
    ("POST", "/containers/create?name=c1", {"Image": "alpine:3", "HostConfig": {"Binds": ["v1:/data"]}}),
    ("POST", "/volumes/create", {"Name": "v0"}),
    ("POST", "/volumes/create", {"Name": "v1", "Labels": {"a": "b"}}),
    ("DELETE", "/volumes/v0", None),
    ("POST", "/volumes/prune", None),
    ("POST", "/networks/create", {"Name": "n0", "CheckDuplicate": True}),
    ("POST", "/networks/create", {"Name": "n1"}),
    ("POST", "/networks/n0/connect", {"Container": "c0"}),
    ("POST", "/networks/n0/disconnect", {"Container": "c0"}),
    ("DELETE", "/networks/n0", None),
    ("POST", "/networks/prune", None),
    ("POST", "/images/busybox:latest/tag?repo=t0&tag=1", None),
    ("POST", "/images/alpine:3/tag?repo=t0&tag=1", None),
    ("DELETE", "/images/t0:1", None),
    ("POST", "/images/alpine:3/tag?repo=busybox&tag=latest", None),
    ("POST", "/commit?container=c0", None),
    ("POST", "/commit?container=c0&repo=t0&tag=1", None),
    ("POST", "/images/create?fromSrc=-&repo=imported", None),
    ("POST", "/images/prune", None),
    ("POST", "/containers/c0/start", None),
    ("POST", "/containers/c0/stop?t=0", None),
    ("POST", "/containers/c1/rename?name=c2", None),
    ("DELETE", "/containers/c0?v=1&force=1", None),
    ("DELETE", "/containers/c2?force=1", None),
    ("POST", "/containers/prune", None),
    ("DELETE", "/images/alpine:3?force=1", None),
    ("POST", f"/images/prune?filters={ALL}", None),
    ("POST", "/images/create?fromImage=busybox&tag=latest", None),
]
PULL, CREATE, TAG_BUSYBOX, TAG_ALPINE, COMMIT = 0, 1, 13, 14, 17


NO_EVENT = {number for number, request in enumerate(REQUESTS) if request[1].endswith("/connect")}
"""What an engine sends no event of: connecting a container that does not run."""


async def ask(service: Service, number: int) -> bool:
    """Send a request; return whether it was accepted."""
    method, target, body = REQUESTS[number]
    args: dict[str, Any] = {"method": method, "target": target}
    if body is not None:
        args |= {"headers": [["Content-Type", "application/json"]], "body": json.dumps(body).encode()}
    elif "fromSrc" in target:
        args |= {"body": make_tar([("file", File(b"data"))])}
    reply = await service(Message(Verb.CONNECT, (), args))
    assert reply.att is not None
    await read_whole(reply.att)
    return int(reply["status"]) < 400


async def listed(service: Service, collection: str) -> dict[str, Any]:
    """List a collection by path."""
    listing = Listing.of(await service(Message(Verb.LS, (collection,))))
    assert listing.missing == ()
    return {"/".join(row.path): {**row.document, "Status": "", "names": row.names} for row in listing}
