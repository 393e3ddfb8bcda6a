"""The typed face of a service that is a host: containers as objects, verbs as methods.

A handle is a service and a path, nothing more: making one asks nobody, and it needs no closing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import trio
from attrs import frozen

from .channel import Receiver
from .errors import Internal, error_of_answer
from .message import Message, Path, Verb
from .records import OpeningRecords, Records
from .rows import Listing, Row
from .service import Service, close_ends
from .streams import BytesStream, read_whole

__all__ = ["Answer", "Container", "Document", "Host", "Records"]


class Document(dict[str, Any]):
    """An Engine API object as the engine sent it. Prints as indented JSON."""

    def __str__(self) -> str:
        return json.dumps(self, indent=2, ensure_ascii=False, default=repr)


@frozen(eq=False)
class Answer:
    """What a raw request was answered: status, headers, and the body, which the caller closes."""

    status: int
    headers: Mapping[str, str]
    body: trio.abc.ReceiveStream
    path: Path = ()

    async def json(self) -> Any:
        """Read the whole body as JSON and close; raise the error that it is, if it is one, None where it is empty."""
        data = await read_whole(self.body)
        if self.status >= 400:
            raise error_of_answer(self.status, data)
        try:
            return json.loads(data) if data.strip() else None
        except ValueError as error:
            raise Internal(f"the answer is no JSON: {data[:80]!r}") from error


@frozen
class Host:
    """A service that is a Docker host, or many as one."""

    service: Service

    async def spawn(
        self, spec: Mapping[str, Any], *, name: str | None = None, platform: str | None = None
    ) -> Container:
        """Create a container, not started, of an Engine API `ContainerConfig` with its `HostConfig`.

        A name `host/name` says where to place it.
        """
        args = {"spec": spec, "name": name, "platform": platform}
        args = {key: value for key, value in args.items() if value is not None}
        reply = await self.service(Message(Verb.SPAWN, ("containers",), args))
        return Container(
            self.service, reply.path, str(reply.get("id", "")), name or "", tuple(reply.get("warnings") or ())
        )

    async def attach(self, reference: str) -> Container:
        """Find a container by name, `host/name`, id, or the beginning of an id; raise `NotFound` or `Conflict`."""
        reply = await self.service(Message(Verb.ATTACH, ("containers", reference)))
        row = Row.from_plain(reply.args)
        return Container(self.service, reply.path or row.path, row.id, row.name)

    async def ls(self, collection: str = "containers", **options: Any) -> Listing:
        """List a collection: containers (all of them), images, networks, volumes or nodes. Prints as a table."""
        return Listing.of(await self.service(Message(Verb.LS, (collection,), options)))

    async def get(self, *path: str) -> Document:
        """Return the document of what the path names; without one, what the host says of itself."""
        return Document((await self.service(Message(Verb.GET, path)))["document"])

    async def watch(self, **options: Any) -> Receiver:
        """Subscribe to what changes; iterate over the channel, and close it."""
        reply = await self.service(Message(Verb.WATCH, (), options))
        if not isinstance(reply.ret, Receiver):
            await close_ends(reply)
            raise Internal("the reply to WATCH has no channel")
        return reply.ret

    async def connect(self, method: str, target: str, *, path: Path = (), body: Any = None, **options: Any) -> Answer:
        """Send one Engine API request to what the path names; `body` is sent as JSON."""
        return await _connect(self.service, path, method, target, body, **options)


@frozen
class Container:
    """One container, by its canonical path."""

    service: Service
    path: Path
    id: str = ""
    name: str = ""
    warnings: Sequence[str] = ()

    def __str__(self) -> str:
        return self.name or self.id[:12] or "/".join(self.path)

    async def start(self) -> None:
        """Start it."""
        await self._ask(Verb.START)

    async def stop(self, timeout: int | None = None, *, signal: str | None = None) -> None:
        """Stop it: the signal (its own by default), then after `timeout` seconds a kill."""
        await self._ask(Verb.STOP, timeout=timeout, signal=signal)

    async def get(self) -> Document:
        """Return its full document (operation ContainerInspect)."""
        return Document((await self._ask(Verb.GET))["document"])

    async def set(self, **changes: Any) -> None:
        """Rename it (`Name`), or update its resources (operation ContainerUpdate)."""
        await self._ask(Verb.SET, **changes)

    def log(
        self,
        *,
        follow: bool = False,
        tail: int | str | None = None,
        since: float | None = None,
        until: float | None = None,
        timestamps: bool = False,
        stdout: bool = True,
        stderr: bool = True,
    ) -> OpeningRecords:
        """Read its log: iterate, or use `async with` where the loop may be left early. Times are Unix seconds."""
        options = {
            "follow": follow, "tail": tail, "since": since, "until": until, "timestamps": timestamps,
            "stdout": stdout, "stderr": stderr,
        }  # fmt: skip
        return OpeningRecords(self.service, self._message(Verb.LOG, options))

    def join(self, stdin: trio.abc.ReceiveStream | bytes | None = None, *, logs: bool = False) -> OpeningRecords:
        """Join its standard streams: `stdin` is sent to its end of file, the output is read as from `log`."""
        source = BytesStream(stdin) if isinstance(stdin, bytes) else stdin
        wanted = {"stdin": source is not None, "stdout": True, "stderr": True, "logs": logs}
        return OpeningRecords(self.service, self._message(Verb.ATTACH, {"io": wanted}, source))

    async def wait(self, condition: str = "not-running") -> int:
        """Wait until it is `not-running`, `next-exit` or `removed`; return its exit code (operation ContainerWait).

        Raises `Internal` with the engine's reason where it could not wait to the end.
        """
        answer = await self.connect("POST", f"/wait?{urlencode({'condition': condition})}")
        result = await answer.json()
        if result.get("Error"):
            raise Internal(f"waiting for {self}: {result['Error'].get('Message')}")
        return int(result["StatusCode"])

    async def kill(self, signal: str = "KILL") -> None:
        """Send it a signal."""
        await (await self.connect("POST", f"/kill?{urlencode({'signal': signal})}")).json()

    async def remove(self, *, force: bool = False, volumes: bool = False) -> None:
        """Remove it, running or not with `force`, together with its anonymous volumes with `volumes`."""
        query = urlencode({"force": int(force), "v": int(volumes)})
        await (await self.connect("DELETE", f"?{query}")).json()

    async def fetch(self, path: str) -> trio.abc.ReceiveStream:
        """Return a tar archive of a path in it, as a stream that the caller closes."""
        reply = await self._ask(Verb.FILE, path=path)
        if reply.att is None:
            raise Internal("the reply to FILE has no stream")
        return reply.att

    async def put(self, path: str, archive: trio.abc.ReceiveStream | bytes) -> None:
        """Unpack a tar archive into a directory in it."""
        source = BytesStream(archive) if isinstance(archive, bytes) else archive
        await self.service(self._message(Verb.FILE, {"path": path}, source))

    async def connect(self, method: str, target: str, *, body: Any = None, **options: Any) -> Answer:
        """Send one Engine API request below its own path: `connect("GET", "/top")`."""
        return await _connect(self.service, self.path, method, target, body, **options)

    async def _ask(self, verb: Verb, /, **args: Any) -> Message:
        return await self.service(self._message(verb, args))

    def _message(self, verb: Verb, args: Mapping[str, Any], att: trio.abc.ReceiveStream | None = None) -> Message:
        return Message(verb, self.path, {key: value for key, value in args.items() if value is not None}, att=att)


async def _connect(service: Service, path: Path, method: str, target: str, body: Any, **options: Any) -> Answer:
    args: dict[str, Any] = {"method": method, "target": target, **options}
    if body is not None:
        args["body"] = json.dumps(body).encode()
        args["headers"] = [["Content-Type", "application/json"], *args.get("headers", ())]
    reply = await service(Message(Verb.CONNECT, path, args))
    if reply.att is None:
        raise Internal("the reply to CONNECT has no stream")
    headers = {str(key).lower(): str(value) for key, value in reply.get("headers", ())}
    return Answer(int(reply["status"]), headers, reply.att, reply.path)
