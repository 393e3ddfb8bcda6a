"""Hosts that watch badly."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from swarmkit.channel import EndOfChannel, Receiver
from swarmkit.errors import SwarmError
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb

from .base import Mutant, mutant, spoiling

WATCHES: list[Mutant] = []


class _Filtered(Receiver):
    """A channel that changes what comes, or leaves it out."""

    def __init__(self, inner: Receiver, change: Callable[[Message], Message | None]) -> None:
        self.inner = inner
        self.change = change

    async def receive(self) -> Message:
        while True:
            message = self.change(await self.inner.receive())
            if message is not None:
                return message

    def close(self) -> None:
        self.inner.close()


def watches(change: Callable[[Message], Message | None]) -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        return evolve(reply, ret=_Filtered(reply.ret, change)) if isinstance(reply.ret, Receiver) else reply

    return spoiling(Verb.WATCH, reply=spoil)


def without(kind: str, *collection: str) -> LayerFunction:
    def change(message: Message) -> Message | None:
        left_out = message.get("kind") == kind and message.path[-2:-1] == (collection or message.path[-2:-1])
        return None if left_out else message

    return watches(change)


@mutant(WATCHES, "watch_begins_with_what_there_is", "collections_are_said")
def does_not_say_what_there_is() -> LayerFunction:
    return without("have")


@mutant(WATCHES, "nodes_are_watched")
def does_not_watch_nodes() -> LayerFunction:
    return without("put", "nodes")


@mutant(WATCHES, "changes_are_put", "removal_is_gone")
def does_not_say_what_changes() -> LayerFunction:
    return without("put", "containers")


@mutant(WATCHES, "changes_of_collections_are_told")
def does_not_say_what_changes_of_volumes() -> LayerFunction:
    return without("put", "volumes")


@mutant(WATCHES, "collections_are_said", "changes_of_collections_are_told")
def is_never_in_step_with_images() -> LayerFunction:
    return watches(lambda message: None if message.path == ("images",) else message)


@mutant(WATCHES, "changes_of_collections_are_told", "removal_is_gone", "idle_watcher_holds_up_nobody")
def does_not_say_what_has_gone() -> LayerFunction:
    return without("gone")


@mutant(WATCHES, "events_are_verbatim")
def understands_events() -> LayerFunction:
    def change(message: Message) -> Message:
        if message.get("kind") != "event":
            return message
        event = {key: value for key, value in message["event"].items() if key != "scope"}
        return evolve(message, args={**message.args, "event": event})

    return watches(change)


@mutant(WATCHES, "events_are_verbatim", "without_documents_only_events")
def drops_events() -> LayerFunction:
    return watches(lambda message: None if message.get("kind") == "event" else message)


@mutant(WATCHES, "without_documents_only_events")
def always_sends_documents() -> LayerFunction:
    return spoiling(Verb.WATCH, message=lambda message: evolve(message, args={}))


@mutant(WATCHES, "a_closed_watch_ends_no_other")
def ends_all_watches_with_one() -> LayerFunction:
    channels: list[Receiver] = []

    class Together(_Filtered):
        def close(self) -> None:
            for channel in channels:
                channel.close()

    def spoil(asked: Message, reply: Message) -> Message:
        if not isinstance(reply.ret, Receiver):
            return reply
        channels.append(reply.ret)
        return evolve(reply, ret=Together(reply.ret, lambda message: message))

    return spoiling(Verb.WATCH, reply=spoil)


class _EndingWell(_Filtered):
    async def receive(self) -> Message:
        try:
            return await super().receive()
        except SwarmError:
            raise EndOfChannel from None


@mutant(WATCHES, "closing_ends_watches_with_an_error")
def ends_watches_as_if_all_were_said() -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        if not isinstance(reply.ret, Receiver):
            return reply
        return evolve(reply, ret=_EndingWell(reply.ret, lambda message: message))

    return spoiling(Verb.WATCH, reply=spoil)
