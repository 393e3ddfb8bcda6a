"""Events of all hosts in one stream (operation SystemEvents): what is asked for, and of whom its past is read.

What becomes of it is in `event_stream`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import trio
from attrs import frozen

from swarmkit.channel import Receiver
from swarmkit.engine.filters import Filters
from swarmkit.engine.replies import Reply, failed
from swarmkit.engine.times import SECOND, parse_time, parse_timestamp
from swarmkit.errors import Internal, Invalid
from swarmkit.http import Response
from swarmkit.message import Message, Verb
from swarmkit.streams import CHUNK, open_pipe

from .answers import naming_missing, stream_answer
from .background import Background
from .call import Call
from .event_stream import EventForm, EventStream, Recall
from .everywhere import reasons
from .hosts import ANSWER_DEADLINE, MAX_DOCUMENT, Hosts, Node, body_of, parse_json
from .versions import ApiVersion

HISTORY_SECONDS = 1.0
"""How long what a host remembers is read, at most; it comes at once."""

Remembered = Sequence[Mapping[str, Any]]


@frozen
class Span:
    """What of the past is asked for, in nanoseconds; `until` is None where there is no end."""

    since: int
    until: int | None

    @classmethod
    def of(cls, params: Mapping[str, str]) -> tuple[Span | None, int | None]:
        """Read `since` and `until`; return the past that is asked for, if any, and when the stream is to end."""
        try:
            since, until = parse_timestamp(params.get("since")), parse_timestamp(params.get("until"))
        except Invalid as error:
            raise Invalid(error.message, status=500) from error  # which is what every engine answers
        if since is not None and until is not None and since > until:
            raise Invalid(f"`since` time ({params['since']}) cannot be after `until` time ({params['until']})")
        # As on an engine, `until` alone asks for all that is remembered.
        return (None if since is until is None else cls(since or 0, until)), until


class Events:
    """The operation SystemEvents."""

    def __init__(self, hosts: Hosts, background: Background, api: ApiVersion) -> None:
        self._hosts = hosts
        self._background = background
        self._api = api

    async def stream(self, call: Call) -> Response:
        """Subscribe first, then ask for what is remembered: nothing falls between, and what comes twice is dropped."""
        span, until = Span.of(call.params)
        filters = Filters.parse(call.params.get("filters"))
        form = EventForm.of(call.request.headers, call.version or await self._api.get())
        reply = await self._hosts.service(Message(Verb.WATCH, (), {"documents": False}))
        if not isinstance(reply.ret, Receiver):
            raise Internal("the reply to WATCH has no channel")
        try:
            nodes = await self._hosts.nodes()
            answers = await self._remembered(nodes, span) if span is not None else []
        except BaseException:
            reply.ret.close()
            raise
        sender, body = open_pipe()
        stream = EventStream(sender, reply.ret, filters, form, recall=self._recall(span), nodes=nodes)
        self._background.start_soon(stream.run, answers, until)
        response = stream_answer(body, form.content_type)
        return naming_missing(response, _missing(nodes, answers))

    def _recall(self, span: Span | None) -> Recall | None:
        """Return what asks for the history of a host, or of all beneath a member, that answers again; None for none."""
        if span is None:
            return None

        async def recall(member: str) -> list[Reply[Remembered]]:
            nodes = [node for node in await self._hosts.nodes() if f"{node.name}/".startswith(f"{member}/")]
            return await self._remembered(nodes, span)

        return recall

    async def _remembered(self, nodes: Sequence[Node], span: Span) -> list[Reply[Remembered]]:
        """Ask hosts for what they remember."""

        async def ask(node: Node) -> Remembered:
            until = await self._end(node, span)
            query = urlencode({"since": _seconds(span.since), "until": _seconds(until)})
            reply = await self._hosts.connect(node.path, "GET", f"/events?{query}")
            return [parse_json(line) for line in await _read_for(reply, HISTORY_SECONDS)]

        return await self._hosts.ask_all(ask, nodes=nodes, deadline=ANSWER_DEADLINE)

    async def _end(self, node: Node, span: Span) -> int:
        """Return where a host's history is to end: now, by its own clock, unless an end has passed that was asked for.

        By ours, what happened before the subscription would be missed on a host whose clock is ahead; and one whose
        clock is behind would wait, having told everything. For that case of an end asked for, see HISTORY_SECONDS.
        """
        if span.until is not None and span.until <= time.time_ns():
            return span.until
        info = await self._hosts.document(node.path, "GET", "/info")
        try:
            now = parse_time(str(info["SystemTime"]))
        except (KeyError, TypeError, Invalid) as error:
            raise Internal(f"host {node.name} does not tell its time", host=node.name) from error
        return now if span.until is None else min(span.until, now)


def _missing(nodes: Sequence[Node], answers: Sequence[Reply[Remembered]]) -> list[tuple[str, str]]:
    """Return the hosts of which nothing is told, for now."""
    silent = dict(reasons(failed(answers)))
    lost = {node.name: node.lost for node in nodes if node.lost is not None}
    return sorted({**lost, **silent}.items())


async def _read_for(reply: Message, seconds: float) -> list[bytes]:
    """Read lines until the end, or for so long; raise the error that the reply is."""
    if reply["status"] >= 400:
        await body_of(reply)
    assert reply.att is not None
    data = b""
    async with reply.att:
        with trio.move_on_after(seconds):
            while (some := await reply.att.receive_some(CHUNK)) and len(data) < MAX_DOCUMENT:
                data += some
    whole, _, _ = data.rpartition(b"\n")
    return [line for line in whole.splitlines() if line.strip()]


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // SECOND}.{nanoseconds % SECOND:09d}"
