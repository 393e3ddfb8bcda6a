"""The engine client: Engine API requests over dialled connections, each known to be answered, not done, or unknown.

It decides when a connection is used again, in which task an upload runs, and what an error means:
`Unavailable` where the request was not sent or could change nothing, `Timeout` where it was sent and its outcome is
unknown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlencode

import trio
from attrs import field, frozen

from swarmkit.errors import Internal, Invalid, SwarmError, Timeout, Unavailable, error_of_status
from swarmkit.http import Connection, Headers, Reply, RequestHead
from swarmkit.http.client import reusable
from swarmkit.streams import read_whole

from .dialer import Dialer
from .health import Health

log = logging.getLogger(__name__)

T = TypeVar("T")

DIAL_DEADLINE = 5.0
"""Seconds that reaching the engine may take."""

IDLE_CONNECTIONS = 4
"""Connections kept open for the next request."""

IDLE_SECONDS = 20.0
"""How long an unused connection is kept."""

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of a JSON document at most (a list of 10,000 containers is some 20 MB)."""

NEWEST_API = (1, 56)
"""The newest version of the Engine API that this client asks an engine for."""

_SAFE = frozenset({"GET", "HEAD"})


@frozen(kw_only=True)
class EngineRequest:
    """One Engine API request. `target` begins with a slash and has no version in it.

    The body is `body`, or comes from `upload`; after an upgrade `upload` is the raw input instead. `raw` asks for a raw
    conversation, with `upgrade` as the protocol to name (none: as clients did before there were upgrades).
    `length` is the upload's, where it is known.
    """

    method: str
    target: str
    headers: Headers = field(factory=Headers)
    body: bytes = b""
    upload: trio.abc.ReceiveStream | None = None
    length: int | None = None
    raw: bool = False
    upgrade: str = ""
    version: str | None = None


@frozen(eq=False)
class _Idle:
    connection: Connection
    since: float


