"""A host in memory that does what a test says: its rows, its delays and its failures are the test's to set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from swarmkit import Message, Role, Row, Service, Stage, SwarmError, Verb, ack, close_ends
from swarmkit.channel import Sender, open_channel
from swarmkit.errors import Unavailable


def full_id(name: str) -> str:
    """Return a full id that begins with the name's letters in hexadecimal."""
    return name.encode().hex().ljust(64, "0")


def row(name: str, state: str = "created", **detail: Any) -> Row:
    """Make a container's row, with an id of its name; `detail` is what it has of the inspection beside the state."""
    id = full_id(name)
    document = {"Id": id, "Names": [f"/{name}"], "State": state, "Status": ""}
    return Row(
        name=name, path=("containers", id), id=id, names=(name,), document=document, detail={"State": {}, **detail}
    )


def thing(collection: str, name: str, id: str, *names: str) -> Row:
    """Make the row of an image, a network or a volume; without `names` its name is the only one."""
    return Row(name=name, path=(collection, id), id=id, names=names or (name,), document={"Id": id, "Name": name})


@define(eq=False)
class ScriptedHost:
    """A service with containers, and with what is in `others`, by collection and id.

    `before` is awaited before each call, and may wait or raise. `instead` answers in its place, and may have it
    `answer` after all.
    `quiet` keeps it from telling its watchers of changes; without `hears` a watch is not put in step.
    """

    name: str = "host"
    rows: dict[str, Row] = field(factory=dict)
    others: dict[str, dict[str, Row]] = field(factory=dict)
    calls: list[Message] = field(factory=list)
    before: Callable[[Message], Any] | None = None
    instead: Service | None = None
    quiet: bool = False
    hears: bool = True
    senders: list[Sender] = field(factory=list)
    stamp: int = 0
    node: dict[str, Any] = field(factory=dict)
    id: str = ""

    def add(self, *rows: Row) -> None:
        """Have containers, or other things, and tell of them."""
        for each in rows:
            self._held(each.path[-2])[each.id] = each
            if not self.quiet:
                self.tell("put", each.path, row=each.to_plain(), stamp=self.next_stamp())

    def remove(self, *rows: Row) -> None:
        """Have them no more, and tell so."""
        for each in rows:
            del self._held(each.path[-2])[each.id]
            if not self.quiet:
                self.tell("gone", each.path, stamp=self.next_stamp())

    def _held(self, collection: str) -> dict[str, Row]:
        return self.rows if collection == "containers" else self.others.setdefault(collection, {})

    def next_stamp(self) -> int:
        """Count one more fetch."""
        self.stamp += 1
        return self.stamp

    def tell(self, kind: str, path: tuple[str, ...] = (), **args: Any) -> None:
        """Say something to all watchers."""
        self.senders = [
            sender for sender in self.senders if sender.offer(Message(Verb.WATCH, path, {"kind": kind, **args}))
        ]

    def lose(self, reason: str = "no answer") -> None:
        """Say that the host does not answer."""
        self.tell("lost", reason=reason, seen=True)

    def cut(self, error: SwarmError) -> None:
        """End all watches with an error."""
        for sender in self.senders:
            sender.end(error)
        self.senders = []

    def sent(self, verb: Verb) -> list[Message]:
        """Return the messages of one verb that came."""
        return [message for message in self.calls if message.verb is verb]

    async def __call__(self, message: Message, /) -> Message:
        return await (self.answer(message) if self.instead is None else self.instead(message))

    async def answer(self, message: Message) -> Message:
        """Do what a message asks for."""
        self.calls.append(message)
        await trio.lowlevel.checkpoint()
        if self.before is not None:
            try:
                await self.before(message)
            except BaseException:
                with trio.CancelScope(shield=True):
                    await close_ends(message)
                raise
        match message.verb:
            case Verb.LS if message.path == ("containers",) or message.path[-1] in self.others:
                return self._ls(message)
            case Verb.LS:
                return ack({"rows": [Row(name="x", path=(message.path[-1], "x"), id="x").to_plain()], "missing": []})
            case Verb.SPAWN:
                host_config = (message.get("spec") or {}).get("HostConfig") or {}
                made = row(str(message.get("name") or f"c{self.next_stamp()}"), HostConfig=host_config)
                self.add(made)
                return ack({"id": made.id}, path=made.path)
            case Verb.START:
                self.add(row(self.rows[message.path[1]].name, "running"))
            case Verb.WATCH:
                return self._watch()
        return ack({"host": self.name}, path=message.path, att=message.att)

    def _ls(self, message: Message) -> Message:
        ids = message.get("ids")
        rows = [each for each in self._held(message.path[-1]).values() if ids is None or each.id in ids]
        return ack({"rows": [each.to_plain() for each in rows], "stamp": self.next_stamp()})

    def node_row(self, lost: str | None = None) -> Row:
        """Make the row of its node."""
        document = {"Name": self.name, **self.node}
        return Row(name=self.name, path=("nodes", self.name), id=self.id, document=document, lost=lost)

    def _watch(self) -> Message:
        sender, receiver = open_channel()
        self.senders.append(sender)
        node = self.node_row()
        sender.offer(Message(Verb.WATCH, node.path, {"kind": "put", "row": node.to_plain()}))
        if self.hears:
            stamp = self.next_stamp()
            for collection, held in (("containers", self.rows), *self.others.items()):
                for each in held.values():
                    args = {"kind": "have", "row": each.to_plain(), "stamp": stamp}
                    sender.offer(Message(Verb.WATCH, each.path, args))
                sender.offer(
                    Message(Verb.WATCH, () if collection == "containers" else (collection,), {"kind": "synced"})
                )
        return ack(ret=receiver)


class ScriptedStage(Stage):
    """A stage of a scripted host. `fail` ends an open instance with an error; `refuse` is raised by opening."""

    role = Role.BACKEND

    def __init__(self, host: ScriptedHost) -> None:
        self.host = host
        self.name = host.name
        self.refuse: Exception | None = None
        self.opened = 0
        self._failing = trio.Event()
        self._failure: Exception = RuntimeError("a bug")

    def fail(self, error: Exception) -> None:
        """End what is open with an error, as a task of it would that fails."""
        self._failure = error
        self._failing.set()
        self._failing = trio.Event()

    @asynccontextmanager
    async def open(self, inner: Service | None) -> AsyncIterator[Service]:
        if self.refuse is not None:
            raise self.refuse
        self.opened += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._fail_when_told, self._failing)
                yield self.host
                nursery.cancel_scope.cancel()
        finally:
            self.host.cut(Unavailable(f"{self.name} has been closed"))

    async def _fail_when_told(self, failing: trio.Event) -> None:
        await failing.wait()
        raise self._failure
