"""Watches over many members, who may come and go while they last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from ..channel import Receiver, Sender, open_channel
from ..errors import SwarmError, Unavailable
from ..message import Message, Path, Verb
from ..mirror import COLLECTIONS, CONTAINERS, Lost, is_node
from ..rows import Row
from .members import Member

IN_STEP: tuple[Path, ...] = ((), *((name,) for name in COLLECTIONS if name != CONTAINERS))
"""Where a watch says `synced`: of nodes and containers, and of each other collection."""

WATCHED = 16384
"""Messages that a watcher of the whole may be behind, besides those that wait at each member."""


class Watches:
    """All watches over the members there are."""

    def __init__(self, name: str, members: Mapping[str, Member], nursery: trio.Nursery) -> None:
        self._name = name
        self._members = members
        self._nursery = nursery
        self._watches: set[MergedWatch] = set()

    def __len__(self) -> int:
        return len(self._watches)

    def open(self, *, documents: bool) -> Receiver:
        """Open one more."""
        sender, receiver = open_channel(WATCHED)
        watch = MergedWatch(sender, documents=documents, nursery=self._nursery)
        watch.begin(list(self._members.values()))
        self._watches.add(watch)
        self._nursery.start_soon(self._keep, watch)
        return receiver

    async def _keep(self, watch: MergedWatch) -> None:
        try:
            await watch.keep(self._name)
        finally:
            self._watches.discard(watch)

    def enter(self, member: Member) -> None:
        """Have all watches follow one more member."""
        for watch in self._watches:
            watch.add(member)

    def leave(self, member: Member) -> None:
        """Have all watches say that all of a member's has gone."""
        for watch in self._watches:
            watch.drop(member)

    def again(self, member: Member) -> None:
        """Have all watches follow a member anew: it is hidden now, or shown. Its node stays."""
        for watch in self._watches:
            watch.drop(member, nodes=False)
            watch.add(member)


