"""The same requests to two engines, and what their answers come to when what must differ is taken out."""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import trio
from attrs import frozen

from swarmkit.streams import BytesStream, read_whole

from .client import Answer, Client, split_frames

SETTLE = 0.5
"""Seconds in which a container's process does what it does, on a real engine."""


@frozen
class Ask:
    """A request. `{0}` in the target is the id of the first container, exec or network created, and so on.

    Of a document with `measures` only the shape is compared: its fields and their types.
    """

    method: str
    target: str
    body: Any = None
    kind: str = ""
    measures: bool = False


@frozen
class Talk:
    """A raw conversation: everything is written at once, then the half-close.

    What is said is not compared if it is `racy`: at a terminal the half-close ends the conversation at any point.
    """

    target: str
    data: bytes = b""
    body: Any = None
    upgrade: bool = True
    racy: bool = False


@frozen
class Events:
    """Everything that has happened since the first step."""

    filters: str = ""


@frozen
class Settle:
    """Time for what was started to happen."""

    seconds: float = SETTLE


Step = Ask | Talk | Settle | Events


def query(**filters: list[str]) -> str:
    """Return the query parameter of some filters."""
    return "filters=" + quote(json.dumps(filters))


def run(name: str, *command: str, **config: Any) -> list[Step]:
    """Create a container and start it."""
    body = {"Image": "busybox", **({"Cmd": list(command)} if command else {}), **config}
    return [Ask("POST", f"/containers/create?name={name}", body), Ask("POST", f"/containers/{name}/start")]


def execute(name: str, *command: str, data: bytes = b"", **config: Any) -> list[Step]:
    """Run a command in a container, as `docker exec` does; its id must be the newest one created."""
    body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **config}
    start = {"Detach": False, "Tty": bool(config.get("Tty"))}
    return [
        Ask("POST", f"/containers/{name}/exec", body),
        Talk("/exec/{-1}/start", data, start),
        Settle(0.1),
        Ask("GET", "/exec/{-1}/json"),
    ]


class Transcript:
    """What an engine answers to some steps, one after the other."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: list[str] = []
        self._began = time.time()

    async def play(self, steps: Sequence[Step]) -> list[Any]:
        """Take the steps; return what was answered, normalised."""
        return [await self._step(step) for step in steps]

    async def _step(self, step: Step) -> Any:
        match step:
            case Settle():
                await trio.sleep(step.seconds)
                return None
            case Talk():
                return await self._talk(step)
            case Events():
                target = f"/events?since={self._began:.6f}&until={time.time():.6f}&{step.filters}"
                return normal((await self._client.ask("GET", target)).lines)
            case Ask():
                answer = await self._client.ask(step.method, self._filled(step.target), step.body, kind=step.kind)
                self._remember(answer)
                if step.measures:
                    return (f"{step.method} {step.target}", answer.status, shape(answer.json))
                return (f"{step.method} {step.target}", answer.status, *_normal_answer(answer))

    async def _talk(self, step: Talk) -> Any:
        target = self._filled(step.target)
        async with self._client.conversation(target, step.body, upgrade=step.upgrade) as (connection, reply):
            head = reply.head
            async with trio.open_nursery() as nursery:
                if reply.raw:
                    nursery.start_soon(connection.converse, BytesStream(step.data))
                body = await read_whole(reply.body)
                nursery.cancel_scope.cancel()
        fields = {name: head.headers.get(name) for name in ("content-type", "connection", "upgrade")}
        return (step.target, head.status, fields, None if step.racy else normal_body(body))

    def _filled(self, target: str) -> str:
        return re.sub(r"\{(-?\d+)\}", lambda match: self._ids[int(match[1])], target)

    def _remember(self, answer: Answer) -> None:
        if answer.status == 201 and answer.body.startswith(b'{"Id":'):
            self._ids.append(str(answer.json["Id"]))


_HEADERS = ("content-type", "api-version", "docker-experimental", "ostype", "location")


def _normal_answer(answer: Answer) -> tuple[Any, ...]:
    headers = {name: answer.headers.get(name) for name in _HEADERS if answer.headers.get(name)}
    return headers, normal_body(answer.body)


def shape(document: Any) -> Any:
    """Return the fields of a document and the types of their values; a list counts as its first element."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items() if key != "Warnings"}
    if isinstance(document, list):
        return [shape(value) for value in document[:1]]
    return type(document).__name__


def normal_body(body: bytes) -> Any:
    """Return a body as JSON, as lines of JSON, as frames, or as it is; without what differs from run to run."""
    try:
        return normal(json.loads(body))
    except ValueError:
        pass
    try:
        return [normal(json.loads(line)) for line in body.splitlines()]
    except ValueError:
        pass
    if body[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return sorted((entry.name, entry.type, entry.mode & 0o7777, entry.linkname) for entry in tar)
    if body[:1] in (b"\1", b"\2") and body[1:4] == b"\0\0\0":
        return {stream: normal_text(data.decode(errors="replace")) for stream, data in split_frames(body).items()}
    return normal_text(body.decode(errors="replace"))


_NUMBERS = frozenset(
    [
        "Created",
        "CreatedBy",
        "Digest",
        "DockerVersion",
        "Images",
        "LastTagTime",
        "LayersSize",
        "MemTotal",
        "NCPU",
        "NEventsListener",
        "NFd",
        "NGoroutines",
        "Pid",
        "Size",
        "SizeRootFs",
        "SpaceReclaimed",
        "VirtualSize",
        "reclaimed",
        "size",
        "time",
        "timeNano",
    ]
)
_ENVIRONMENT = frozenset(
    ["EndpointID", "Gateway", "GraphDriver", "IPAddress", "IPv4Address", "MacAddress", "Propagation", "Subnet"]
)


def normal(document: Any) -> Any:
    """Take out of a document what differs from run to run, and from engine to engine by its surroundings."""
    if isinstance(document, dict):
        return {normal_text(key): _normal_value(key, value) for key, value in document.items()}
    if isinstance(document, list) and document and all(isinstance(each, dict) and "Kind" in each for each in document):
        return sorted(document, key=lambda change: str(change["Path"]))  # the engine's own order is no order
    if isinstance(document, list):
        return [normal(value) for value in document]
    return normal_text(document) if isinstance(document, str) else document


def _normal_value(key: str, value: Any) -> Any:
    if key in _NUMBERS and isinstance(value, int | str):
        return f"<{key}>"
    if key in _ENVIRONMENT:
        return f"<{key}>" if value else value
    if key in ("VolumesDeleted", "Volumes", "Ports") and isinstance(value, list):  # in no order
        return sorted(normal(value), key=str)
    if key == "Processes" and value:
        return [[re.sub(r"^(\d+|\d\d:\d\d)$", "<number>", cell) for cell in row] for row in value]
    if key == "Mounts" and value:  # kept in a map, and lists may be older than the mounting
        mounts = [{name: each for name, each in mount.items() if name != "Source"} for mount in value]
        return sorted(normal(mounts), key=lambda mount: str(mount.get("Destination")))
    return normal(value)


_PATTERNS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z(?<!0001-01-01T00:00:00Z)"), "<time>"),
    (re.compile(r"[0-9a-f]{64}"), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b"), "<short>"),
    (re.compile(r"(/[\w./-]+)/(containers|volumes|netns|tmp)/"), r"<root>/\2/"),
    (re.compile(r"(Less than a|\d+) seconds?"), "<seconds>"),
    (re.compile(r"docker-import-?\d*"), "<import>"),
)


def normal_text(text: str) -> str:
    """Take ids, times and places out of a text."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