class EngineClient:
    """Speak to one engine. Uploads run in `nursery`; `close` ends every connection.

    `where` is how the engine is called in errors.
    """

    def __init__(self, dialer: Dialer, nursery: trio.Nursery, health: Health, where: str) -> None:
        self.dialer = dialer
        self.where = where
        self.health = health
        self.newest: tuple[int, int] | None = None  # the engine's own range of API versions, once it is known
        self.oldest: tuple[int, int] | None = None
        self._nursery = nursery
        self._idle: list[_Idle] = []
        self._open: set[Connection] = set()
        self._waiting: set[trio.CancelScope] = set()
        self._closed = False
        health.when_lost(self._fail_waiting)

    def _fail_waiting(self, reason: str) -> None:
        """Give up what waits for an answer: the engine has been found to give none."""
        for scope in self._waiting:
            scope.cancel()
        for idle in self._idle:
            self._discard(idle.connection)
        self._idle.clear()

    async def exchange(self, request: EngineRequest) -> Reply:
        """Send a request and return its reply, whose body the caller closes.

        Raises `Unavailable` where it was not sent, or is safe and got no answer; `Timeout` where it may have been done.
        The upload is closed in every case.
        """
        try:
            await self.health.settled.wait()
            while True:
                connection, used = await self._until_lost(lambda: self._connection(request), self._down)
                try:
                    return await self._attempt(connection, request)
                except Unavailable:
                    # An idle connection that the engine had closed: asking again is safe for what changes nothing.
                    if not (used and request.method in _SAFE):
                        raise
        except BaseException:
            if request.upload is not None:
                with trio.CancelScope(shield=True):
                    await request.upload.aclose()
            raise

    async def _until_lost(self, step: Callable[[], Awaitable[T]], lost: Callable[[], SwarmError]) -> T:
        """Take one step; where the engine is or turns unhealthy give it up at once, and raise what `lost` makes."""
        with trio.CancelScope() as scope:
            if not self.health.healthy:
                scope.cancel()
            self._waiting.add(scope)
            try:
                return await step()
            finally:
                self._waiting.discard(scope)
        raise lost()

    def _down(self) -> Unavailable:
        return Unavailable(f"host {self.where} is down: {self.health.reason}", host=self.where)

    async def _connection(self, request: EngineRequest) -> tuple[Connection, bool]:
        """Return a connection and whether it has been used before; what may change something gets a new one."""
        self.drop_idle()
        if self._idle and request.method in _SAFE and request.upload is None and not request.raw:
            return self._idle.pop().connection, True
        return await self.dial(), False

    def drop_idle(self) -> None:
        """Close the connections that have been unused for too long."""
        while self._idle and trio.current_time() - self._idle[0].since >= IDLE_SECONDS:
            self._discard(self._idle.pop(0).connection)

    async def dial(self) -> Connection:
        """Open a connection of one's own; raise `Unavailable` where the engine cannot be reached."""
        try:
            with trio.fail_after(DIAL_DEADLINE):
                stream = await self.dialer()
        except trio.TooSlowError as error:
            raise Unavailable(f"{self._place()}: no connection in {DIAL_DEADLINE:g} s", host=self.where) from error
        except OSError as error:
            self.health.suspect()
            raise Unavailable(f"{self._place()}: {_os_reason(error)}", host=self.where) from error
        connection = Connection(stream)
        if self._closed:
            await connection.aclose()
            raise Unavailable(f"{self.where} has been closed", host=self.where)
        self._open.add(connection)
        return connection

    def _place(self) -> str:
        return f"host {self.where} ({self.dialer.address})"

    async def _attempt(self, connection: Connection, request: EngineRequest) -> Reply:
        pump = _Pump(connection, request)
        answered = False
        try:
            if not self.health.healthy:
                raise self._down()  # it was lost while we dialled, and nothing has been sent
            reply = await self._until_lost(
                lambda: self._send_and_receive(connection, request, pump),
                lambda: self._no_answer(request, self.health.reason),
            )
            answered = True
            return reply
        finally:
            if not answered:
                pump.cancel()
                self._open.discard(connection)
                with trio.CancelScope(shield=True):
                    await connection.aclose()

    async def _send_and_receive(self, connection: Connection, request: EngineRequest, pump: _Pump) -> Reply:
        reply: Reply | None = None

        def closed(finished: bool) -> None:
            pump.cancel()
            if finished and reply is not None and reusable(reply) and pump.finished and not self._closed:
                self._keep(connection)
            else:
                self._discard(connection)

        try:
            await connection.send(self._head(request), request.body)
            if pump.needed and not request.raw:
                self._nursery.start_soon(pump.run)
            reply = await connection.receive(request.method, raw=request.raw, when_closed=closed)
        except (Unavailable, Invalid) as error:
            self.health.suspect()
            raise self._no_answer(request, pump.why(error)) from error
        if reply is None:
            self.health.suspect()
            raise self._no_answer(request, pump.why(Unavailable("the engine closed the connection")))
        if pump.needed and request.raw:
            self._nursery.start_soon(pump.run if reply.raw else pump.drop)
        return reply

    def _no_answer(self, request: EngineRequest, reason: str) -> SwarmError:
        text = f"host {self.where} gave no answer to {request.method} {request.target.partition('?')[0]}: {reason}"
        if request.method in _SAFE:
            return Unavailable(text, host=self.where)
        return Timeout(f"{text}; whether it was done is unknown", host=self.where)

    def _head(self, request: EngineRequest) -> RequestHead:
        headers = request.headers.plus(("Host", "docker"))
        if request.upgrade:
            headers = headers.plus(("Connection", "Upgrade"), ("Upgrade", request.upgrade))
        if request.upload is not None and not request.raw:
            coding = ("Transfer-Encoding", "chunked")
            headers = headers.plus(coding if request.length is None else ("Content-Length", str(request.length)))
        elif not request.body and request.method in ("POST", "PUT"):
            headers = headers.plus(("Content-Length", "0"))
        return RequestHead(request.method, self._versioned(request), headers)

    def _versioned(self, request: EngineRequest) -> str:
        """Prefix the version asked for, moved into the range that the engine has."""
        version = parse_version(request.version) if request.version else self.newest and min(self.newest, NEWEST_API)
        if version is None:
            return request.target
        if self.newest is not None:
            version = min(version, self.newest)
        if self.oldest is not None:
            version = max(version, self.oldest)
        return f"/v{version[0]}.{version[1]}{request.target}"

    def _keep(self, connection: Connection) -> None:
        self._idle.append(_Idle(connection, trio.current_time()))
        if len(self._idle) > IDLE_CONNECTIONS:
            self._discard(self._idle.pop(0).connection)

    def _discard(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.discard(connection)
            if not self._closed:
                self._nursery.start_soon(_close, connection)

    def forget(self, connection: Connection) -> None:
        """Leave a dialled connection to its caller, who closes it."""
        self._open.discard(connection)

    async def close(self) -> None:
        """End every connection; what reads from one then meets `Unavailable`."""
        self._closed = True
        for connection in list(self._open):
            await connection.aclose()
        self._open.clear()
        self._idle.clear()

    async def call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> tuple[int, bytes]:
        """Send a request with a JSON body and return status and body; raise the error that the engine answers."""
        headers = Headers((("Content-Type", "application/json"),)) if body is not None else Headers()
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body).encode() if body is not None else b""
        request = EngineRequest(method=method, target=target, headers=headers, body=data)
        reply = await self.exchange(request)
        # A document is an answer only when it is whole: its reading is given up with the engine, too.
        whole = await self._until_lost(lambda: self.whole(reply), lambda: self._no_answer(request, self.health.reason))
        return reply.head.status, whole

    async def whole(self, reply: Reply) -> bytes:
        """Read a reply's body to its end; raise the error that it is, if it is one."""
        data = await read_whole(reply.body, MAX_DOCUMENT)
        if reply.head.status >= 400:
            raise engine_error(reply.head.status, data, self.where)
        return data

    async def get_json(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Fetch a JSON document."""
        _, data = await self.call("GET", path, query)
        try:
            return json.loads(data)
        except ValueError as error:
            raise Internal(f"host {self.where} answered {path} with what is not JSON: {data[:80]!r}") from error


class _Pump:
    """The task that writes an upload, or a conversation's input, while the reply is awaited and read."""

    def __init__(self, connection: Connection, request: EngineRequest) -> None:
        self._connection = connection
        self._request = request
        self._scope = trio.CancelScope()
        self._source = _Source(request.upload, request.length) if request.upload is not None else None
        self.needed = self._source is not None
        self.finished = not self.needed

    def cancel(self) -> None:
        self._scope.cancel()

    def why(self, error: SwarmError) -> str:
        """Return why an exchange failed: the upload's own failure, if that was it."""
        if self._source is not None and self._source.error is not None:
            return f"its upload was cut short: {self._source.error.message}"
        return error.message

    async def run(self) -> None:
        assert self._source is not None
        with self._scope:
            try:
                if self._request.raw:
                    await self._connection.converse(self._source)
                else:
                    await self._connection.upload(self._source, chunked=self._request.length is None)
                self.finished = True
            except SwarmError as error:
                if self._source.error is not None:
                    await self._connection.aclose()  # half an upload must not pass as a whole one
                else:
                    # The engine stopped reading; what it has to say about it is in its reply.
                    log.debug("an upload to %s ended early: %s", self._request.target, error)

    async def drop(self) -> None:
        assert self._source is not None
        await self._source.aclose()


class _Source(trio.abc.ReceiveStream):
    """An upload that remembers whether it failed itself, as against the connection it is written to.

    One that is not of the `length` that was announced has failed: what is missing, or is too much, would be taken for
    the beginning of the next request, or be waited for.
    """

    def __init__(self, stream: trio.abc.ReceiveStream, length: int | None = None) -> None:
        self._stream = stream
        self._left = length
        self.error: SwarmError | None = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
            self._count(data)
        except SwarmError as error:
            self.error = error
            raise
        except Exception as error:  # a stream of another library: it has its own word for a cut
            self.error = Unavailable(f"it broke: {error!r}")
            raise self.error from error
        return data

    def _count(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not data):
                raise Invalid("it is not as long as was announced")

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _close(connection: Connection) -> None:
    await connection.aclose()


def parse_version(text: str) -> tuple[int, int]:
    """Read "1.41"; raise `Invalid` for anything else."""
    major, _, minor = text.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        raise Invalid(f"not a version of the Engine API: {text!r}")
    return int(major), int(minor)


def engine_error(status: int, body: bytes, where: str) -> SwarmError:
    """Make an error of an engine's reply; it keeps the engine's status and body, so that a front can pass them on."""
    message = body.decode("utf-8", "replace").strip() or f"host {where} answered with status {status}"
    with suppress(ValueError, TypeError, KeyError):
        message = str(json.loads(body)["message"])
    return error_of_status(status, message, body=body, host=where)


def _os_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such socket; is the engine running?"
    causes = getattr(error.__cause__, "exceptions", ())  # trio's account of every address it tried
    return "; ".join(dict.fromkeys(str(cause) for cause in causes)) or error.strerror or str(error)
