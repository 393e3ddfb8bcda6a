"""Hosts that make or change something else than was asked."""

from __future__ import annotations

from attrs import evolve

from swarmkit.errors import Conflict, Invalid, NotFound
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb
from swarmkit.service import Service

from .base import Mutant, answering, mutant, spoiling

CHANGES: list[Mutant] = []


@mutant(CHANGES, "spawned_is_not_started")
def starts_what_it_makes() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        reply = await inner(message)
        if message.verb is Verb.SPAWN:
            await inner(Message(Verb.START, reply.path))
        return reply

    return layer


@mutant(CHANGES, "spec_is_obeyed")
def ignores_the_host_config() -> LayerFunction:
    def spoil(message: Message) -> Message:
        spec = {key: value for key, value in message["spec"].items() if key != "HostConfig"}
        return evolve(message, args={**message.args, "spec": spec})

    return spoiling(Verb.SPAWN, message=spoil)


@mutant(CHANGES, "spawn_without_a_name")
def wants_a_name() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.SPAWN and not message.get("name"):
            raise Invalid("a name is needed")
        return await inner(message)

    return layer


@mutant(CHANGES, "start_runs_and_stop_ends", "a_wait_holds_up_no_call", "what_was_started_is_running")
def does_not_stop() -> LayerFunction:
    return answering(lambda message: message.verb is Verb.STOP)


@mutant(CHANGES, "rename_moves_the_name", "set_updates_resources", "what_was_renamed_is_listed_so")
def does_not_set() -> LayerFunction:
    return answering(lambda message: message.verb is Verb.SET)


@mutant(CHANGES, "start_and_stop_twice")
def starts_only_once() -> LayerFunction:
    started: set[tuple[str, ...]] = set()

    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.START:
            if message.path in started:
                raise Conflict("it runs already")
            started.add(message.path)
        return await inner(message)

    return layer


@mutant(
    CHANGES,
    *("what_was_spawned_is_listed", "what_was_started_is_running", "what_was_renamed_is_listed_so"),
    *("what_was_removed_is_not_listed", "raw_requests_are_writes", "raw_create_is_found"),
)
def lists_what_it_listed_first() -> LayerFunction:
    first: list[Message] = []

    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.ATTACH and message.get("io") is None and first:
            names = [name for row in first[0]["rows"] for name in row["names"]]
            if message.path[-1] not in names:
                raise NotFound(f"No such container: {message.path[-1]}")
        if message.verb is not Verb.LS or message.path != ("containers",):
            return await inner(message)
        if not first:
            first.append(await inner(message))
        return first[0]

    return layer


@mutant(CHANGES, "writes_to_collections_are_seen", "containers_bring_and_take_volumes")
def lists_collections_as_at_first() -> LayerFunction:
    first: dict[str, Message] = {}

    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is not Verb.LS or message.path[-1:] not in (("images",), ("networks",), ("volumes",)):
            return await inner(message)
        if message.path[-1] not in first:
            first[message.path[-1]] = await inner(Message(Verb.LS, message.path[-1:]))
        return first[message.path[-1]]

    return layer
