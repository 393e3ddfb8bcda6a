"""Checks of ATTACH with `io`: a container's standard streams, joined."""

from __future__ import annotations

from typing import Any

import trio

from ...errors import Code
from ...message import Message, Verb
from ...streams import open_pipe
from ..check import check
from ..containers import first_record, open_host, output_of, spawned, unique_name
from ..expect import SOON, equal, refused, true, within
from ..subjects import HostSubject

STDIN: dict[str, Any] = {
    "OpenStdin": True,
    "StdinOnce": True,
    "AttachStdin": True,
    "AttachStdout": True,
    "AttachStderr": True,
}
"""A container as the foreground `docker run -i` makes it: the first end of its input is the end."""

MEGABYTE = bytes(range(256)) * 4096
ECHO = ("sh", "-c", "cat; echo end >&2")


@check
async def output_is_framed(subject: HostSubject) -> None:
    """Joined before it starts, a container's output comes whole and framed, and ends when it ends."""
    command = ("sh", "-c", "echo out; echo err >&2")
    async with (
        open_host(subject) as host,
        spawned(host, subject, *command) as container,
        container.join() as records,
    ):
        await container.start()
        with within(SOON, "the end of a joined container's output"):
            equal(await output_of(records), {1: b"out\n", 2: b"err\n"}, "the output")


@check
async def every_byte_goes_through(subject: HostSubject) -> None:
    """Input reaches the process to its last byte, its end is passed on, and the output after that comes complete."""
    async with open_host(subject) as host, spawned(host, subject, *ECHO, **STDIN) as container:
        async with container.join(MEGABYTE) as records:
            await container.start()
            with within(SOON * 2, "a megabyte through cat"):
                output = await output_of(records)
        true(output.get(1) == MEGABYTE, f"of {len(MEGABYTE)} bytes {len(output.get(1, b''))} came back, or others")
        equal(output.get(2), b"end\n", "what is written after the end of the input")


@check
async def input_and_output_take_turns(subject: HostSubject) -> None:
    """Bytes pass each way at once, neither end of file being needed for it: a conversation is possible."""
    async with open_host(subject) as host, spawned(host, subject, "cat", **STDIN) as container:
        sender, receiver = open_pipe()
        async with container.join(receiver) as records:
            await container.start()
            with within(SOON, "a conversation with cat"):
                for word in (b"one\n", b"two\n"):
                    await sender.send_all(word)
                    equal((await first_record(records)).data, word, "the answer")
                sender.send_eof()
                equal(await output_of(records), {}, "what comes after the end of the input")


@check
async def end_of_input_is_no_cancellation(subject: HostSubject) -> None:
    """After the end of the input the process goes on, and what it writes later still comes."""
    command = ("sh", "-c", "cat; sleep 1; echo later")
    async with open_host(subject) as host, spawned(host, subject, *command, **STDIN) as container:
        async with container.join(b"now\n") as records:
            await container.start()
            with within(SOON, "the output after the end of the input"):
                equal(await output_of(records), {1: b"now\nlater\n"}, "the output")
        equal(await container.wait(), 0, "the exit code")


@check
async def terminal_is_stream_one(subject: HostSubject) -> None:
    """The output of a container with a terminal is framed, too: all of it is stream 1."""
    command = ("sh", "-c", "echo out; echo err >&2")
    async with open_host(subject) as host, spawned(host, subject, *command, Tty=True) as container:
        async with container.join() as records:
            await container.start()
            with within(SOON, "the end of a terminal's output"):
                output = await output_of(records)
        equal({stream: sorted(data.split()) for stream, data in output.items()}, {1: [b"err", b"out"]}, "the output")


@check
async def closing_the_output_ends_the_input(subject: HostSubject) -> None:
    """Closing the reply's stream cancels upstream: nobody reads the input any more. The container goes on."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600", **STDIN) as container:
        await container.start()
        sender, receiver = open_pipe()
        async with container.join(receiver):
            await sender.send_all(b"x")
        with within(SOON, "the end of the input after the output was closed"):
            await sender.wait_reader_gone()
        equal((await container.get())["State"]["Running"], True, "State.Running after leaving")


@check
async def everybody_who_joins_sees_all(subject: HostSubject) -> None:
    """Each of several who join gets all of the output; they do not share it."""
    async with open_host(subject) as host, spawned(host, subject, "echo", "hi") as container:
        outputs: list[dict[int, bytes]] = []
        async with container.join() as one, container.join() as two:
            await container.start()
            with within(SOON, "the output for two"):
                for records in (one, two):
                    outputs.append(await output_of(records))
        equal(outputs, [{1: b"hi\n"}] * 2, "what each of two read")


@check
async def refused_join_closes_the_input(subject: HostSubject) -> None:
    """Joining what is not there is not_found, and closes the input that was handed over."""
    async with open_host(subject) as host:
        sender, receiver = open_pipe()
        message = Message(Verb.ATTACH, ("containers", unique_name()), {"io": {"stdin": True}}, att=receiver)
        await refused(host.service, message, Code.NOT_FOUND)
        with within(SOON, "the end of the input of a refused ATTACH"):
            await sender.wait_reader_gone()


@check
async def slow_reader_slows_its_writer(subject: HostSubject) -> None:
    """A reader that stops reading slows the one who writes, and no other: the host goes on answering."""
    async with open_host(subject) as host, spawned(host, subject, "cat", **STDIN) as container:
        sender, receiver = open_pipe()
        async with container.join(receiver) as records, trio.open_nursery() as nursery:
            await container.start()
            nursery.start_soon(_send_for_ever, sender)
            await first_record(records)
            with within(SOON, "LS beside output that nobody reads"):
                await host.ls()
            nursery.cancel_scope.cancel()


async def _send_for_ever(sender: trio.abc.SendStream) -> None:
    while True:
        await sender.send_all(MEGABYTE[:65536])


JOINING = (
    output_is_framed,
    every_byte_goes_through,
    input_and_output_take_turns,
    end_of_input_is_no_cancellation,
    terminal_is_stream_one,
    closing_the_output_ends_the_input,
    everybody_who_joins_sees_all,
    refused_join_closes_the_input,
    slow_reader_slows_its_writer,
)
