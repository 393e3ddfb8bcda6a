"""Events of all hosts in one stream: history from the hosts, the rest from the watch, each once, filtered here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import trio

from swarmkit.channel import Receiver
from swarmkit.engine.events import event_matches, identity, with_host
from swarmkit.engine.filters import Filters
from swarmkit.engine.times import SECOND, parse_timestamp
from swarmkit.errors import Internal, SwarmError
from swarmkit.http import Response
from swarmkit.message import Message, Verb
from swarmkit.streams import PipeSender, open_pipe

from .answers import stream_answer
from .call import Call
from .hosts import Hosts, Node, body_of

HISTORY_DEADLINE = 1.5
"""Seconds that a host may take to tell its history."""


class Events:
    """The operation SystemEvents."""

    def __init__(self, hosts: Hosts, nursery: trio.Nursery) -> None:
        self._hosts = hosts
        self._nursery = nursery

    async def stream(self, call: Call) -> Response:
        """Subscribe first, then ask for history: nothing falls between, and what comes twice is dropped."""
        params = call.params
        since, until = parse_timestamp(params.get("since")), parse_timestamp(params.get("until"))
        filters = Filters.parse(params.get("filters"))
        reply = await self._hosts.service(Message(Verb.WATCH, (), {"documents": False}))
        if not isinstance(reply.ret, Receiver):
            raise Internal("the reply to WATCH has no channel")
        sender, body = open_pipe()
        stream = _EventStream(sender, reply.ret, filters)
        history = await self._history(since, until) if since is not None else []
        self._nursery.start_soon(stream.run, history, until)
        return stream_answer(body)

    async def _history(self, since: int, until: int | None) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what the hosts remember, the oldest first. Order holds for each host; clocks may differ."""
        last = min(until or time.time_ns(), time.time_ns())
        query = urlencode({"since": _seconds(since), "until": _seconds(last)})

        async def ask(node: Node) -> list[Mapping[str, Any]]:
            data = await body_of(await self._hosts.connect(node.path, "GET", f"/events?{query}"))
            return [json.loads(line) for line in data.splitlines() if line.strip()]

        answers = await self._hosts.ask_all(ask, deadline=HISTORY_DEADLINE)
        told = [(host, event) for host, events in answers if not isinstance(events, SwarmError) for event in events]
        return sorted(told, key=lambda each: int(each[1].get("timeNano") or 0))


class _EventStream:
    def __init__(self, sender: PipeSender, channel: Receiver, filters: Filters) -> None:
        self._sender = sender
        self._channel = channel
        self._filters = filters

    async def run(self, history: list[tuple[str, Mapping[str, Any]]], until: int | None) -> None:
        """Write history, then what happens, until the time given or until the client has gone."""
        async with self._sender, self._channel, trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_with_reader, nursery.cancel_scope)
            try:
                with trio.move_on_after(_seconds_until(until)):
                    await self._write(history)
                self._sender.send_eof()
            except SwarmError as error:
                self._sender.cut(error)
            except trio.BrokenResourceError:
                pass  # the client has gone, which is how most event streams end
            nursery.cancel_scope.cancel()

    async def _stop_with_reader(self, scope: trio.CancelScope) -> None:
        await self._sender.wait_reader_gone()
        scope.cancel()

    async def _write(self, history: list[tuple[str, Mapping[str, Any]]]) -> None:
        told = set()
        for host, event in history:
            told.add((host, identity(event)))
            await self._send(host, event)
        async for message in self._channel:
            if message.get("kind") != "event":
                continue
            host, event = str(message.get("member") or ""), message["event"]
            if (host, identity(event)) not in told:
                await self._send(host, event)

    async def _send(self, host: str, event: Mapping[str, Any]) -> None:
        event = with_host(event, host)
        if event_matches(event, self._filters):
            await self._sender.send_all(json.dumps(event, ensure_ascii=False).encode() + b"\n")


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // SECOND}.{nanoseconds % SECOND:09d}"


def _seconds_until(moment: int | None) -> float:
    return float("inf") if moment is None else max(0.0, (moment - time.time_ns()) / SECOND)
