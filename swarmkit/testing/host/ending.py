"""Checks of what ends when an instance of a host is closed, and of what calls leave behind."""

from __future__ import annotations

import trio
import trio.testing

from ...errors import Code, NotFound, SwarmError
from ...host import Host
from ...message import Message, Verb
from ...streams import read_whole
from ..check import check
from ..containers import log_of, message_to, open_host, output_of, run_to_end, spawned, unique_name
from ..expect import SOON, equal, eventually, subscribe, true, within
from ..leftovers import Leftovers
from ..subjects import HostSubject
from .joining import STDIN

CYCLES = 3


@check
async def closing_cuts_open_streams(subject: HostSubject) -> None:
    """A stream whose instance is closed while it is read raises unavailable; it never reads as an end of file."""
    name = unique_name()
    ended: list[str] = []
    try:
        async with trio.open_nursery() as nursery:
            async with open_host(subject) as host:
                stream = await _endless_log(host, subject, name)
                nursery.start_soon(_read_to_end, stream, ended)
                await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.deadline = trio.current_time() + SOON
    finally:
        with trio.CancelScope(shield=True), trio.fail_after(SOON * 3):
            await _remove_if_there(subject, name)
    equal(ended, [Code.UNAVAILABLE.value], "how a stream ended whose instance was closed (nothing: it did not)")


async def _endless_log(host: Host, subject: HostSubject, name: str) -> trio.abc.ReceiveStream:
    container = await host.spawn({"Image": subject.image, "Cmd": ["sh", "-c", "echo one; sleep 600"]}, name=name)
    await container.start()
    reply = await host.service(message_to(Verb.LOG, container, follow=True))
    if reply.att is None:
        raise AssertionError("the reply to LOG carries no stream")
    return reply.att


async def _read_to_end(stream: trio.abc.ReceiveStream, ended: list[str]) -> None:
    try:
        await read_whole(stream)
    except SwarmError as error:
        ended.append(error.code.value)
    else:
        ended.append("end of file")


async def _remove_if_there(subject: HostSubject, name: str) -> None:
    """Remove what an instance left to its engine; an engine in memory has gone, and the container with it."""
    async with open_host(subject) as host:
        try:
            container = await host.attach(name)
        except NotFound:
            return
        await container.remove(force=True)


@check
async def closing_ends_everything(subject: HostSubject) -> None:
    """When an instance is closed with streams and watches open, its tasks and descriptors are gone."""
    await _leave_open(subject)  # what is loaded once for all is no leak
    before = Leftovers.now()
    await _leave_open(subject)
    equal(before.excess(), "", "what the closed instance left")


async def _leave_open(subject: HostSubject) -> None:
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600", **STDIN) as container:
        await subscribe(host.service)
        await container.start()
        await host.service(message_to(Verb.LOG, container, follow=True))
        await host.service(message_to(Verb.ATTACH, container, io={"stdout": True}))
        await container.connect("GET", "/stats")


@check
async def finished_calls_leave_nothing(subject: HostSubject) -> None:
    """What has been read to its end, or closed, leaves no task and no descriptor in the open instance."""
    async with open_host(subject) as host:
        await host.ls()
        for _ in range(CYCLES):
            await _cycle(host, subject)
        before = Leftovers.now()
        for _ in range(CYCLES):
            await _cycle(host, subject)

        async def look() -> str:
            await trio.lowlevel.checkpoint()
            return before.excess()

        await eventually(look, lambda excess: not excess, "what finished calls left")


async def _cycle(host: Host, subject: HostSubject) -> None:
    """Do what a foreground `docker run` does, and read a log and a watch that are left early."""
    async with spawned(host, subject, "cat", **STDIN) as container:
        async with container.join(b"hi\n") as records:
            await container.start()
            equal(await output_of(records), {1: b"hi\n"}, "the output")
        equal(await container.wait(), 0, "the exit code")
        equal(await log_of(container), {1: b"hi\n"}, "the log")
        async with container.log(follow=True), await subscribe(host.service):
            await trio.lowlevel.checkpoint()


@check
async def many_at_once(subject: HostSubject) -> None:
    """Containers made, run and removed at the same time do not disturb each other."""
    async with open_host(subject) as host:
        logs: dict[int, dict[int, bytes]] = {}

        async def run(number: int) -> None:
            async with spawned(host, subject, "echo", str(number)) as container:
                equal(await run_to_end(container), 0, "the exit code")
                logs[number] = await log_of(container)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(run, number)
        equal(logs, {number: {1: f"{number}\n".encode()} for number in range(5)}, "what each wrote")


@check
async def cancelled_call_leaves_the_host_usable(subject: HostSubject) -> None:
    """Calls that are cancelled while they wait do not harm those after them."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await container.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(container.wait)
            nursery.start_soon(container.stop, 600)
            nursery.start_soon(_read_log, host, message_to(Verb.LOG, container, follow=True))
            await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        with within(SOON, "LS and STOP after cancelled calls"):
            true(await host.ls(), "LS shows nothing")
            await container.stop(timeout=0)


async def _read_log(host: Host, message: Message) -> None:
    reply = await host.service(message)
    if reply.att is not None:
        await read_whole(reply.att)


ENDING = (
    closing_cuts_open_streams,
    closing_ends_everything,
    finished_calls_leave_nothing,
    many_at_once,
    cancelled_call_leaves_the_host_usable,
)
