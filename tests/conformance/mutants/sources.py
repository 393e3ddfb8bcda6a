"""Sources that break a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from swarmkit.channel import open_channel
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service

from .base import Mutant, mutant, spoiling
from .watches import without

SOURCE_MUTANTS: list[Mutant] = []


@mutant(SOURCE_MUTANTS, "added_member_is_put", "changed_member_is_put", "watchers_are_independent")
def does_not_say_who_joins() -> LayerFunction:
    return without("put")


@mutant(SOURCE_MUTANTS, "removed_member_is_gone")
def does_not_say_who_leaves() -> LayerFunction:
    return without("gone")


@mutant(SOURCE_MUTANTS, "watch_and_list_agree")
def does_not_say_who_is_there() -> LayerFunction:
    return without("have")


def _with_rows(change: Callable[[dict[str, Any]], dict[str, Any]]) -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        return evolve(reply, args={**reply.args, "rows": [change(row) for row in reply["rows"]]})

    return spoiling(Verb.LS, reply=spoil)


@mutant(SOURCE_MUTANTS, "members_are_listed", "watch_and_list_agree")
def lists_members_under_a_path_of_its_own() -> LayerFunction:
    return _with_rows(lambda row: {**row, "path": ["members", row["name"]]})


@mutant(SOURCE_MUTANTS, "members_are_listed")
def lists_members_without_a_stage() -> LayerFunction:
    return _with_rows(lambda row: {**row, "document": {"Labels": {}}})


@mutant(SOURCE_MUTANTS, "labels_are_strings")
def lists_labels_that_are_numbers() -> LayerFunction:
    return _with_rows(lambda row: {**row, "document": {**row["document"], "Labels": {"cpus": 4}}})


@mutant(SOURCE_MUTANTS, "added_member_is_put", "changed_member_is_put", "removed_member_is_gone")
def lists_for_ever_what_it_listed_first() -> LayerFunction:
    first: list[Message] = []

    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is not Verb.LS:
            if not first:
                first.append(await inner(Message(Verb.LS)))
            return await inner(message)
        return first[0] if first else await inner(message)

    return layer


def _answering(verb: Verb, answer: Callable[[], Message]) -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        return answer() if message.verb is verb and message.path else await inner(message)

    return layer


@mutant(SOURCE_MUTANTS, "drained_is_said", "what_cannot_be_set_is_refused")
def takes_whatever_is_set_for_done() -> LayerFunction:
    return _answering(Verb.SET, ack)


@mutant(SOURCE_MUTANTS, "name_is_held_by_one")
def holds_a_name_for_all_who_ask() -> LayerFunction:
    return _answering(Verb.SPAWN, lambda: ack(ret=open_channel()[1]))


@mutant(SOURCE_MUTANTS, "name_is_held_by_one")
def does_not_say_that_a_name_was_held_a_moment_ago() -> LayerFunction:
    return spoiling(Verb.SPAWN, reply=lambda asked, reply: evolve(reply, args={}))
