"""Passing a request on, untouched, to the one place it is for."""

from __future__ import annotations

from swarmkit.http import Response
from swarmkit.message import Message, Path, Verb

from .answers import relayed
from .call import Call
from .hosts import Hosts


async def connect(hosts: Hosts, call: Call, path: Path, target: str) -> Message:
    """Send a client's request to what a path names; its body, or its raw input, goes along as a stream."""
    hijack = call.route.operation.hijack
    options = await call.options(hijack=hijack)
    args = {"method": call.request.method, "target": target, **options}
    att = None
    if hijack:
        att = call.request.raw
    elif call.streams_body:
        att = call.request.body
    return await hosts.service(Message(Verb.CONNECT, path, args, att=att))


async def forward(hosts: Hosts, call: Call, path: Path, target: str) -> Response:
    """Send a client's request to what a path names, and answer with what is answered."""
    return relayed(await connect(hosts, call, path, target), call.request.headers.get("upgrade"))


async def forward_whole(hosts: Hosts, call: Call, path: Path = ()) -> Response:
    """Send a request as it came to a host as a whole."""
    return await forward(hosts, call, path, call.whole_target)
