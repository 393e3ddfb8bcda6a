"""Checks of CONNECT: raw conversations with the engine behind."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from ...frames import FrameDecoder
from ...host import Container, Host, Records
from ...message import Message, Verb
from ...streams import BytesStream, open_pipe, read_whole
from ..archives import archive_of, files_of
from ..check import check
from ..containers import ask_owner, body_of, open_host, output_of, spawned, unique_name
from ..expect import SOON, equal, true, within
from ..subjects import HostSubject
from .joining import MEGABYTE, STDIN


@check
async def request_is_answered(subject: HostSubject) -> None:
    """A GET below a container's path is answered with status, headers and body."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        answer = await container.connect("GET", "/json")
        equal(answer.status, 200, "the status")
        equal(answer.headers.get("content-type"), "application/json", "the header Content-Type")
        equal(json.loads(await body_of(answer))["Id"], container.id, "the id in the body")


@check
async def query_passes_untouched(subject: HostSubject) -> None:
    """The target's query reaches the engine as it is: `size=1` adds what only it adds."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        true("SizeRootFs" in await (await container.connect("GET", "/json?size=1")).json(), "size=1 got lost")
        true("SizeRootFs" not in await (await container.connect("GET", "/json")).json(), "size=1 came from nowhere")


@check
async def engine_error_is_a_reply(subject: HostSubject) -> None:
    """An error of the engine is a reply like any other: its status, headers and body pass; nothing is raised."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        name = unique_name()
        missing = await ask_owner(host, container, "GET", f"/containers/{name}/json")
        equal(missing.status, 404, "the status for what is not there")
        true(name in json.loads(await body_of(missing))["message"], "the engine's text must name what is not there")
        await container.start()
        running = await container.connect("DELETE", "")
        equal(running.status, 409, "the status of removing what runs")
        true(json.loads(await body_of(running))["message"], "the engine's text is missing")


@check
async def head_has_no_body(subject: HostSubject) -> None:
    """HEAD is answered with headers and an empty body."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        answer = await container.connect("HEAD", "/archive?path=/bin")
        equal(answer.status, 200, "the status")
        true("x-docker-container-path-stat" in answer.headers, f"the stat is missing: {dict(answer.headers)}")
        equal(await body_of(answer), b"", "the body")


@check
async def body_is_sent(subject: HostSubject) -> None:
    """A body that is at hand, and its headers, reach the engine."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await container.start()
        answer = await container.connect("POST", "/exec", body={"Cmd": ["true"]})
        equal(answer.status, 201, "the status")
        true((await answer.json()).get("Id"), "the engine gave the exec no id")


@check
async def upload_is_sent(subject: HostSubject) -> None:
    """A body that is a stream reaches the engine whole, of a known length or not."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        archive = archive_of("upload", MEGABYTE)
        for length in (None, len(archive)):
            headers = [["Content-Type", "application/x-tar"]]
            args = {"method": "PUT", "target": "/archive?path=/tmp", "length": length, "headers": headers}
            message = Message(Verb.CONNECT, container.path, args, att=BytesStream(archive))
            with within(SOON, "the reply to an upload"):
                reply = await host.service(message)
            equal(reply["status"], 200, f"the status of an upload of length {length}")
            if reply.att is not None:
                await reply.att.aclose()
            back = await body_of(await container.connect("GET", "/archive?path=/tmp/upload"))
            true(files_of(back) == {"upload": MEGABYTE}, "what was uploaded did not come back")


@check
async def upgrade_is_a_conversation(subject: HostSubject) -> None:
    """After an upgrade bytes pass raw both ways, each with an end of its own (operation ContainerAttach)."""
    async with open_host(subject) as host, spawned(host, subject, "sh", "-c", "cat; echo end", **STDIN) as container:
        reply = await host.service(_upgrade(container.path, "/attach?stream=1&stdin=1&stdout=1", MEGABYTE))
        equal((reply["status"], reply["raw"]), (101, True), "the status, and whether the reply is raw")
        await container.start()
        await _check_echo(reply)


@check
async def exec_is_a_conversation(subject: HostSubject) -> None:
    """An exec is made on its container, started on its engine with input to the end, and asked for its exit code."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600") as container:
        await container.start()
        spec = {"Cmd": ["sh", "-c", "cat; echo end; exit 3"], "AttachStdin": True, "AttachStdout": True}
        made = await (await container.connect("POST", "/exec", body=spec)).json()
        message = _upgrade(container.path[:-2], f"/exec/{made['Id']}/start", MEGABYTE, body=b'{"Detach":false}')
        await _check_echo(await host.service(message))
        await _check_exit_code(host, container, made["Id"], 3)


