"""Hosts whose calls disturb each other."""

from __future__ import annotations

import trio
from attrs import evolve

from swarmkit.errors import Conflict, Internal
from swarmkit.layer import LayerFunction
from swarmkit.message import Message, Verb, ack
from swarmkit.service import Service

from .base import Mutant, mutant, spoiling
from .streams import Ended

CALLS: list[Mutant] = []


@mutant(CALLS, "reply_verbs_are_refused")
def takes_replies_for_requests() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        return ack() if message.verb in (Verb.ACK, Verb.ERROR) else await inner(message)

    return layer


@mutant(CALLS, "reply_is_an_ack")
def replies_with_the_verb_asked() -> LayerFunction:
    return spoiling(reply=lambda asked, reply: evolve(reply, verb=asked.verb))


@mutant(CALLS, "reply_is_an_ack")
def replies_with_tuples() -> LayerFunction:
    return spoiling(Verb.LS, reply=lambda asked, reply: evolve(reply, args={**reply.args, "more": (1, 2)}))


@mutant(CALLS, "calls_are_independent", "many_at_once")
def refuses_a_second_call() -> LayerFunction:
    lock = trio.Lock()

    async def layer(message: Message, inner: Service) -> Message:
        if lock.locked():
            raise Conflict("one at a time")
        async with lock:
            return await inner(message)

    return layer


@mutant(
    CALLS,
    *("a_watch_holds_up_no_call", "a_wait_holds_up_no_call", "slow_reader_slows_its_writer"),
    *("idle_watcher_holds_up_nobody", "unread_archive_can_be_left"),
)
def serves_one_until_it_is_read() -> LayerFunction:
    lane = trio.Semaphore(1)

    async def layer(message: Message, inner: Service) -> Message:
        await lane.acquire()
        try:
            reply = await inner(message)
        except BaseException:
            lane.release()
            raise
        if reply.att is not None and message.get("method") != "HEAD":
            return evolve(reply, att=Ended(reply.att, lane.release))
        if reply.ret is None:
            lane.release()
        return reply

    return layer


@mutant(CALLS, "cancelling_a_call_leaves_the_service_usable", "cancelled_call_leaves_the_host_usable")
def is_broken_by_cancellation() -> LayerFunction:
    broken: list[bool] = []

    async def layer(message: Message, inner: Service) -> Message:
        if broken:
            raise Internal("a call was cancelled")
        try:
            return await inner(message)
        except trio.Cancelled:
            broken.append(True)
            raise

    return layer


@mutant(
    CALLS,
    "closing_leaves_nothing_behind",
    "closing_ends_everything",
    "finished_calls_leave_nothing",
)
def leaves_a_task_behind() -> LayerFunction:
    async def layer(message: Message, inner: Service) -> Message:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
        return await inner(message)

    return layer
