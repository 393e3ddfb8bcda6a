"""The verbs that open a byte stream on an engine: log, standard streams, archives, and whole conversations."""

from __future__ import annotations

from urllib.parse import urlencode

from swarmkit.http import Headers, Reply
from swarmkit.message import Message, ack

from .client import EngineClient
from .failures import understanding
from .framing import FramingStream
from .paths import converse_target
from .request import EngineRequest

_HOP_BY_HOP = (
    *("Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding"),
    "Upgrade",
)
_OURS = (*_HOP_BY_HOP, "Host", "Content-Length", "Expect")


async def open_log(client: EngineClient, container: str, message: Message) -> Message:
    """Return a container's log, framed (operation ContainerLogs). `container` is its target."""
    query = {key: "1" for key in ("follow", "timestamps") if message.get(key)}
    query |= {key: str(message.get(key)) for key in ("tail", "since", "until") if message.get(key) is not None}
    query |= {key: "1" for key in ("stdout", "stderr") if message.get(key, True)}
    tty = await _is_tty(client, container)
    reply = await client.exchange(EngineRequest(method="GET", target=f"{container}/logs?{urlencode(query)}"))
    return await _framed(client, reply, tty)


async def join_streams(client: EngineClient, container: str, message: Message) -> Message:
    """Join a container's standard streams (operation ContainerAttach); `att` is its standard input."""
    wanted = message.get("io") or {}
    query = {key: "1" for key in ("stdin", "stdout", "stderr", "logs") if wanted.get(key)}
    query["stream"] = "1"
    tty = await _is_tty(client, container)
    target = f"{container}/attach?{urlencode(query)}"
    request = EngineRequest(method="POST", target=target, upload=message.att, raw=True, upgrade="tcp")
    return await _framed(client, await client.exchange(request), tty)


async def _is_tty(client: EngineClient, container: str) -> bool:
    document = await client.get_json(f"{container}/json")
    with understanding(client.where, "an account of a container"):
        return bool(document["Config"]["Tty"])


async def _framed(client: EngineClient, reply: Reply, tty: bool) -> Message:
    await _check(client, reply)
    return ack(att=FramingStream(reply.body) if tty else reply.body)


async def _check(client: EngineClient, reply: Reply) -> None:
    """Raise the error that a reply is, if it is one."""
    if reply.head.status >= 400:
        await client.whole(reply)


async def carry_archive(client: EngineClient, container: str, message: Message) -> Message:
    """Fetch an archive of `path`, or with `att` unpack one there (operations ContainerArchive, PutContainerArchive)."""
    target = f"{container}/archive?{urlencode({'path': message.get('path', '/')})}"
    if message.att is None:
        reply = await client.exchange(EngineRequest(method="GET", target=target))
        await _check(client, reply)
        return ack({"stat": reply.head.headers.get("X-Docker-Container-Path-Stat")}, att=reply.body)
    headers = Headers((("Content-Type", "application/x-tar"),))
    request = EngineRequest(method="PUT", target=target, headers=headers, upload=message.att)
    await client.whole(await client.exchange(request))
    return ack()


async def converse(client: EngineClient, message: Message) -> Message:
    """Hold one conversation with the engine: an Engine API request, relative to what the path names.

    Arguments: `method`, `target` (path and query behind the path's own), `headers` (pairs), `body` (bytes, where
    it is at hand), `length` (of `att`, where known), `raw` and `upgrade` (a raw conversation is wanted, and the
    protocol named), `version` (of the API, without "v"). The reply has `status`, `headers`, `raw`, and the body
    as `att`.
    """
    headers = Headers(tuple((str(key), str(value)) for key, value in message.get("headers") or ()))
    version = message.get("version")
    reply = await client.exchange(
        EngineRequest(
            method=str(message.get("method", "GET")),
            target=converse_target(message.path, client.where) + str(message.get("target", "")),
            headers=headers.without(*_OURS),
            body=message.get("body") or b"",
            upload=message.att,
            length=message.get("length"),
            raw=bool(message.get("raw")),
            upgrade=str(message.get("upgrade") or ""),
            version=str(version) if version else None,
        )
    )
    sent = [[key, value] for key, value in reply.head.headers.without(*_HOP_BY_HOP)]
    return ack({"status": reply.head.status, "headers": sent, "raw": reply.raw}, path=message.path, att=reply.body)