async def _check_exit_code(host: Host, container: Container, id: str, code: int) -> None:
    document = await (await ask_owner(host, container, "GET", f"/exec/{id}/json")).json()
    equal((document["Running"], document["ExitCode"]), (False, code), "whether the exec runs, and its exit code")


def _upgrade(path: tuple[str, ...], target: str, data: bytes, body: bytes = b"") -> Message:
    args: dict[str, object] = {"method": "POST", "target": target, "raw": True, "upgrade": "tcp"}
    if body:
        args |= {"body": body, "headers": [["Content-Type", "application/json"]]}
    return Message(Verb.CONNECT, path, args, att=BytesStream(data))


async def _check_echo(reply: Message) -> None:
    if reply.att is None:
        raise AssertionError("the reply carries no stream")
    with within(SOON * 2, "a megabyte through cat"):
        output = (await output_of(Records(reply.att))).get(1, b"")
    true(output == MEGABYTE + b"end\n", f"of {len(MEGABYTE) + 4} bytes {len(output)} came back, or others")


@check
async def long_answer_comes_as_it_is_sent(subject: HostSubject) -> None:
    """An answer without an end is passed on piece by piece, and closing it leaves the service usable."""
    async with open_host(subject) as host, spawned(host, subject, "sh", "-c", "echo one; sleep 600") as container:
        await container.start()
        answer = await container.connect("GET", f"/logs?{urlencode({'follow': 1, 'stdout': 1})}")
        with within(SOON, "the first piece of an answer without an end"):
            equal(FrameDecoder().feed(await answer.body.receive_some())[0].data, b"one\n", "the first piece")
        await answer.body.aclose()
        equal((await container.get())["State"]["Running"], True, "State.Running")


@check
async def closed_answer_cancels_upstream(subject: HostSubject) -> None:
    """Closing an answer's body ends the conversation: the upload that belongs to it is read no more."""
    async with open_host(subject) as host, spawned(host, subject, "sleep", "600", **STDIN) as container:
        await container.start()
        sender, receiver = open_pipe()
        args = {"method": "POST", "target": "/attach?stream=1&stdin=1&stdout=1", "raw": True, "upgrade": "tcp"}
        reply = await host.service(Message(Verb.CONNECT, container.path, args, att=receiver))
        if reply.att is None:
            raise AssertionError("the reply carries no stream")
        await reply.att.aclose()
        with within(SOON, "the end of the input after the answer was closed"):
            await sender.wait_reader_gone()


@check
async def unwanted_input_is_closed(subject: HostSubject) -> None:
    """Where the engine refuses a conversation, the input that was handed over is closed."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        sender, receiver = open_pipe()
        args = {"method": "POST", "target": f"/exec/{unique_name()}/start", "raw": True, "upgrade": "tcp"}
        args |= {"body": b'{"Detach":false}', "headers": [["Content-Type", "application/json"]]}
        reply = await host.service(Message(Verb.CONNECT, container.path[:-2], args, att=receiver))
        equal(reply["status"], 404, "the status")
        if reply.att is not None:
            await read_whole(reply.att)
        with within(SOON, "the end of the input of a refused conversation"):
            await sender.wait_reader_gone()


CONVERSING = (
    request_is_answered,
    query_passes_untouched,
    engine_error_is_a_reply,
    head_has_no_body,
    body_is_sent,
    upload_is_sent,
    upgrade_is_a_conversation,
    exec_is_a_conversation,
    long_answer_comes_as_it_is_sent,
    closed_answer_cancels_upstream,
    unwanted_input_is_closed,
)
