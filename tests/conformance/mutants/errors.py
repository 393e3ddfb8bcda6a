"""Hosts that refuse in the wrong way."""

from __future__ import annotations

from swarmkit.errors import Internal, NotFound, SwarmError
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb, ack
from swarmkit.rows import Listing
from swarmkit.service import Service

from .base import Mutant, mutant

ERRORS: list[Mutant] = []


@mutant(
    ERRORS,
    *("unknown_path_is_refused", "unknown_collection_is_not_found", "name_in_use_is_a_conflict", "bad_name_is_invalid"),
    *("missing_image_is_not_found", "unknown_reference_is_not_found", "rename_to_a_name_in_use_is_a_conflict"),
    *("missing_file_is_not_found",),
)
def says_internal_for_everything() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        try:
            return await inner(message)
        except SwarmError as error:
            raise Internal(error.message) from error

    return layer


@mutant(ERRORS, "unknown_path_is_refused", "cut_archive_is_no_success", "unknown_reference_is_not_found")
def says_done_for_every_error() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        try:
            return await inner(message)
        except SwarmError:
            return ack()

    return layer


@mutant(ERRORS, "unknown_path_is_refused", "missing_image_is_not_found", "unknown_reference_is_not_found")
def does_not_say_what_was_asked() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        try:
            return await inner(message)
        except SwarmError as error:
            raise type(error)("no") from error

    return layer


@mutant(ERRORS, "unknown_path_is_refused", "unknown_reference_is_not_found")
def raises_what_is_no_swarm_error() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        try:
            return await inner(message)
        except SwarmError as error:
            raise KeyError(error.message) from error

    return layer


@mutant(ERRORS, "unknown_collection_is_not_found")
def lists_nothing_where_nothing_is() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        try:
            return await inner(message)
        except NotFound:
            if message.verb is Verb.LS:
                return ack(Listing().to_args())
            raise

    return layer
