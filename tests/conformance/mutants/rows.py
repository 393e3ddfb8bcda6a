"""Hosts that list, find or describe wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from swarmkit.errors import NotFound
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb, ack
from swarmkit.rows import Listing
from swarmkit.service import Service

from .base import Mutant, mutant, spoiling

ROWS: list[Mutant] = []


def _rows(change: Callable[[dict[str, Any]], dict[str, Any] | None], *path: str) -> LayerFunction:
    """Make a layer that changes the rows of LS of a path, here or below a node; None leaves a row out."""

    def spoil(asked: Message, reply: Message) -> Message:
        if (asked.path[-len(path) :] if path else asked.path) != path:
            return reply
        rows = [row for row in map(change, reply["rows"]) if row is not None]
        return evolve(reply, args={**reply.args, "rows": rows})

    return spoiling(Verb.LS, reply=spoil)


@mutant(ROWS, "collections_are_listed")
def does_not_name_a_collection() -> LayerFunction:
    return _rows(lambda row: row if row["name"] != "volumes" else None)


@mutant(ROWS, "container_row_says_who_it_is")
def gives_rows_a_path_that_is_not_canonical() -> LayerFunction:
    return _rows(lambda row: {**row, "path": ["containers", row["name"]]}, "containers")


@mutant(ROWS, "container_row_says_who_it_is")
def gives_rows_no_names() -> LayerFunction:
    return _rows(lambda row: {**row, "names": []}, "containers")


@mutant(ROWS, "container_rows_are_verbatim")
def drops_what_it_does_not_know() -> LayerFunction:
    def known(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "document": {key: row["document"][key] for key in ("Id", "Names", "State", "Status")}}

    return _rows(known, "containers")


@mutant(ROWS, "images_are_listed_and_found")
def gives_images_no_names() -> LayerFunction:
    return _rows(lambda row: {**row, "names": []}, "images")


@mutant(ROWS, "networks_and_volumes_are_listed")
def names_networks_after_their_ids() -> LayerFunction:
    return _rows(lambda row: {**row, "name": row["id"]}, "networks")


@mutant(ROWS, "collections_are_verbatim")
def drops_what_it_does_not_know_of_networks() -> LayerFunction:
    def known(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "document": {key: row["document"][key] for key in ("Id", "Name")}}

    return _rows(known, "networks")


@mutant(ROWS, "collections_are_found_by_every_reference")
def finds_images_by_whole_ids_only() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.ATTACH and message.path[:1] == ("images",) and len(message.path[-1]) == 12:
            raise NotFound(f"No such image: {message.path[-1]}")
        return await inner(message)

    return layer


@mutant(ROWS, "nodes_are_the_leaves")
def has_no_nodes() -> LayerFunction:
    return _rows(lambda row: None, "nodes")


@mutant(ROWS, "a_node_is_a_host")
def reaches_no_node() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.path[:1] == ("nodes",) and len(message.path) == 2 and message.verb is Verb.CONNECT:
            raise NotFound(f"no such node: {message.path[1]}")
        return await inner(message)

    return layer


@mutant(ROWS, "listing_can_be_narrowed_to_ids", "log_can_be_one_stream", "log_tail_is_the_end", "log_has_timestamps")
def ignores_options() -> LayerFunction:
    def spoil(message: Message) -> Message:
        return evolve(message, args={"follow": message.get("follow", False)})

    return spoiling(Verb.LS, Verb.LOG, message=spoil)


@mutant(ROWS, "document_is_verbatim")
def shortens_documents() -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        document = {key: value for key, value in reply["document"].items() if key != "Platform"}
        return evolve(reply, args={**reply.args, "document": document})

    return spoiling(Verb.GET, reply=spoil)


@mutant(ROWS, "attach_gives_path_and_document")
def finds_without_a_document() -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        args = {key: value for key, value in reply.args.items() if key != "document"}
        return reply if asked.get("io") is not None else evolve(reply, args=args)

    return spoiling(Verb.ATTACH, reply=spoil)


@mutant(ROWS, "canonical_path_serves_every_verb", "attach_gives_path_and_document")
def loses_the_path_of_replies() -> LayerFunction:
    return spoiling(Verb.ATTACH, Verb.GET, Verb.CONNECT, reply=lambda asked, reply: evolve(reply, path=("x",)))


@mutant(ROWS, "found_by_every_reference")
def finds_by_whole_ids_only() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.ATTACH and len(message.path[-1]) == 12:
            raise NotFound(f"No such container: {message.path[-1]}")
        return await inner(message)

    return layer


@mutant(ROWS, "ambiguous_reference_is_refused")
def chooses_the_first_of_several() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.verb is Verb.ATTACH and len(message.path[-1]) == 1:
            rows = Listing.of(await inner(Message(Verb.LS, ("containers",))))
            found = next(row for row in rows if row.id.startswith(message.path[-1]))
            return ack(found.to_plain(), path=found.path)
        return await inner(message)

    return layer
