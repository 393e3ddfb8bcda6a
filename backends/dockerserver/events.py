"""Events of all hosts in one stream: history from the hosts, the rest from the watch, each once, filtered here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import trio

from swarmkit.channel import Receiver
from swarmkit.engine.events import Identity, event_matches, identity, with_host
from swarmkit.engine.filters import Filters
from swarmkit.engine.replies import Reply, answered, failed
from swarmkit.engine.times import SECOND, parse_timestamp
from swarmkit.errors import Internal, Invalid, SwarmError
from swarmkit.http import Response
from swarmkit.message import Message, Verb
from swarmkit.streams import CHUNK, PipeSender, open_pipe

from .answers import naming_missing, stream_answer
from .background import Background
from .call import Call
from .everywhere import reasons
from .hosts import ANSWER_DEADLINE, MAX_DOCUMENT, Hosts, Node, body_of, parse_json

HISTORY_SECONDS = 1.0
"""How long what a host remembers is read, at most; it comes at once."""


class Events:
    """The operation SystemEvents."""

    def __init__(self, hosts: Hosts, background: Background) -> None:
        self._hosts = hosts
        self._background = background

    async def stream(self, call: Call) -> Response:
        """Subscribe first, then ask for history: nothing falls between, and what comes twice is dropped."""
        params = call.params
        since, until = parse_timestamp(params.get("since")), parse_timestamp(params.get("until"))
        filters = Filters.parse(params.get("filters"))
        if since is not None and until is not None and since > until:
            raise Invalid(f"`since` time ({params['since']}) cannot be after `until` time ({params['until']})")
        reply = await self._hosts.service(Message(Verb.WATCH, (), {"documents": False}))
        if not isinstance(reply.ret, Receiver):
            raise Internal("the reply to WATCH has no channel")
        try:
            # As on an engine, `until` alone asks for all that is remembered.
            answers = [] if since is until is None else await self._history(since or 0, until)
        except BaseException:
            reply.ret.close()
            raise
        sender, body = open_pipe()
        stream = _EventStream(sender, reply.ret, filters)
        self._background.start_soon(stream.run, _in_order(answered(answers)), until)
        return naming_missing(stream_answer(body), reasons(failed(answers)))

    async def _history(self, since: int, until: int | None) -> list[Reply[list[Mapping[str, Any]]]]:
        """Ask the hosts for what they remember.

        An engine whose clock is behind ours waits for the end that we ask for, having told everything: what it told
        within the deadline counts.
        """
        now = time.time_ns()
        query = urlencode({"since": _seconds(since), "until": _seconds(now if until is None else min(until, now))})

        async def ask(node: Node) -> list[Mapping[str, Any]]:
            reply = await self._hosts.connect(node.path, "GET", f"/events?{query}")
            return [parse_json(line) for line in await _read_for(reply, HISTORY_SECONDS)]

        return await self._hosts.ask_all(ask, deadline=ANSWER_DEADLINE)


def _in_order(answers: Iterable[tuple[str, list[Mapping[str, Any]]]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the events of all hosts, the oldest first. Order holds for each host; clocks may differ."""
    told = [(host, event) for host, events in answers for event in events]
    return sorted(told, key=lambda each: int(each[1].get("timeNano") or 0))


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


class _EventStream:
    def __init__(self, sender: PipeSender, channel: Receiver, filters: Filters) -> None:
        self._sender = sender
        self._channel = channel
        self._filters = filters
        self._told: set[tuple[str, Identity]] = set()

    async def run(self, history: list[tuple[str, Mapping[str, Any]]], until: int | None) -> None:
        """Write history, then what happens, until the time given or until the client has gone."""
        async with self._sender, self._channel, trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_with_reader, nursery.cancel_scope)
            try:
                await self._write_history(history)
                with trio.move_on_after(_seconds_until(until)):
                    await self._write_news()
                self._sender.send_eof()
            except SwarmError as error:
                self._sender.cut(error)
            except trio.BrokenResourceError:
                pass  # the client has gone, which is how most event streams end
            nursery.cancel_scope.cancel()

    async def _stop_with_reader(self, scope: trio.CancelScope) -> None:
        await self._sender.wait_reader_gone()
        scope.cancel()

    async def _write_history(self, history: list[tuple[str, Mapping[str, Any]]]) -> None:
        for host, event in history:
            self._told.add((host, identity(event)))
            await self._send(host, event)

    async def _write_news(self) -> None:
        async for message in self._channel:
            if message.get("kind") != "event":
                continue
            host, event = str(message.get("member") or ""), message["event"]
            if (host, identity(event)) not in self._told:
                await self._send(host, event)

    async def _send(self, host: str, event: Mapping[str, Any]) -> None:
        event = with_host(event, host)
        if event_matches(event, self._filters):
            await self._sender.send_all(json.dumps(event, ensure_ascii=False).encode() + b"\n")


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // SECOND}.{nanoseconds % SECOND:09d}"


def _seconds_until(moment: int | None) -> float:
    return float("inf") if moment is None else max(0.0, (moment - time.time_ns()) / SECOND)