class MergedWatch:
    """Forward what each member's watch says, in the names of the whole.

    The whole is `synced`, at each of the paths `IN_STEP`, once each member is or has been lost.
    """

    def __init__(self, sender: Sender, *, documents: bool, nursery: trio.Nursery) -> None:
        self._sender = sender
        self._documents = documents
        self._nursery = nursery
        self._scopes: dict[str, trio.CancelScope] = {}
        self._waiting: dict[Path, set[str]] = {  # members that are not in step
            path: set() for path in (IN_STEP if documents else IN_STEP[:1])
        }
        self._synced: set[Path] = set()
        self._known: dict[str, dict[Path, Path]] = {}  # by member: paths as it says them, and as they were told
        self._hidden: set[str] = set()  # members that were told to be lost because they are hidden
        self._started = False

    def begin(self, members: list[Member]) -> None:
        """Follow the members there are."""
        for member in members:
            self.add(member)
        self._started = True
        self._offer(self._heard("", *self._waiting))  # which is all there is to wait for where there are no members

    def add(self, member: Member) -> None:
        """Follow one more member."""
        for waiting in self._waiting.values():
            waiting.add(member.name)
        self._scopes[member.name] = trio.CancelScope()
        channel = member.mirror.subscribe(documents=self._documents)  # at once: the watch misses nothing from here on
        self._nursery.start_soon(self._follow, member, channel, self._scopes[member.name])
        if member.hidden is not None:
            self._hidden.add(member.name)
            self._offer([Lost(member.hidden, seen=True).message(member.name)])
            self._offer(self._heard(member.name, *self._waiting))  # nobody waits for it

    def drop(self, member: Member, *, nodes: bool = True) -> None:
        """Say that all of a member's has gone; its `nodes` only if they have, too."""
        if (scope := self._scopes.pop(member.name, None)) is not None:
            scope.cancel()
        gone = [path for path in self._known.pop(member.name, {}).values() if nodes or not is_node(path)]
        if nodes:
            self._hidden.discard(member.name)
        self._offer([Message(Verb.WATCH, path, {"kind": "gone"}) for path in gone])
        self._offer(self._heard(member.name, *self._waiting))

    def _offer(self, messages: list[Message]) -> None:
        for message in messages:
            self._sender.offer(message)

    async def keep(self, name: str) -> None:
        """Wait until nobody listens, or until the aggregate `name` is closed, which ends the watch with an error."""
        try:
            await self._sender.wait_closed()
        finally:
            for scope in self._scopes.values():
                scope.cancel()
            self._sender.end(Unavailable(f"{name} has been closed"))

    async def _follow(self, member: Member, channel: Receiver, scope: trio.CancelScope) -> None:
        async with channel:
            with scope:
                try:
                    async for message in channel:
                        if scope.cancel_called:
                            return  # it was taken in the moment in which the member left
                        for told in self._told(member, message):
                            # It waits for room: what many members have to say at first is more than a channel holds.
                            # Who reads too slowly falls behind the member's own channel, and holds up nobody.
                            await self._sender.send(told)
                        if message.get("kind") == "gone":  # not before it has been said: else nobody would say it
                            self._known.get(member.name, {}).pop(message.path, None)
                except trio.BrokenResourceError:
                    return  # nobody listens any more
                except SwarmError as error:
                    # Falling behind one member is falling behind: the receiver has to begin again.
                    self._sender.end(error)

    def _told(self, member: Member, message: Message) -> list[Message]:
        """Return what the whole says when a member says this."""
        kind = message.get("kind")
        if member.hidden is not None and not (kind in ("have", "put", "gone") and is_node(message.path)):
            return []
        if kind in ("synced", "behind") and message.path not in self._waiting:
            return []  # it has a collection that is none of ours
        if kind == "synced":
            return self._shown(member, message.path) + self._heard(member.name, message.path)
        if kind == "behind":
            return self._behind(member, message)
        if kind in ("lost", "back"):
            return self._state(member, kind, message)
        args: dict[str, Any] = {key: value for key, value in message.args.items() if key != "stamp"}
        if kind == "event":
            host = args["member"] = member.host(str(args.get("member", "")))
            return [Message(Verb.WATCH, ("nodes", host), args)]
        known = self._known.setdefault(member.name, {})
        if kind == "gone":
            return [Message(Verb.WATCH, known.get(message.path, member.outward(message.path)), args)]
        if message.path[:1] == ("nodes",) and len(message.path) == 2:
            args["row"] = member.node(Row.from_plain(args["row"])).to_plain()
        else:
            args["row"] = member.plain(args["row"])
        path = known[message.path] = tuple(args["row"]["path"])
        return [Message(Verb.WATCH, path, args)]

    def _shown(self, member: Member, path: Path) -> list[Message]:
        """Say that a member that was hidden is back, once its containers have been said."""
        if path or member.name not in self._hidden:
            return []
        self._hidden.remove(member.name)
        return [Message(Verb.WATCH, (), {"kind": "back", "member": member.name})]

    def _state(self, member: Member, kind: str, message: Message) -> list[Message]:
        beneath = str(message.get("member", ""))
        told = [Message(Verb.WATCH, (), {**message.args, "member": member.host(beneath)})]
        if kind == "lost" and (not beneath or member.mirror.broken is not None):
            told += self._heard(
                member.name, *self._waiting
            )  # it has nothing more to say for now, and nobody waits for it
        return told

    def _behind(self, member: Member, message: Message) -> list[Message]:
        """Take note that a member is not in step with a collection any more; nor is the whole, then."""
        self._waiting[message.path].add(member.name)
        if message.path not in self._synced:
            return []
        self._synced.remove(message.path)
        reason = f"{member.name}: {message.get('reason')}"
        return [Message(Verb.WATCH, message.path, {"kind": "behind", "reason": reason})]

    def _heard(self, member: str, *paths: Path) -> list[Message]:
        """Take note that a member is in step; return what is to be said of that."""
        told = []
        for path in paths:
            self._waiting[path].discard(member)
            if self._started and not self._waiting[path] and path not in self._synced:
                self._synced.add(path)
                told.append(Message(Verb.WATCH, path, {"kind": "synced"}))
        return told
