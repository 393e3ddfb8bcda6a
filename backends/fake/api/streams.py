"""Operations that last: ContainerWait, ContainerLogs, ContainerAttach."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

import trio
from attrs import frozen

from swarmkit.engine.times import format_time, parse_timestamp
from swarmkit.errors import Conflict, Invalid, SwarmError, Unimplemented
from swarmkit.frames import encode_frame
from swarmkit.http import Headers, Response
from swarmkit.streams import CHUNK, BytesStream, PipeSender

from ..container import Container
from ..output import Entry
from .replies import JSON, RAW, begun, conversation, encode, stream_reply
from .routing import Call


async def wait(call: Call) -> Response:
    return stream_reply(await begun(_wait(call.container, call.query.get("condition", ""))), JSON)


async def _wait(container: Container, condition: str) -> AsyncGenerator[bytes, None]:
    exits = container.exits
    yield b""
    if condition == "next-exit":
        await container.wait_for_exit(exits)
    elif condition == "removed":
        await container.wait_until_removed()
    else:
        await container.wait_until_stopped()
    yield encode({"Error": None, "StatusCode": container.state.exit_code})


@frozen(kw_only=True)
class LogQuery:
    """Which lines of a log are wanted, and how they are written."""

    streams: frozenset[int]
    tail: int | None = None
    since: int | None = None
    until: int | None = None
    timestamps: bool = False
    framed: bool = True

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the lines wanted of those there are."""
        found = [entry for entry in entries if self.wants(entry)]
        return found if self.tail is None else found[len(found) - min(self.tail, len(found)) :]

    def wants(self, entry: Entry) -> bool:
        """Tell whether a line is of the streams and the time wanted."""
        return (
            entry.stream in self.streams
            and (self.since is None or entry.time >= self.since)
            and (self.until is None or entry.time <= self.until)
        )

    def encode(self, entry: Entry) -> bytes:
        """Write a line."""
        data = entry.data
        if self.timestamps:
            data = format_log_time(entry.time).encode() + b" " + data
        return encode_frame(entry.stream, data) if self.framed else data


def format_log_time(time: int) -> str:
    """Write a time with all nine decimals, as logs have it."""
    whole, _, fraction = format_time(time).removesuffix("Z").partition(".")
    return f"{whole}.{fraction.ljust(9, '0')}Z"


def _streams(call: Call) -> frozenset[int]:
    return frozenset(number for number, name in ((1, "stdout"), (2, "stderr")) if call.flag(name))


def _log_query(call: Call, container: Container) -> LogQuery:
    streams = _streams(call)
    if not streams:
        raise Invalid("Bad parameters: you must choose at least one stream")
    try:
        since, until = parse_timestamp(call.query.get("since")), parse_timestamp(call.query.get("until"))
    except Invalid as error:
        raise Invalid(error.message, status=500) from error
    tail = call.query.get("tail", "")
    return LogQuery(
        streams=streams,
        tail=int(tail) if tail.isdecimal() else None,
        since=since,
        until=until or None,
        timestamps=call.flag("timestamps"),
        framed=not container.tty,
    )


async def logs(call: Call) -> Response:
    container = call.container
    query = _log_query(call, container)
    if not container.keeps_log:
        raise Unimplemented("configured logging driver does not support reading")
    return stream_reply(_logs(container, query, follow=call.flag("follow")))


async def _logs(container: Container, query: LogQuery, *, follow: bool) -> AsyncGenerator[bytes, None]:
    log = container.output.log
    news = log.follow() if follow and container.state.running else None
    batch = b""
    for entry in query.select(log.entries()):
        batch += query.encode(entry)
        if len(batch) >= CHUNK:
            yield batch
            batch = b""
    if batch:
        yield batch
    if news is None:
        return
    async for entry in news:
        if query.wants(entry):
            yield query.encode(entry)


async def attach(call: Call) -> Response:
    """Attach; an error, too, is written raw: the engine has taken the connection over by then."""
    try:
        return _attach(call)
    except SwarmError as error:
        text = f"{error.message}\r\n".encode()
        return Response(error.status, Headers((RAW,)), BytesStream(text), raw=True)


def _attach(call: Call) -> Response:
    container = call.container
    if container.state.status in ("paused", "restarting"):
        waits = "wait until the container is running" if container.state.status != "paused" else "unpause the container"
        raise Conflict(f"container {call.parts['name']} is {container.state.status}, {waits} before attach")
    attachment = _Attachment(call, container)
    call.engine.emit(container, "attach")
    return conversation(call.engine, call.request.headers, attachment.talk)


class _Attachment:
    """A client at a container's standard streams; it listens from its making on."""

    def __init__(self, call: Call, container: Container) -> None:
        self._container = container
        self._raw = call.request.raw
        self._past: list[Entry] = []
        streams = _streams(call)
        if call.flag("logs") and container.keeps_log:
            self._past = LogQuery(streams=streams).select(container.output.log.entries())
        self._listener = container.output.listen(streams) if call.flag("stream") else None
        self._writes = call.flag("stdin") and call.flag("stream") and bool(container.config["OpenStdin"])
        self._stdin, self._terminal = container.stdin, container.terminal
        self._framed = not container.tty

    async def talk(self, sender: PipeSender) -> None:
        for entry in self._past:
            await self._send(sender, entry.stream, entry.data)
        if self._listener is None:
            return
        with self._listener:
            async with trio.open_nursery() as nursery:
                if self._writes:
                    nursery.start_soon(self._feed, nursery.cancel_scope)
                async for stream, data in self._listener:
                    await self._send(sender, stream, data)
                nursery.cancel_scope.cancel()

    async def _send(self, sender: PipeSender, stream: int, data: bytes) -> None:
        await sender.send_all(encode_frame(stream, data) if self._framed else data)

    async def _feed(self, talking: trio.CancelScope) -> None:
        """Hand on what the client writes. Its end of file is the process's too, or else the end of the conversation."""
        try:
            while data := bytes(await self._raw.receive_some()):
                if self._terminal is not None:
                    await self._terminal.type(data)
                else:
                    await self._stdin.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the process reads no more; what it writes goes on
        except SwarmError:
            talking.cancel()  # the client's connection broke
            return
        if self._container.config["StdinOnce"] and self._terminal is None:
            self._stdin.send_eof()
        else:
            talking.cancel()
