"""One client's stream of events: history and news of all hosts, each once, filtered here, and ended when due."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from heapq import merge
from typing import Any

import trio
from attrs import frozen

from swarmkit.channel import Receiver
from swarmkit.engine.events import Identity, event_matches, host_event, identity, in_version, with_host
from swarmkit.engine.filters import Filters
from swarmkit.engine.replies import Reply, answered
from swarmkit.engine.times import SECOND
from swarmkit.engine.versions import version_key
from swarmkit.errors import SwarmError
from swarmkit.http import Headers
from swarmkit.message import Message
from swarmkit.streams import PipeSender

from .hosts import Node

GRACE = 0.1
"""Seconds after an end to come in which what happened before it may still arrive."""

Recall = Callable[[str], Awaitable[list[Reply[Sequence[Mapping[str, Any]]]]]]
"""Asks a host that answers again, or all hosts beneath a member, for what they remember."""

_FORMS = ("application/jsonl", "application/x-ndjson", "application/json-seq")
"""Content types that a client may ask for since API 1.52; the last one has a byte before each record (RFC 7464)."""


@frozen
class EventForm:
    """How events are written: the content type, and the version of the API whose fields they have."""

    content_type: str
    version: str

    @classmethod
    def of(cls, headers: Headers, version: str) -> EventForm:
        """Choose what a client accepts; clients of old, and those that do not say, get JSON."""
        accepted = [kind.partition(";")[0] for kind in headers.tokens("accept")]
        chosen = next((kind for kind in accepted if kind in _FORMS), "application/json")
        return cls(chosen if version_key(version) >= (1, 52) else "application/json", version)

    def write(self, event: Mapping[str, Any]) -> bytes:
        """Return one event as bytes."""
        start = b"\x1e" if self.content_type == "application/json-seq" else b""
        return start + json.dumps(in_version(event, self.version), ensure_ascii=False).encode() + b"\n"


class EventStream:
    """Writes what `run` is given and what the channel brings, until the client has gone.

    A host that did not answer when its history was asked for tells it when it is `back` (by `recall`, None where there
    is no history to tell); what it says meanwhile waits for that.
    """

    def __init__(
        self,
        sender: PipeSender,
        channel: Receiver,
        filters: Filters,
        form: EventForm,
        *,
        recall: Recall | None,
        nodes: Sequence[Node],
    ) -> None:
        self._sender = sender
        self._channel = channel
        self._filters = filters
        self._form = form
        self._recall = recall
        self._ids = {node.name: str(node.document.get("ID", "")) for node in nodes}
        self._down = {node.name for node in nodes if node.lost is not None}
        self._unheard = set(self._down) if recall is not None else set()
        self._held: dict[str, list[Mapping[str, Any]]] = {}
        self._told: set[tuple[str, Identity]] = set()

    async def run(self, history: Sequence[Reply[Sequence[Mapping[str, Any]]]], until: int | None) -> None:
        """Write history, then what happens, until the time given or until the client has gone."""
        async with self._sender, self._channel, trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_with_reader, nursery.cancel_scope)
            try:
                await self._write_history(history)
                with trio.move_on_after(_seconds_until(until)):
                    await self._write_news(until)
                self._sender.send_eof()
            except SwarmError as error:
                self._sender.cut(error)
            except trio.BrokenResourceError:
                pass  # the client has gone, which is how most event streams end
            nursery.cancel_scope.cancel()

    async def _stop_with_reader(self, scope: trio.CancelScope) -> None:
        await self._sender.wait_reader_gone()
        scope.cancel()

    async def _write_history(self, answers: Sequence[Reply[Sequence[Mapping[str, Any]]]]) -> None:
        for host, event in _in_order(answered(answers)):
            await self._tell(host, event)

    async def _write_news(self, until: int | None) -> None:
        async for message in self._channel:
            kind, host = message.get("kind"), str(message.get("member") or "")
            if kind == "event":
                if until is None or identity(message["event"])[0] <= until:
                    await self._news(host, message["event"])
            elif kind == "lost":
                await self._lost(host, message)
            elif kind == "back":
                await self._back(host)

    async def _news(self, host: str, event: Mapping[str, Any]) -> None:
        if host in self._unheard:
            self._held.setdefault(host, []).append(event)
        elif (host, identity(event)) not in self._told:
            await self._send(host, event)

    async def _lost(self, host: str, message: Message) -> None:
        if host not in self._down:
            self._down.add(host)
            await self._send(host, self._of_host(host, "lost", reason=str(message.get("reason", ""))))

    async def _back(self, member: str) -> None:
        """Take note that a host answers: what it remembers comes first, then what it has said since."""
        hosts = {host for host in self._unheard if f"{host}/".startswith(f"{member}/")}
        if hosts and self._recall is not None:
            await self._write_history(await self._recall(member))
        for host in sorted(hosts):
            self._unheard.discard(host)
            for event in self._held.pop(host, ()):
                await self._news(host, event)
        if member in self._down:
            self._down.discard(member)
            await self._send(member, self._of_host(member, "back"))

    def _of_host(self, host: str, action: str, **attributes: str) -> dict[str, Any]:
        return host_event(action, self._ids.get(host, ""), host, time.time_ns(), **attributes)

    async def _tell(self, host: str, event: Mapping[str, Any]) -> None:
        """Tell an event of history, once."""
        once = (host, identity(event))
        if once not in self._told:
            self._told.add(once)
            await self._send(host, event)

    async def _send(self, host: str, event: Mapping[str, Any]) -> None:
        event = with_host(event, host)
        if event_matches(event, self._filters):
            await self._sender.send_all(self._form.write(event))


def _in_order(answers: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Return the events of all hosts by time. Clocks differ and may be set back: the order of each host is kept."""
    told = [[(host, event) for event in events] for host, events in answers]
    return merge(*told, key=lambda each: int(each[1].get("timeNano") or 0))


def _seconds_until(moment: int | None) -> float:
    if moment is None:
        return float("inf")
    left = (moment - time.time_ns()) / SECOND
    return left + GRACE if left > 0 else 0.0
