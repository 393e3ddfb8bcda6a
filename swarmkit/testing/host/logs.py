"""Checks of LOG."""

from __future__ import annotations

import trio

from ...engine.times import parse_time
from ..check import check
from ..containers import first_record, log_of, open_host, output_of, run_to_end, spawned
from ..expect import SOON, equal, true, within
from ..subjects import HostSubject

BOTH = ("sh", "-c", "echo out; echo err >&2")
TWO_LINES = ("sh", "-c", "echo one; sleep 1; echo two")
TALKS_ON = ("sh", "-c", "echo one; sleep 600")
NANO = 10**9


@check
async def log_is_framed(subject: HostSubject) -> None:
    """A log is framed: standard output is stream 1, standard error stream 2."""
    async with open_host(subject) as host, spawned(host, subject, *BOTH) as container:
        await run_to_end(container)
        equal(await log_of(container), {1: b"out\n", 2: b"err\n"}, "the log")


@check
async def log_can_be_one_stream(subject: HostSubject) -> None:
    """With `stdout` or `stderr` false that stream is left out of the log."""
    async with open_host(subject) as host, spawned(host, subject, *BOTH) as container:
        await run_to_end(container)
        equal(await log_of(container, stdout=False), {2: b"err\n"}, "the log without standard output")
        equal(await log_of(container, stderr=False), {1: b"out\n"}, "the log without standard error")


@check
async def terminal_log_is_stream_one(subject: HostSubject) -> None:
    """The log of a container with a terminal is framed, too: all of it is stream 1."""
    async with open_host(subject) as host, spawned(host, subject, *BOTH, Tty=True) as container:
        await run_to_end(container)
        log = await log_of(container)
        equal({stream: sorted(data.split()) for stream, data in log.items()}, {1: [b"err", b"out"]}, "a terminal's log")


@check
async def log_tail_is_the_end(subject: HostSubject) -> None:
    """With `tail` a log begins that many lines before its end."""
    async with open_host(subject) as host, spawned(host, subject, "sh", "-c", "echo a; echo b; echo c") as container:
        await run_to_end(container)
        equal(await log_of(container, tail=2), {1: b"b\nc\n"}, "the last two lines")


@check
async def log_has_timestamps(subject: HostSubject) -> None:
    """With `timestamps` a line begins with the time it was written (RFC 3339); `since` reads from such a time."""
    async with open_host(subject) as host, spawned(host, subject, *TWO_LINES) as container:
        await run_to_end(container)
        stamped = (await log_of(container, timestamps=True))[1].decode().splitlines()
        equal([line.partition(" ")[2] for line in stamped], ["one", "two"], "the lines behind their timestamps")
        first, second = (parse_time(line.partition(" ")[0]) for line in stamped)
        true(first < second, f"the second line was written before the first: {stamped}")
        between = (first + second) / 2 / NANO
        equal(await log_of(container, since=between), {1: b"two\n"}, "the log since a time between the lines")


@check
async def followed_log_ends_with_the_container(subject: HostSubject) -> None:
    """With `follow` a log goes on until the container ends, then ends itself, complete."""
    async with open_host(subject) as host, spawned(host, subject, *TWO_LINES) as container:
        await container.start()
        with within(SOON, "the end of a followed log"):
            equal(await log_of(container, follow=True), {1: b"one\ntwo\n"}, "the followed log")


@check
async def followed_log_comes_as_it_is_written(subject: HostSubject) -> None:
    """What a followed container writes arrives while it runs; it is not held back until more comes."""
    async with open_host(subject) as host, spawned(host, subject, *TALKS_ON) as container:
        await container.start()
        async with container.log(follow=True) as records:
            with within(SOON, "the first line of a container that runs"):
                equal((await first_record(records)).data, b"one\n", "the first line")
        equal((await container.get())["State"]["Running"], True, "State.Running while its log is read")


@check
async def log_has_several_readers(subject: HostSubject) -> None:
    """Each reader of a log gets all of it; two do not share it."""
    async with open_host(subject) as host, spawned(host, subject, *TWO_LINES) as container:
        await container.start()
        logs: list[dict[int, bytes]] = []

        async def read() -> None:
            async with container.log(follow=True) as records:
                logs.append(await output_of(records))

        with within(SOON, "two readers of one log"):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                nursery.start_soon(read)
        equal(logs, [{1: b"one\ntwo\n"}] * 2, "what two readers read")


LOGS = (
    log_is_framed,
    log_can_be_one_stream,
    terminal_log_is_stream_one,
    log_tail_is_the_end,
    log_has_timestamps,
    followed_log_ends_with_the_container,
    followed_log_comes_as_it_is_written,
    log_has_several_readers,
)
