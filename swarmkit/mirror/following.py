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
from .collections import COLLECTIONS, CONTAINERS
from .known import Lost, is_held, is_node
from .learning import Learner
from .replica import key_of
from .watchers import Watchers

log = logging.getLogger(__name__)

RESUBSCRIBE_SECONDS = 1.0
"""Wait before a watch that ended is asked for again."""


def _no_keys() -> dict[str, set[str]]:
    return {name: set() for name in COLLECTIONS}


@define
class _Heard:
    """What a new watch has said of what is not in step yet; what it has not said then is no more."""

    keys: dict[str, set[str]] = field(factory=_no_keys)  # by collection
    nodes: set[Path] = field(factory=set)
    lost: set[str] = field(factory=set)
    stamp: int = 0

    def note(self, message: Message) -> None:
        kind, path = message.get("kind"), message.path
        self.stamp = max(self.stamp, int(message.get("stamp", 0)))
        if kind in ("have", "put"):
            self._note_path(path)
        elif kind == "gone":
            self._forget_path(path)
        elif kind == "lost":
            self.lost.add(str(message.get("member", "")))
        elif kind == "back":
            self.lost.discard(str(message.get("member", "")))

    def _note_path(self, path: Path) -> None:
        if is_node(path):
            self.nodes.add(path)
        elif is_held(path) and path[-2] in self.keys:
            self.keys[path[-2]].add(key_of(path))

    def _forget_path(self, path: Path) -> None:
        if is_node(path):
            self.nodes.discard(path)
        elif is_held(path) and path[-2] in self.keys:
            self.keys[path[-2]].discard(key_of(path))


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
        for replica in self._known.replicas.values():
            replica.forget_stamps()
        heard = _Heard()
        async with reply.ret as channel:
            async for message in channel:
                if heard.keys:
                    heard.note(message)
                if message.get("kind") == "synced":
                    self._catch_up(message.path[-1] if message.path else CONTAINERS, heard)
                self._apply(message)

    def _catch_up(self, collection: str, heard: _Heard) -> None:
        """Let go of what a collection had before, and has no more; the nodes go with the containers."""
        said = heard.keys.pop(collection, None)
        if said is not None:
            for key in self._known.replicas[collection].rows.keys() - said:
                self._known.remove(collection, key, heard.stamp)
        if collection != CONTAINERS:
            self._known.catch_up(collection)
        elif said is not None:
            for path in self._known.nodes.keys() - heard.nodes:
                self._known.remove_node(path)
            self._known.settle(heard.lost)

    def _apply(self, message: Message) -> None:
        kind, member = message.get("kind"), str(message.get("member", ""))
        if kind in ("have", "put", "gone"):
            self._apply_row(message, gone=kind == "gone")
        elif kind == "event":
            self._watchers.tell(message)
        elif kind == "behind":
            self._known.fall_behind(message.path[-1], str(message.get("reason")))
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
            if gone:
                self._known.remove(path[-2], key_of(path), stamp)
            else:
                self._known.put(Row.from_plain(message["row"]), stamp)
