"""Hosts that lose, keep or cut what a message carries."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import evolve

from swarmkit.errors import SwarmError
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb
from swarmkit.service import Service

from .base import Mutant, mutant, spoiling
from .streams import Cancelled, Coalescing, Ended, Endless, Stream, Swapped, Truncated, Unclosing, Uncut

ENDS: list[Mutant] = []


def _requests(kind: Callable[[Stream], Stream], *verbs: Verb) -> LayerFunction:
    def spoil(message: Message) -> Message:
        return message if message.att is None else evolve(message, att=kind(message.att))

    return spoiling(*verbs, message=spoil)


def _replies(kind: Callable[[Stream], Stream], *verbs: Verb) -> LayerFunction:
    def spoil(asked: Message, reply: Message) -> Message:
        return reply if reply.att is None else evolve(reply, att=kind(reply.att))

    return spoiling(*verbs, reply=spoil)


@mutant(ENDS, "unused_streams_are_closed", "refused_join_closes_the_input", "unwanted_input_is_closed")
def keeps_the_streams_of_requests() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        unclosing = Unclosing(message.att) if message.att is not None else None
        try:
            return await inner(evolve(message, att=unclosing))
        except SwarmError as error:
            if message.att is None:
                raise
            message.att.aclose = trio.lowlevel.checkpoint  # type: ignore[method-assign]
            raise error from None

    return layer


@mutant(ENDS, "unused_channels_are_closed")
def keeps_the_channels_of_requests() -> LayerFunction:
    return spoiling(message=lambda message: evolve(message, ret=None))


@mutant(
    ENDS,
    *("every_byte_goes_through", "end_of_input_is_no_cancellation", "input_and_output_take_turns", "upload_is_sent"),
    *("upgrade_is_a_conversation", "exec_is_a_conversation", "archive_goes_in_and_out"),
)
def loses_the_end_of_requests() -> LayerFunction:
    return _requests(Endless)


@mutant(ENDS, "every_byte_goes_through", "upload_is_sent", "upgrade_is_a_conversation", "exec_is_a_conversation")
def loses_the_last_byte_of_requests() -> LayerFunction:
    return _requests(Truncated)


@mutant(
    ENDS,
    *("output_is_framed", "followed_log_ends_with_the_container", "log_has_several_readers"),
    *("everybody_who_joins_sees_all", "archive_goes_in_and_out", "request_is_answered"),
)
def loses_the_end_of_replies() -> LayerFunction:
    return _replies(Endless)


@mutant(ENDS, "input_and_output_take_turns", "followed_log_comes_as_it_is_written", "long_answer_comes_as_it_is_sent")
def holds_replies_back() -> LayerFunction:
    return _replies(Coalescing)


@mutant(ENDS, "every_byte_goes_through")
def loses_the_last_byte_of_replies() -> LayerFunction:
    return _replies(Truncated)


@mutant(ENDS, "closing_the_output_ends_the_input", "closed_answer_cancels_upstream")
def does_not_close_replies() -> LayerFunction:
    return _replies(Unclosing)


@mutant(ENDS, "closing_cuts_open_streams")
def takes_a_cut_for_the_end() -> LayerFunction:
    return _replies(Uncut)


@mutant(ENDS, "end_of_input_is_no_cancellation")
def takes_the_end_of_input_for_a_cancellation() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        if message.att is None or message.verb is not Verb.ATTACH:
            return await inner(message)
        scope = trio.CancelScope()
        reply = await inner(evolve(message, att=Ended(message.att, scope.cancel)))
        return reply if reply.att is None else evolve(reply, att=Cancelled(reply.att, scope))

    return layer


@mutant(
    ENDS,
    *("log_is_framed", "log_can_be_one_stream", "terminal_log_is_stream_one", "output_is_framed"),
    *("terminal_is_stream_one",),
)
def confuses_the_streams() -> LayerFunction:
    return _replies(Swapped, Verb.LOG, Verb.ATTACH)
