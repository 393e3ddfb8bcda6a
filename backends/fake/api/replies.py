"""How the engine's answers are written: headers, JSON as Go writes it, errors, streams."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from email.utils import formatdate
from typing import Any

import trio

from swarmkit.engine.times import SECOND
from swarmkit.errors import SwarmError
from swarmkit.http import Headers, Response
from swarmkit.streams import PipeSender, open_pipe

from ..engine import FakeEngine

JSON = ("Content-Type", "application/json")
RAW = ("Content-Type", "application/vnd.docker.raw-stream")
TAR = ("Content-Type", "application/x-tar")


def common_headers(engine: FakeEngine) -> tuple[tuple[str, str], ...]:
    """Return the fields that every answer has."""
    return (
        ("Api-Version", engine.newest_api),
        ("Docker-Experimental", "false"),
        ("Ostype", "linux"),
        ("Server", f"Docker/{engine.version} (linux)"),
        ("Date", formatdate(engine.clock.now() / SECOND, usegmt=True)),
    )


def encode(document: Any, *, escape: bool = False) -> bytes:
    """Write JSON as the engine does: close together, with a line end; `escape` what HTML would misread, as Go may."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    if escape:
        text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return text.encode("utf-8", "surrogateescape") + b"\n"


def json_reply(document: Any, status: int = 200, *, escape: bool = False) -> Response:
    """Answer with a document."""
    return Response(status, Headers((JSON,)), encode(document, escape=escape))


def empty_reply(status: int = 204) -> Response:
    """Answer without a body."""
    return Response(status)


def error_reply(error: SwarmError) -> Response:
    """Answer with an error in the engine's format."""
    return json_reply({"message": error.message}, error.status)


class _Generated(trio.abc.ReceiveStream):
    """A body made by an async generator, whose end of work comes with the closing."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        self._rest = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while not self._rest:
            try:
                self._rest = await anext(self._chunks)
            except StopAsyncIteration:
                return b""
        size = max_bytes or len(self._rest)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    async def aclose(self) -> None:
        await self._chunks.aclose()


async def begun(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Run a generator to its first `yield`, of nothing: what it listens to it hears before the head is sent."""
    nothing = await anext(chunks)
    assert nothing == b""
    return chunks


def stream_reply(chunks: AsyncGenerator[bytes, None], *headers: tuple[str, str]) -> Response:
    """Answer with what a generator yields, piece by piece as it comes."""
    return Response(200, Headers(headers), _Generated(chunks))


Talk = Callable[[PipeSender], Awaitable[None]]
"""One side of a raw conversation: it writes what is to be said, and returns at the end."""


def conversation(engine: FakeEngine, headers: Headers, talk: Talk) -> Response:
    """Answer with a raw conversation, with 101 where an upgrade was asked for (operation ContainerAttach, "Hijacking").

    The talk is a task of the engine's, which ends when the client has gone.
    """
    sender, receiver = open_pipe()
    engine.nursery.start_soon(_hold, sender, talk)
    if "upgrade" in headers:
        upgrade = (("Connection", "Upgrade"), ("Upgrade", headers.get("upgrade")))
        return Response(101, Headers((RAW, *upgrade)), receiver, raw=True)
    return Response(200, Headers((RAW,)), receiver, raw=True)


async def _hold(sender: PipeSender, talk: Talk) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_gone, sender, nursery.cancel_scope)
        try:
            await talk(sender)
        except* trio.BrokenResourceError:  # in a group where the talk has tasks of its own
            pass  # the client has gone: whom to tell?
        finally:
            sender.send_eof()
            nursery.cancel_scope.cancel()


async def _cancel_when_gone(sender: PipeSender, scope: trio.CancelScope) -> None:
    await sender.wait_reader_gone()
    scope.cancel()
