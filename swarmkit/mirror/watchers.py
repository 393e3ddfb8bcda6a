"""Subscriptions to what is known, fanned out: one watch behind serves all who watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from ..channel import Receiver, Sender, open_channel
from ..errors import SwarmError
from ..message import Message
from .known import is_node

WATCHED = 4096
"""Messages that a watcher may be behind, besides those that it is sent at first."""


class Watchers:
    """Those who watch. One that falls behind its bound is ended with an error, and holds up nobody."""

    def __init__(self) -> None:
        self._watchers: dict[Sender, bool] = {}  # and whether they want documents
        self._listeners: list[Callable[[Message], None]] = []
        self._changed = trio.Event()

    def __len__(self) -> int:
        return len(self._watchers)

    def add(self, first: Sequence[Message], *, documents: bool) -> Receiver:
        """Return a new subscription, which says `first`, then all that is told; of rows only with `documents`."""
        sender, receiver = open_channel(len(first) + WATCHED)
        for message in first:
            sender.offer(message)
        self._watchers[sender] = documents
        return receiver

    def listen(self, told: Callable[[Message], None]) -> None:
        """Have `told` called with all that is told, at once and before anything else happens. It may not block."""
        self._listeners.append(told)

    def tell(self, message: Message) -> None:
        """Tell all who want to know of it."""
        kind = message.get("kind")
        document = kind in ("synced", "behind") or (kind in ("have", "put", "gone") and not is_node(message.path))
        for sender, documents in list(self._watchers.items()):
            if sender.closed or ((documents or not document) and not sender.offer(message)):
                del self._watchers[sender]
        for told in self._listeners:
            told(message)
        self.wake()

    def wake(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = trio.Event()

    async def wait_change(self) -> None:
        """Wait until the next thing changes."""
        await self._changed.wait()

    def end(self, error: SwarmError) -> None:
        """End all subscriptions with an error."""
        for sender in self._watchers:
            sender.end(error)
        self._watchers.clear()
