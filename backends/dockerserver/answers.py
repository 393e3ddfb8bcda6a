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

MISSING_HEADER = "Swarmd-Missing"
"""The header of an answer that is not of all hosts: which are missing, and why."""


def json_answer(document: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Answer with a document."""
    return Response(status, Headers((JSON, *headers)), json.dumps(document, ensure_ascii=False).encode() + b"\n")


def empty_answer(status: int) -> Response:
    """Answer with a status alone."""
    return Response(status)


def stream_answer(body: trio.abc.ReceiveStream, content_type: str = "application/json") -> Response:
    """Answer with a stream that goes on."""
    return Response(200, Headers((("Content-Type", content_type),)), body)


def relayed(reply: Message, upgrade: str = "") -> Response:
    """Pass on what a host answered to a CONNECT: status, headers and body, raw or not.

    `upgrade` is the protocol that the client named, to which a 101 agrees.
    """
    headers = Headers(tuple((str(key), str(value)) for key, value in reply.get("headers") or ()))
    if reply.get("raw") and reply["status"] == 101:
        headers = headers.plus(("Connection", "Upgrade"), ("Upgrade", upgrade or "tcp"))
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


def naming_missing(response: Response, missing: Iterable[tuple[str, str]]) -> Response:
    """Return the response with the hosts that it lacks, each with the reason, in a header of its own."""
    text = "; ".join(f"{host}: {reason}" for host, reason in missing)
    if not text:
        return response
    shown = "".join(each if " " <= each <= "~" else "?" for each in text)
    return evolve(response, headers=response.headers.plus((MISSING_HEADER, shown)))
