"""One watch over many members, who may come and go while it lasts."""

from __future__ import annotations

from typing import Any

import trio
from attrs import evolve

from ..channel import Receiver, Sender
from ..errors import SwarmError, Unavailable
from ..message import Message, Verb
from ..rows import Row
from .members import Member


class MergedWatch:
    """Forward what each member's watch says, in the names of the whole; `synced` once each has been heard."""

    def __init__(self, sender: Sender, *, documents: bool, nursery: trio.Nursery) -> None:
        self._sender = sender
        self._documents = documents
        self._nursery = nursery
        self._scopes: dict[str, trio.CancelScope] = {}
        self._waiting: set[str] = set()
        self._known: dict[str, set[tuple[str, ...]]] = {}
        self._started = False
        self._synced = False

    @property
    def over(self) -> bool:
        """Whether nobody listens any more."""
        return self._sender.closed

    def begin(self, members: list[Member]) -> None:
        """Follow the members there are."""
        for member in members:
            self.add(member)
        self._started = True
        self._check_synced()

    def add(self, member: Member) -> None:
        """Follow one more member."""
        self._waiting.add(member.name)
        self._scopes[member.name] = trio.CancelScope()
        self._nursery.start_soon(self._follow, member, self._scopes[member.name])

    def drop(self, member: Member) -> None:
        """Say that all of a member's has gone."""
        if (scope := self._scopes.pop(member.name, None)) is not None:
            scope.cancel()
        for path in self._known.pop(member.name, set()):
            self._offer(path, {"kind": "gone"})
        self._heard(member.name)

    async def keep(self, name: str) -> None:
        """Wait until nobody listens, or until the aggregate `name` is closed, which ends the watch with an error."""
        try:
            await self._sender.wait_closed()
        finally:
            for scope in self._scopes.values():
                scope.cancel()
            self._sender.end(Unavailable(f"{name} has been closed"))

    async def _follow(self, member: Member, scope: trio.CancelScope) -> None:
        with scope:
            reply = await member(Message(Verb.WATCH, (), {"documents": self._documents}))
            assert isinstance(reply.ret, Receiver)
            async with reply.ret as channel:
                try:
                    async for message in channel:
                        self._forward(member, message)
                        if self._sender.closed:
                            return
                except SwarmError as error:
                    # Falling behind one member is falling behind: the receiver has to begin again.
                    self._sender.end(error)

    def _forward(self, member: Member, message: Message) -> None:
        kind = message.get("kind")
        if kind == "synced":
            self._heard(member.name)
            return
        args: dict[str, Any] = {key: value for key, value in message.args.items() if key != "stamp"}
        path = member.outward(message.path)
        if "row" in args:
            row = Row.from_plain(args["row"])
            row = member.node(row) if message.path[:1] == ("nodes",) and len(message.path) == 2 else member.row(row)
            path, args["row"] = row.path, row.to_plain()
        if kind in ("lost", "back"):
            path, args["member"] = (), member.host(str(args.get("member", "")))
            if kind == "lost":
                self._heard(member.name)
        if kind == "event":
            args["member"] = member.host(str(args.get("member", "")))
            path = ("nodes", args["member"])
        known = self._known.setdefault(member.name, set())
        if kind in ("have", "put"):
            known.add(path)
        elif kind == "gone":
            known.discard(path)
        self._offer(path, args)

    def _heard(self, member: str) -> None:
        self._waiting.discard(member)
        self._check_synced()

    def _check_synced(self) -> None:
        if self._started and not self._waiting and not self._synced:
            self._synced = True
            self._offer((), {"kind": "synced"})

    def _offer(self, path: tuple[str, ...], args: dict[str, Any]) -> None:
        self._sender.offer(evolve(Message(Verb.WATCH, path), args=args))
