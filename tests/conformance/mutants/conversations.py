"""Hosts that understand what they should forward."""

from __future__ import annotations

import json

from attrs import evolve

from swarmkit.errors import NotFound
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb
from swarmkit.service import Service
from swarmkit.streams import BytesStream, read_whole

from .base import Mutant, mutant, spoiling

CONVERSATIONS: list[Mutant] = []


@mutant(CONVERSATIONS, "exit_code_is_told")
def says_that_all_went_well() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        reply = await inner(message)
        if reply.att is None or not str(message.get("target")).startswith("/wait"):
            return reply
        await read_whole(reply.att)
        return evolve(reply, att=BytesStream(json.dumps({"StatusCode": 0}).encode()))

    return layer


@mutant(CONVERSATIONS, "request_is_answered", "head_has_no_body")
def loses_headers() -> LayerFunction:
    return spoiling(Verb.CONNECT, reply=lambda asked, reply: evolve(reply, args={**reply.args, "headers": []}))


@mutant(CONVERSATIONS, "query_passes_untouched")
def loses_the_query() -> LayerFunction:
    def spoil(message: Message) -> Message:
        return evolve(message, args={**message.args, "target": str(message.get("target", "")).partition("?")[0]})

    return spoiling(Verb.CONNECT, message=spoil)


@mutant(CONVERSATIONS, "engine_error_is_a_reply", "unwanted_input_is_closed")
def raises_the_errors_of_engines() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        reply = await inner(message)
        if reply.get("status", 200) >= 400:
            raise NotFound("it said no")
        return reply

    return layer


@mutant(CONVERSATIONS, "body_is_sent")
def loses_bodies() -> LayerFunction:
    return spoiling(Verb.CONNECT, message=lambda message: evolve(message, args={**message.args, "body": b""}))
