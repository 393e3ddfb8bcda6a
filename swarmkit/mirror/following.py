"""The watch behind: subscribed to, applied to what is known, and subscribed to again when it ends.

A change behind our back is seen when its event arrives.
"""

from __future__ import annotations

import logging

import trio
from attrs import define, field

from ..channel import Receiver
from ..errors import Internal, SwarmError
from ..message import Message, Path, Verb
from ..rows import Row
from ..service import Service, close_ends
from .known import Lost, is_held, is_node
from .learning import Learner
from .watchers import Watchers

log = logging.getLogger(__name__)

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a watch that ended is asked for again."""


@define
class _Heard:
    """What a new watch has said before it was in step; what it has not is no more."""

    ids: set[str] = field(factory=set)
    nodes: set[Path] = field(factory=set)
    lost: set[str] = field(factory=set)
    stamp: int = 0

    def note(self, message: Message) -> None:
        kind, path = message.get("kind"), message.path
        self.stamp = max(self.stamp, int(message.get("stamp", 0)))
        if kind in ("have", "put"):
            self.nodes.add(path) if is_node(path) else self.ids.add(path[-1])
        elif kind == "gone":
            self.nodes.discard(path) if is_node(path) else self.ids.discard(path[-1])
        elif kind == "lost":
            self.lost.add(str(message.get("member", "")))
        elif kind == "back":
            self.lost.discard(str(message.get("member", "")))


class Follower:
    """Keep what is known in step with the watch of the service behind; `run` does that."""

    def __init__(self, name: str, inner: Service, known: Learner, watchers: Watchers) -> None:
        self._name = name
        self._inner = inner
        self._known = known
        self._watchers = watchers

    async def run(self) -> None:
        """Subscribe, follow, and subscribe again when the watch ends, for ever."""
        while True:
            try:
                await self._follow()
                reason = "it ended the watch"
            except SwarmError as error:
                log.debug("%s: the watch ended: %s", self._name, error)
                reason = error.reason
            except Exception as error:
                # What is behind is another's code: its fault is shown as its state, and is nobody else's.
                log.exception("%s: what it says of changes makes no sense", self._name)
                reason = f"what it says of changes makes no sense: {error!r}"
            self._known.break_off(reason)
            self._watchers.wake()  # of an aggregate whose hosts are all lost already, that is nothing new to watchers
            await trio.sleep(RESUBSCRIBE_SECONDS)

    async def _follow(self) -> None:
        """Subscribe, and apply what the watch says. What it does not list before it is in step is gone."""
        reply = await self._inner(Message(Verb.WATCH))
        if not isinstance(reply.ret, Receiver):
            await close_ends(reply)
            raise Internal(f"{self._name} answered WATCH without a channel")
        self._known.replica.forget_stamps()
        heard: _Heard | None = _Heard()
        async with reply.ret as channel:
            async for message in channel:
                if heard is not None:
                    heard.note(message)
                    if message.get("kind") == "synced":
                        self._settle(heard)
                        heard = None
                self._apply(message)

    def _settle(self, heard: _Heard) -> None:
        """Let go of what was known before, and is no more."""
        for id in set(self._known.replica.rows) - heard.ids:
            self._known.remove(id, heard.stamp)
        for path in set(self._known.nodes) - heard.nodes:
            self._known.remove_node(path)
        self._known.settle(heard.lost)

    def _apply(self, message: Message) -> None:
        kind, member = message.get("kind"), str(message.get("member", ""))
        if kind in ("have", "put", "gone"):
            self._apply_row(message, gone=kind == "gone")
        elif kind == "event":
            self._watchers.tell(message)
        elif kind == "lost":
            seen = self._known.synced if member == "" else bool(message.get("seen", True))
            self._known.lose(member, Lost(str(message.get("reason")), seen))
        elif kind == "back":
            self._known.regain(member)

    def _apply_row(self, message: Message, *, gone: bool) -> None:
        path, stamp = message.path, int(message.get("stamp", 0))
        if is_node(path):
            self._known.remove_node(path) if gone else self._known.put_node(path, Row.from_plain(message["row"]))
        elif is_held(path):
            self._known.remove(path[-1], stamp) if gone else self._known.put(Row.from_plain(message["row"]), stamp)
