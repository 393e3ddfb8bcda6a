"""One request at one endpoint: sent, answered in time, and read as the JSON object that it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from attrs import frozen

from swarmkit.errors import Invalid, Unavailable
from swarmkit.http import Connection, Headers, Reply, RequestHead
from swarmkit.http.client import reusable
from swarmkit.streams import read_whole

from .endpoints import Endpoint
from .failures import Request, error_of, refused, unanswered, unreachable

ANSWER_DEADLINE = 4.0
"""Seconds in which an answer must be whole. etcd itself gives up after seven; a new leader takes one or two."""


@frozen
class _Answer:
    status: int
    body: bytes
    clean: bool  # whether its connection may be used again


async def ask(endpoint: Endpoint, request: Request, token: str = "") -> dict[str, Any]:
    """Send a request and return the object that is answered; raise the error that it is, or that there is none."""
    connection = await endpoint.connect()
    answer: _Answer | None = None
    try:
        with answering(endpoint, request), trio.fail_after(ANSWER_DEADLINE):
            await send(connection, endpoint, request, token)
            answer = await _receive(connection)
    finally:
        with trio.CancelScope(shield=True):
            await (endpoint.keep(connection) if answer is not None and answer.clean else connection.aclose())
    if answer.status != 200:
        raise refused(request, endpoint.where, answer.status, answer.body)
    return object_of(endpoint, request, answer.body)


async def send(connection: Connection, endpoint: Endpoint, request: Request, token: str) -> None:
    """Send a request; raise `_NotSent` where the connection broke before all of it was on its way.

    `hasleader` is metadata of gRPC, which the gateway hands on: a member that has lost its leader then says so at once,
    and ends its watches, in place of waiting for one (`rpctypes.MetadataRequireLeaderKey`).
    """
    fields = [("Host", endpoint.host), ("Content-Type", "application/json"), ("Grpc-Metadata-hasleader", "true")]
    fields += [("Authorization", token)] if token else []
    try:
        await connection.send(
            RequestHead("POST", request.path, Headers(tuple(fields))), json.dumps(request.body).encode()
        )
    except Unavailable as error:
        raise _NotSent(error.message) from error


class _NotSent(Exception):
    """The connection broke before the request was on its way."""


@contextmanager
def answering(endpoint: Endpoint, request: Request) -> Iterator[None]:
    """Map what goes wrong between a request and its answer: the block sends, and receives within a deadline."""
    try:
        yield
    except _NotSent as error:
        raise unreachable(endpoint.where, str(error)) from error
    except trio.TooSlowError as error:
        raise unanswered(request, endpoint.where, f"nothing for {ANSWER_DEADLINE:g} s") from error
    except (Unavailable, Invalid) as error:  # of HTTP: the connection broke, or what came is none
        raise unanswered(request, endpoint.where, error.message) from error


async def receive_head(connection: Connection) -> Reply:
    """Return the reply, its body still to be read; raise `Unavailable` where the connection ends before it."""
    reply = await connection.receive("POST")
    if reply is None:
        raise Unavailable("it closed the connection")
    return reply


async def _receive(connection: Connection) -> _Answer:
    reply = await receive_head(connection)
    body = await read_whole(reply.body)
    return _Answer(reply.head.status, body, reusable(reply))


def object_of(endpoint: Endpoint, request: Request, data: bytes) -> dict[str, Any]:
    """Read a JSON object; one that holds an error, as streams have it, is raised."""
    with understanding(endpoint, request, data):
        said = json.loads(data)
        wrong = said.get("error")
        if wrong is None:
            return dict(said)
        code, message = int(wrong.get("grpc_code", wrong.get("code", 2))), str(wrong["message"])
    raise error_of(request, endpoint.where, code, message)


@contextmanager
def understanding(endpoint: Endpoint, request: Request, data: object) -> Iterator[None]:
    """Map what reading an answer raises where it is not etcd's; for the lines that take it apart, and no others."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        said = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
        raise unanswered(request, endpoint.where, f"what it says is not etcd's: {said[:80]!r}") from error
