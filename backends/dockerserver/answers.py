"""Answers in Docker's formats: JSON documents, and errors as `{"message": ...}` with the engine's status and text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import trio
from attrs import evolve

from swarmkit.engine.names import name_in_use
from swarmkit.errors import Conflict, SwarmError
from swarmkit.http import Headers, Response
from swarmkit.message import Message

JSON = ("Content-Type", "application/json")


def json_answer(document: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Answer with a document."""
    return Response(status, Headers((JSON, *headers)), json.dumps(document, ensure_ascii=False).encode() + b"\n")


def empty_answer(status: int) -> Response:
    """Answer with a status alone."""
    return Response(status)


def stream_answer(body: trio.abc.ReceiveStream, content_type: str = "application/json") -> Response:
    """Answer with a stream that goes on."""
    return Response(200, Headers((("Content-Type", content_type),)), body)


def relayed(reply: Message) -> Response:
    """Pass on what a host answered to a CONNECT: status, headers and body, raw or not."""
    headers = Headers(tuple((str(key), str(value)) for key, value in reply.get("headers") or ()))
    if reply.get("raw") and reply["status"] == 101:
        headers = headers.plus(("Connection", "Upgrade"), ("Upgrade", "tcp"))
    return Response(int(reply["status"]), headers, reply.att if reply.att is not None else b"", bool(reply.get("raw")))


def error_answer(error: SwarmError) -> Response:
    """Answer with an error; one that an engine answered keeps its body."""
    body = error.details.get("body")
    if isinstance(body, bytes):
        return Response(error.status, Headers((JSON,)), body)
    return json_answer({"message": docker_text(error)}, error.status)


def docker_text(error: SwarmError) -> str:
    """Return what an engine would say where the toolkit's own words mean the same."""
    if isinstance(error, Conflict) and (name := error.details.get("name_in_use")):
        return name_in_use(name, error.details.get("id"), error.details.get("host"))
    return error.message


def with_header(response: Response, name: str, value: str) -> Response:
    """Return the response with one more header."""
    return evolve(response, headers=response.headers.plus((name, value)))
