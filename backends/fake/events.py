"""The engine's events: a ring of the last ones, and those who listen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import trio

from swarmkit.engine.times import SECOND

from .clock import Clock

RING = 256
"""Events kept for those who ask for the past."""

QUEUE = 1024
"""Events that wait for one listener, at most; one that falls further behind is cut off."""

Event = dict[str, Any]


class Events:
    """Tell what happens, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ring: deque[Event] = deque(maxlen=RING)
        self._listeners: list[trio.MemorySendChannel[Event]] = []

    def emit(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        """Say that something has happened. The attributes come sorted, as in the engine."""
        now = self._clock.stamp()
        event: Event = {}
        if kind in ("container", "image"):  # the fields of old, which other kinds have never had
            event |= {"status": action, **({"id": actor} if actor else {})}
            if kind == "container" and attributes.get("image"):
                event["from"] = attributes["image"]
        actor_document = {"ID": actor, "Attributes": dict(sorted(attributes.items()))}
        event |= {"Type": kind, "Action": action, "Actor": actor_document, "scope": "local"}
        event |= {"time": now // SECOND, "timeNano": now}
        self._ring.append(event)
        for listener in list(self._listeners):
            try:
                listener.send_nowait(event)
            except trio.WouldBlock:
                self._listeners.remove(listener)
                listener.close()
            except trio.BrokenResourceError:
                self._listeners.remove(listener)

    def past(self) -> list[Event]:
        """Return the events kept, oldest first."""
        return list(self._ring)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listening(self) -> Iterator[trio.MemoryReceiveChannel[Event]]:
        """Give a channel of the events from now on; it ends early for a listener that falls behind."""
        sender, receiver = trio.open_memory_channel[Event](QUEUE)
        self._listeners.append(sender)
        with receiver:
            try:
                yield receiver
            finally:
                sender.close()
                if sender in self._listeners:
                    self._listeners.remove(sender)
